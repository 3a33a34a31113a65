#include "runtime/Emulator/GlobalLog.h"

#include <algorithm>

using namespace kinema::emulator;

GlobalLog::GlobalLog(const std::vector<MemoryRange> &memory) {
  for (const MemoryRange &range : memory)
    if (range.writable)
      ranges.push_back({range, std::make_unique<Byte[]>(range.bytes)});
}

void GlobalLog::release(const void *address, int64_t cluster, std::vector<uint32_t> moments) {
  std::lock_guard lock(mutex);
  releases[address].push_back({cluster, std::move(moments)});
}

bool GlobalLog::isReleased(const void *address, const Access &access) {
  std::lock_guard lock(mutex);
  auto found = releases.find(address);
  return found != releases.end() && std::ranges::any_of(found->second, [&](const Release &release) {
           return release.cluster == access.cluster && access.moment.agent < release.moments.size() &&
                  access.moment.time <= release.moments[access.moment.agent];
         });
}

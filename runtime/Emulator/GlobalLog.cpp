#include "runtime/Emulator/GlobalLog.h"

#include <algorithm>

using namespace kinema::emulator;

static constexpr uint64_t mostStrongBytes = 16; // of an atomic operation or an ordered load or store

GlobalLog::GlobalLog(const std::vector<MemoryRange> &memory) {
  for (const MemoryRange &range : memory)
    if (range.writable)
      ranges.push_back({range, std::make_unique<Byte[]>(range.bytes)});
}

uint64_t GlobalLog::noteStrong(AccessKind kind, const void *address, uint64_t bytes, const Access &access,
                               std::vector<uint32_t> moments) {
  const std::byte *first = static_cast<const std::byte *>(address);
  std::lock_guard lock(mutex);
  uintptr_t begin = reinterpret_cast<uintptr_t>(first);
  firstStrong = std::min<uintptr_t>(firstStrong, begin);
  lastStrong = std::max<uintptr_t>(lastStrong, begin);
  strong[first].push_back({++strongCount, access, uint32_t(bytes), !isRead(kind), std::move(moments)});
  return strongCount;
}

std::vector<GlobalLog::Strong> GlobalLog::strongAt(const std::byte *first, uint64_t bytes) {
  std::vector<Strong> found;
  uintptr_t begin = reinterpret_cast<uintptr_t>(first);
  if (begin + bytes <= firstStrong || begin >= lastStrong + mostStrongBytes)
    return found;
  std::lock_guard lock(mutex);
  for (auto at = strong.lower_bound(first - mostStrongBytes); at != strong.end() && at->first < first + bytes;
       ++at)
    for (const Strong &one : at->second)
      if (at->first + one.bytes > first)
        found.push_back(one);
  return found;
}

bool GlobalLog::isReleased(const void *address, const Access &access, uint64_t before) {
  std::lock_guard lock(mutex);
  auto found = strong.find(static_cast<const std::byte *>(address));
  return found != strong.end() && std::ranges::any_of(found->second, [&](const Strong &release) {
           if (!release.writes || release.number > before || release.access.cluster != access.cluster ||
               release.moments.empty())
             return false;
           return release.access.moment == access.moment ||
                  (access.moment.agent < release.moments.size() &&
                   access.moment.time <= release.moments[access.moment.agent]);
         });
}

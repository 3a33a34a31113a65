#include "runtime/Emulator/GlobalChecks.h"

#include <algorithm>

using namespace kinema::emulator;

static constexpr int64_t fastBytes = 64;      // most bytes of an access in the fast range
static constexpr uint64_t fastAlignment = 64; // alignment of the fast range's begin

static GlobalChecks::FastRange fastRangeOf(const std::vector<MemoryRange> &memory) {
  MemoryRange largest;
  for (const MemoryRange &range : memory)
    if (range.writable && range.bytes > largest.bytes &&
        reinterpret_cast<uint64_t>(range.begin) % fastAlignment == 0)
      largest = range;
  return {largest.begin, std::max<int64_t>(0, largest.bytes - fastBytes + 1)};
}

GlobalChecks::GlobalChecks(const Launch &launch, Scheduler &scheduler, const Knowledge &knowledge,
                           GlobalOrder &order)
    : scheduler(scheduler), knowledge(knowledge), order(order), fast(fastRangeOf(launch.memory)),
      memory(launch.memory) {
  if (order.isWatched() || launch.profile)
    fast.starts = 0; // each access must be seen
  memory.insert(memory.end(), launch.kernel->globals.begin(), launch.kernel->globals.end());
  for (int i = 0; i < int(memory.size()); ++i)
    memory[i].number = i;
  std::ranges::sort(memory, {}, &MemoryRange::begin);
}

void GlobalChecks::access(AccessKind kind, const void *address, uint64_t bytes) {
  if (!isStrong(kind))
    return access(kind, knowledge.now(scheduler.running()), address, bytes);
  checkBounds(kind, address, bytes);
  if (order.isWatched())
    require(order.noteStrong(kind, static_cast<const std::byte *>(address), bytes), kind, address, bytes);
}

void GlobalChecks::access(AccessKind kind, Moment moment, const void *address, uint64_t bytes) {
  checkBounds(kind, address, bytes);
  if (order.isWatched())
    require(order.note(kind, moment, static_cast<const std::byte *>(address), bytes), kind, address, bytes);
}

void GlobalChecks::require(const std::optional<std::string> &wrong, AccessKind kind, const void *address,
                           uint64_t bytes) {
  if (!wrong) [[likely]]
    return;
  const MemoryRange &range = memory[lastRange];
  scheduler.violate("{} {} bytes at {} of buffer {}{}", nameOf(kind), bytes,
                    static_cast<const std::byte *>(address) - range.begin, range.number, *wrong);
}

// ---- Bounds

void GlobalChecks::checkBounds(AccessKind kind, const void *address, uint64_t bytes) {
  const std::byte *first = static_cast<const std::byte *>(address);
  auto holds = [&](const MemoryRange &range) {
    uint64_t offset = uint64_t(first - range.begin);
    return offset <= uint64_t(range.bytes) && bytes <= uint64_t(range.bytes) - offset &&
           (range.writable || isRead(kind));
  };
  if (lastRange < memory.size() && holds(memory[lastRange])) [[likely]]
    return;
  auto after = std::ranges::upper_bound(memory, first, {}, &MemoryRange::begin);
  if (after == memory.begin() || !holds(*std::prev(after)))
    reportOutside(kind, address, bytes);
  lastRange = size_t(std::prev(after) - memory.begin());
}

void GlobalChecks::reportOutside(AccessKind kind, const void *address, uint64_t bytes) {
  const std::byte *first = static_cast<const std::byte *>(address);
  auto distance = [&](const MemoryRange &range) -> uint64_t {
    const std::byte *end = range.begin + range.bytes;
    return first < range.begin ? range.begin - first : first < end ? 0 : first - end;
  };
  auto nearest = std::ranges::min_element(memory, {}, distance);
  if (nearest == memory.end())
    scheduler.violate("{} {} bytes of global memory, of which it has none", nameOf(kind), bytes);
  int64_t offset = first - nearest->begin;
  if (offset >= 0 && offset + int64_t(bytes) <= nearest->bytes)
    scheduler.violate("{} {} bytes at {} of buffer {}, which is read-only", nameOf(kind), bytes, offset,
                      nearest->number);
  scheduler.violate("{} {} bytes at {} of buffer {}, which has {}", nameOf(kind), bytes, offset,
                    nearest->number, nearest->bytes);
}

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

GlobalChecks::GlobalChecks(const Launch &launch, const Threads &threads, Scheduler &scheduler,
                           Knowledge &knowledge, GlobalLog *log)
    : threads(threads), scheduler(scheduler), knowledge(knowledge), log(log),
      fast(fastRangeOf(launch.memory)), memory(launch.memory) {
  if (log)
    fast.starts = 0; // with a log, each access must be seen
  memory.insert(memory.end(), launch.kernel->globals.begin(), launch.kernel->globals.end());
  for (int i = 0; i < int(memory.size()); ++i)
    memory[i].number = i;
  std::ranges::sort(memory, {}, &MemoryRange::begin);
}

// ---- Order

void GlobalChecks::access(AccessKind kind, const void *address, uint64_t bytes) {
  checkBounds(kind, address, bytes);
  if (!log)
    return;
  if (kind == AccessKind::Atomic)
    return handOn(address);
  auto conflict = log->note(kind, address, bytes, {threads.cluster(), knowledge.now(scheduler.running())},
                            [&](const GlobalLog::Access &earlier) { return isOrderedAfter(earlier); });
  if (!conflict)
    return;
  const MemoryRange &range = memory[lastRange];
  std::string other = conflict->cluster < 0
                          ? "other blocks"
                          : fmt::format("block {}", conflict->cluster * threads.blockCount());
  scheduler.violate("{} {} bytes at {} of buffer {}, which {} {} in the same launch: nothing orders the two",
                    nameOf(kind), bytes, static_cast<const std::byte *>(address) - range.begin, range.number,
                    other, conflict->wrote ? "wrote" : "read");
}

void GlobalChecks::handOn(const void *address) {
  const Thread &thread = scheduler.running();
  std::vector<uint32_t> moments;
  if (thread.handedOn.clock)
    moments = thread.handedOn.clock->seen;
  moments.resize(std::max(moments.size(), threads.size()));
  moments[thread.index] = thread.handedOn.until;
  log->release(address, threads.cluster(), std::move(moments));
  takenOver.push_back({address, thread.index, std::nullopt});
}

void GlobalChecks::fenceDevice() {
  if (!log)
    return;
  Thread &thread = scheduler.running();
  knowledge.clocks.release(std::exchange(thread.handedOn.clock, knowledge.clocks.retain(thread.known.clock)));
  thread.handedOn.until = thread.known.now;
  for (TakenOver &taken : takenOver)
    if (taken.thread == thread.index && !taken.fencedAt)
      taken.fencedAt = thread.known.now;
  ++thread.known.now;
}

bool GlobalChecks::isOrderedAfter(const GlobalLog::Access &earlier) const {
  return std::ranges::any_of(takenOver, [&](const TakenOver &taken) {
    Moment fence{knowledge.agents.ofThread(threads[taken.thread]), taken.fencedAt.value_or(0)};
    return taken.fencedAt && knowledge.knows(scheduler.running(), fence) &&
           log->isReleased(taken.address, earlier);
  });
}

// ---- Bounds

void GlobalChecks::checkBounds(AccessKind kind, const void *address, uint64_t bytes) {
  const std::byte *first = static_cast<const std::byte *>(address);
  auto holds = [&](const MemoryRange &range) {
    uint64_t offset = uint64_t(first - range.begin);
    return offset <= uint64_t(range.bytes) && bytes <= uint64_t(range.bytes) - offset &&
           (range.writable || kind == AccessKind::Read);
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

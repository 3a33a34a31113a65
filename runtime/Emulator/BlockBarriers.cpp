#include "runtime/Emulator/BlockBarriers.h"

using namespace kinema::emulator;

void BlockBarriers::start() {
  ofBlocks.clear();
  ofBlocks.resize(threads.blockCount());
}

void BlockBarriers::arrive(uint32_t id, uint32_t count) {
  join(id, count, Reduction::None, false, /*waits=*/false);
}

uint32_t BlockBarriers::sync(uint32_t id, uint32_t count, Reduction reduction, bool predicate) {
  join(id, count, reduction, predicate, /*waits=*/true);
  return uint32_t(scheduler.running().result);
}

void BlockBarriers::begin(Barrier &barrier, uint32_t count, Reduction reduction) {
  barrier.expected = count;
  barrier.reduction = reduction;
  barrier.truths = 0;
  barrier.lanes.assign(threads.warpsPerBlock, 0);
  barrier.waiting.clear();
  barrier.clock = knowledge.clocks.make();
}

void BlockBarriers::join(uint32_t id, uint32_t count, Reduction reduction, bool predicate, bool waits) {
  Thread &thread = scheduler.running();
  auto &barriers = ofBlocks[thread.rank];
  if (id >= barriers.size())
    scheduler.violate("there are barriers 0 to 15, not {}", id);
  if (count % warpSize || count > uint32_t(threads.warpsPerBlock * warpSize))
    scheduler.violate("barrier {} for {} threads: must be a multiple of 32, up to the block's {}", id, count,
                      threads.perBlock);
  Barrier &barrier = barriers[id];
  if (barrier.arrived == 0)
    begin(barrier, count, reduction);
  if (barrier.expected != count || barrier.reduction != reduction)
    scheduler.violate("barrier {} for {} threads; the threads that arrived before said {}{}", id, count,
                      barrier.expected, barrier.reduction != reduction ? ", and another reduction" : "");
  uint32_t &lanes = barrier.lanes[thread.number / warpSize];
  if (lanes & thread.laneBit())
    scheduler.violate("arrives twice at barrier {}", id);
  lanes |= thread.laneBit();
  barrier.truths += predicate;
  ++barrier.arrived;
  knowledge.release(thread, *barrier.clock);
  if (waits)
    barrier.waiting.push_back(thread.index);
  if (barrier.arrived >= (count ? count : uint32_t(threads.blockOf(thread).live)))
    complete(thread.rank, id); // if the thread waits, it is among those that are woken
  if (waits)
    scheduler.wait(*this, id);
}

void BlockBarriers::complete(int rank, uint32_t id) {
  Barrier &barrier = ofBlocks[rank][id];
  for (int i = 0; i < threads.warpsPerBlock; ++i) {
    const Warp &warp = warps[rank * threads.warpsPerBlock + i];
    if (barrier.lanes[i] && (barrier.lanes[i] | warp.left) != warp.lanes)
      scheduler.violate("barrier {}: of warp {} only lanes {:#x} take part, while the others are elsewhere",
                        id, i, barrier.lanes[i]);
  }
  uint32_t results[] = {0, barrier.truths, barrier.truths == barrier.arrived, barrier.truths > 0};
  for (int index : barrier.waiting) {
    Thread &thread = threads[index];
    thread.result = results[uint32_t(barrier.reduction)];
    knowledge.setClock(thread, barrier.clock);
    scheduler.wake(thread);
  }
  knowledge.clocks.release(barrier.clock);
  barrier.clock = nullptr;
  barrier.arrived = 0;
  barrier.expected = 0;
}

void BlockBarriers::leave(const Thread &thread) {
  auto &barriers = ofBlocks[thread.rank];
  for (uint32_t id = 0; id < barriers.size(); ++id)
    if (barriers[id].arrived && !barriers[id].expected &&
        barriers[id].arrived == uint32_t(threads.blockOf(thread).live))
      complete(thread.rank, id);
}

std::string BlockBarriers::describeWait(const Thread &thread) const {
  const Barrier &barrier = ofBlocks[thread.rank][thread.awaitedDetail];
  return fmt::format("waits at barrier {}, where {} of {} threads have arrived", thread.awaitedDetail,
                     barrier.arrived,
                     barrier.expected ? int(barrier.expected) : threads.blockOf(thread).live);
}

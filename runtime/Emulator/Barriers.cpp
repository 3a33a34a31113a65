// Operations in which the threads of a block or a warp wait for each other.
#include "runtime/Emulator/Cluster.h"

#include <bit>

using namespace kinema::emulator;

// ---- Block barriers

void Cluster::barrier(uint32_t id, uint32_t count, uint32_t reduction, uint32_t predicate, bool waits) {
  Thread &thread = *current;
  Block &block = blockOf(thread);
  if (id >= block.barriers.size())
    violate("there are barriers 0 to 15, not {}", id);
  if (count % warpSize || count > uint32_t(warpsPerBlock * warpSize))
    violate("barrier {} for {} threads: must be a multiple of 32, up to the block's {}", id, count,
            threadsPerBlock);
  NamedBarrier &barrier = block.barriers[id];
  if (barrier.arrived == 0) {
    barrier.expected = count;
    barrier.reduction = reduction;
    barrier.truths = 0;
    barrier.lanes.assign(warpsPerBlock, 0);
    barrier.waiting.clear();
    barrier.clock = clocks.make();
  }
  if (barrier.expected != count || barrier.reduction != reduction)
    violate("barrier {} for {} threads; the threads that arrived before said {}{}", id, count,
            barrier.expected, barrier.reduction != reduction ? ", and another reduction" : "");
  uint32_t &lanes = barrier.lanes[thread.number / warpSize];
  if (lanes & thread.laneBit())
    violate("arrives twice at barrier {}", id);
  lanes |= thread.laneBit();
  barrier.truths += predicate != 0;
  ++barrier.arrived;
  release(thread, *barrier.clock);
  if (waits)
    barrier.waiting.push_back(thread.index);
  uint32_t needed = count ? count : uint32_t(block.live);
  if (barrier.arrived < needed) {
    if (waits)
      this->block(Wait::Barrier, id);
    return;
  }
  completeBarrier(block, id);
  if (waits)
    this->block(Wait::Barrier, id); // it is among those that were woken
}

void Cluster::completeBarrier(Block &block, uint32_t id) {
  NamedBarrier &barrier = block.barriers[id];
  int firstWarp = int(&block - blocks.data()) * warpsPerBlock;
  for (int i = 0; i < warpsPerBlock; ++i) {
    const Warp &warp = warps[firstWarp + i];
    if (barrier.lanes[i] && (barrier.lanes[i] | warp.left) != warp.lanes)
      violate("barrier {}: of warp {} only lanes {:#x} take part, while the others are elsewhere", id, i,
              barrier.lanes[i]);
  }
  uint32_t results[] = {barrier.truths, barrier.truths == barrier.arrived, barrier.truths > 0};
  for (int index : barrier.waiting) {
    Thread &thread = threads[index];
    if (barrier.reduction)
      thread.result = results[barrier.reduction - 1];
    setClock(thread, barrier.clock);
    wake(thread);
  }
  clocks.release(barrier.clock);
  barrier.clock = nullptr;
  barrier.arrived = 0;
  barrier.expected = 0;
}

// After a thread has exited: barriers of the whole block wait for the others only.
void Cluster::checkBarriers(Block &block, int rank) {
  for (uint32_t id = 0; id < block.barriers.size(); ++id) {
    NamedBarrier &barrier = block.barriers[id];
    if (barrier.arrived && !barrier.expected && barrier.arrived == uint32_t(block.live))
      completeBarrier(block, id);
  }
}

// ---- The cluster's barrier

void Cluster::arriveAtCluster(bool relaxed) {
  Thread &thread = *current;
  if (thread.arrivedAtCluster)
    violate("arrives twice at the cluster's barrier without a wait");
  thread.arrivedAtCluster = true;
  thread.clusterPhase = clusterBarrier.phase;
  if (!clusterBarrier.arrivals)
    clusterBarrier.arrivals = clocks.make();
  if (!relaxed)
    release(thread, *clusterBarrier.arrivals);
  ++clusterBarrier.arrived;
  settleCluster();
}

// Those that have exited count as arrived.
void Cluster::settleCluster() {
  int live = 0;
  for (const Block &block : blocks)
    live += block.live;
  if (clusterBarrier.arrived == 0 || clusterBarrier.arrived < live)
    return;
  clocks.release(clusterBarrier.complete);
  clusterBarrier.complete = clusterBarrier.arrivals;
  clusterBarrier.arrivals = nullptr;
  clusterBarrier.arrived = 0;
  ++clusterBarrier.phase;
  for (int index : clusterBarrier.waiting)
    wake(threads[index]);
  clusterBarrier.waiting.clear();
}

void Cluster::waitForCluster() {
  Thread &thread = *current;
  if (!thread.arrivedAtCluster)
    violate("waits at the cluster's barrier without having arrived");
  thread.arrivedAtCluster = false;
  if (clusterBarrier.phase == thread.clusterPhase) {
    clusterBarrier.waiting.push_back(thread.index);
    block(Wait::Cluster, 0);
  }
  acquire(thread, clusterBarrier.complete);
}

void *Cluster::mapRank(void *address, uint32_t rank) {
  if (rank >= blocks.size())
    violate("there is no block {} in a cluster of {}", rank, blocks.size());
  if (!window.holds(address))
    violate("mapa of {}, which is not in shared memory", address);
  return window.at(uint32_t(window.addressOf(address) % Window::stride + rank * Window::stride));
}

uint32_t Cluster::clusterAddress(const void *address) {
  return uint32_t(window.addressOf(address) + Window::stride);
}

// ---- Warps

uint64_t Cluster::meet(uint32_t mask, void (*complete)(Cluster &, int, Meeting &), bool ordersMemory) {
  Thread &thread = *current;
  int index = thread.rank * warpsPerBlock + thread.number / warpSize;
  Warp &warp = warps[index];
  mask &= warp.lanes;
  if (!(mask & thread.laneBit()))
    violate("lane {} is not in the mask {:#x} that it gives", thread.lane(), mask);
  size_t at = 0;
  while (at < warp.meetings.size() && warp.meetings[at].mask != mask)
    ++at;
  if (at == warp.meetings.size())
    warp.meetings.push_back({mask, 0, thread.site, complete, ordersMemory ? clocks.make() : nullptr});
  Meeting &meeting = warp.meetings[at];
  if (meeting.complete != complete || (meeting.site != thread.site && !ordersMemory))
    violate("lanes of a warp with the same mask {:#x} meet in different operations: here and{}", mask,
            siteText(meeting.site));
  meeting.arrived |= thread.laneBit();
  if (ordersMemory)
    release(thread, *meeting.clock);
  if (mask & ~(meeting.arrived | warp.left)) {
    block(Wait::Warp, mask);
    return thread.result;
  }
  completeMeeting(index, at);
  block(Wait::Warp, mask); // it is among those that were woken
  return thread.result;
}

void Cluster::completeMeeting(int index, size_t at) {
  Warp &warp = warps[index];
  Meeting meeting = warp.meetings[at];
  warp.meetings.erase(warp.meetings.begin() + at);
  meeting.complete(*this, index, meeting);
  for (int lane = 0; lane < warpSize; ++lane)
    if (meeting.arrived >> lane & 1) {
      Thread &thread = threads[warp.first + lane];
      if (meeting.clock)
        setClock(thread, meeting.clock);
      wake(thread);
    }
  clocks.release(meeting.clock);
}

// After a lane has exited: nobody waits for it any more.
void Cluster::settleMeetings(int index) {
  Warp &warp = warps[index];
  for (size_t at = 0; at < warp.meetings.size();)
    if (warp.meetings[at].mask & ~(warp.meetings[at].arrived | warp.left))
      ++at;
    else
      completeMeeting(index, at);
}

void Cluster::warpSync(uint32_t mask) {
  meet(mask, [](Cluster &, int, Meeting &) {}, /*ordersMemory=*/true);
}

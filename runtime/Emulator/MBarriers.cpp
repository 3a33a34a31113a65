// mbarriers: PTX ISA, "Parallel Synchronization and Communication Instructions: mbarrier".
#include "runtime/Emulator/Cluster.h"

using namespace kinema::emulator;

static constexpr int64_t mostBytes = (1 << 20) - 1; // the range of the count of transactions

// The address in the cluster of a pointer into the thread's own block.
uint32_t Cluster::ownShared(const void *pointer, uint32_t alignment, const char *what) {
  uint64_t address = window.addressOf(pointer);
  if (!window.holds(pointer) || int(address / Window::stride) != current->rank)
    violate("{} must be in the block's shared memory, and is at {}", what, pointer);
  if (address % alignment)
    violate("{} must be at a multiple of {}, and is at {}", what, alignment,
            int64_t(address % Window::stride) - int64_t(sharedStart));
  return uint32_t(address);
}

void Cluster::initMBarrier(const void *pointer, uint32_t count) {
  uint32_t address = ownShared(pointer, 8, "an mbarrier");
  if (count < 1 || count >= 1 << 20)
    violate("an mbarrier for {} arrivals: must be 1 to 2^20 - 1", count);
  accessShared(AccessKind::Write, address, 8);
  if (mbarriers.size() == mostMBarriers)
    violate("more than {} mbarriers", mostMBarriers);
  uint32_t slot =
      uint32_t(current->rank) * ((sharedStart + sharedBytes + 7) / 8) + address % Window::stride / 8;
  mbarrierAt[slot] = int16_t(mbarriers.size());
  log.markBarrier(address, true);
  MBarrier barrier;
  barrier.address = address;
  barrier.expected = barrier.pending = count;
  barrier.init = {Agent(current->index), current->now};
  barrier.initSite = current->site;
  barrier.live = true;
  barrier.arrivals = clocks.make();
  mbarriers.push_back(std::move(barrier));
}

MBarrier &Cluster::findMBarrier(uint32_t address) {
  checkBounds(AccessKind::Atomic, address, 8);
  uint32_t slot = uint32_t(address / Window::stride) * ((sharedStart + sharedBytes + 7) / 8) +
                  address % Window::stride / 8;
  int16_t index = mbarrierAt[slot];
  if (address % 8 || index < 0)
    violate("there is no mbarrier at {}", int64_t(address % Window::stride) - int64_t(sharedStart));
  MBarrier &barrier = mbarriers[index];
  if (!knows(*current, barrier.init))
    violate("uses the mbarrier at {}; {} initialises it{}, and nothing orders the two",
            int64_t(address % Window::stride) - int64_t(sharedStart), describeMoment(barrier.init),
            siteText(barrier.initSite));
  return barrier;
}

// async: what completes on it is not the thread itself.
MBarrier &Cluster::useMBarrier(const void *pointer, bool async) {
  if (!window.holds(pointer))
    violate("an mbarrier must be in shared memory, and is at {}", pointer);
  MBarrier &barrier = findMBarrier(uint32_t(window.addressOf(pointer)));
  if (async && !barrier.fenced)
    violate("a copy counts for the mbarrier at {}, but no fence.mbarrier_init follows its initialisation{}",
            barrier.address % Window::stride - sharedStart, siteText(barrier.initSite));
  return barrier;
}

void Cluster::fenceMBarrierInit() {
  for (MBarrier &barrier : mbarriers)
    if (barrier.init.agent == current->index)
      barrier.fenced = true;
}

void Cluster::invalidateMBarrier(const void *pointer) {
  MBarrier &barrier = useMBarrier(pointer, false);
  if (!barrier.waiting.empty() || barrier.bytes ||
      (barrier.complete && !knows(*current, {agentOf(barrier), barrier.phase})))
    violate("invalidates {}, which is still in use", describe(barrier));
  uint32_t slot =
      uint32_t(current->rank) * ((sharedStart + sharedBytes + 7) / 8) + barrier.address % Window::stride / 8;
  mbarrierAt[slot] = -1;
  log.markBarrier(barrier.address, false);
  barrier.live = false;
}

std::string Cluster::describe(const MBarrier &barrier) {
  return fmt::format("the mbarrier at {}, phase {}, which lacks {} of {} arrivals and {} bytes",
                     barrier.address % Window::stride - sharedStart, barrier.phase, barrier.pending,
                     barrier.expected, barrier.bytes);
}

void Cluster::expectBytes(const void *pointer, int64_t bytes) {
  MBarrier &barrier = useMBarrier(pointer, false);
  barrier.bytes += bytes;
  if (barrier.bytes > mostBytes || barrier.bytes < -mostBytes)
    violate("{}: it counts up to {}", describe(barrier), mostBytes);
  tryComplete(barrier);
}

uint64_t Cluster::arrive(const void *pointer, uint32_t count, bool drop, uint32_t bytes) {
  MBarrier &barrier = useMBarrier(pointer, false);
  barrier.bytes += bytes;
  if (barrier.bytes > mostBytes)
    violate("{}: it counts up to {}", describe(barrier), mostBytes);
  if (count < 1 || count > barrier.pending)
    violate("arrives {} times at {}", count, describe(barrier));
  release(*current, *barrier.arrivals);
  barrier.pending -= count;
  if (drop)
    barrier.expected -= count;
  uint64_t phase = barrier.phase;
  tryComplete(barrier);
  return phase;
}

void Cluster::tryComplete(MBarrier &barrier) {
  if (barrier.pending || barrier.bytes)
    return;
  for (const AsyncCopy &copy : copies)
    if (copy.barrier == &barrier - mbarriers.data() && copy.phase == barrier.phase &&
        copy.kind != AsyncCopy::Kind::AsyncArrive) {
      record(
          &threads[copy.thread], copy.site,
          fmt::format(
              "phase {} of the mbarrier at {} is complete before this copy, which counts for it: fewer bytes "
              "were expected than are copied",
              barrier.phase, barrier.address % Window::stride - sharedStart));
      stop("");
    }
  if (barrier.complete)
    barrier.arrivals->join(*barrier.complete);
  ++barrier.phase;
  barrier.arrivals->raiseSeen(agentOf(barrier), barrier.phase);
  barrier.pending = barrier.expected;
  clocks.release(barrier.complete);
  barrier.complete = barrier.arrivals;
  barrier.arrivals = clocks.make();
  // They look again when their turn comes: by then, the barrier may be a phase further.
  for (int index : barrier.waiting)
    wake(threads[index]);
  barrier.waiting.clear();
}

void Cluster::passPhase(Thread &thread, MBarrier &barrier) {
  if (barrier.complete)
    acquire(thread, barrier.complete);
}

void Cluster::waitParity(const void *pointer, uint32_t parity) {
  if (parity > 1)
    violate("waits for a phase of parity {}: must be 0 or 1", parity);
  MBarrier &barrier = useMBarrier(pointer, false);
  while ((barrier.phase & 1) == parity) {
    barrier.waiting.push_back(current->index);
    block(Wait::MBarrier, uint32_t(&barrier - mbarriers.data()));
  }
  passPhase(*current, barrier);
}

bool Cluster::testPhase(const void *pointer, uint32_t phase, bool isParity, bool waits) {
  if (isParity && phase > 1)
    violate("tests for a phase of parity {}: must be 0 or 1", phase);
  MBarrier &barrier = useMBarrier(pointer, false);
  auto isComplete = [&] { return isParity ? (barrier.phase & 1) != phase : barrier.phase > phase; };
  if (!isComplete() && waits) {
    barrier.waiting.push_back(current->index);
    block(Wait::MBarrier, uint32_t(&barrier - mbarriers.data()));
  }
  if (!isComplete()) {
    pause();
    return false;
  }
  passPhase(*current, barrier);
  return true;
}

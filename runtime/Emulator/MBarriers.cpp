#include "runtime/Emulator/MBarriers.h"

#include <algorithm>

using namespace kinema::emulator;

static constexpr int64_t mostBytes = (1 << 20) - 1; // the range of the count of transactions
static constexpr uint32_t mbarrierBytes = 8;

void MBarriers::start() {
  mbarriers.clear();
  mbarriers.reserve(Agents::mostMBarriers);
  uint32_t slots = (Window::start + shared.bytes) / mbarrierBytes + 1;
  indices.assign(size_t(threads.blockCount()) * slots, -1);
}

int16_t &MBarriers::indexAt(uint32_t address) {
  size_t slots = indices.size() / size_t(threads.blockCount());
  return indices[size_t(Window::rankOf(address)) * slots + address % Window::stride / mbarrierBytes];
}

std::string MBarriers::describe(const MBarrier &barrier) const {
  return fmt::format("the mbarrier at {}, phase {}, which lacks {} of {} arrivals and {} bytes",
                     Window::offsetOf(barrier.address), barrier.phase, barrier.pending, barrier.expected,
                     barrier.bytes);
}

std::string MBarriers::describeWait(const Thread &thread) const {
  return "waits for " + describe(mbarriers[thread.awaitedDetail]);
}

// ---- From its initialisation to its end

void MBarriers::init(const void *pointer, uint32_t count) {
  const Thread &thread = scheduler.running();
  uint32_t address = shared.ownAddress(pointer, mbarrierBytes, "an mbarrier");
  if (count < 1 || count >= 1 << 20)
    scheduler.violate("an mbarrier for {} arrivals: must be 1 to 2^20 - 1", count);
  shared.access(AccessKind::Write, address, mbarrierBytes);
  if (mbarriers.size() == Agents::mostMBarriers)
    scheduler.violate("more than {} mbarriers", Agents::mostMBarriers);
  indexAt(address) = int16_t(mbarriers.size());
  shared.markBarrier(address, true);
  agents.addMBarrier(Window::offsetOf(address));
  MBarrier barrier;
  barrier.address = address;
  barrier.expected = barrier.pending = count;
  barrier.init = knowledge.now(thread);
  barrier.initSite = thread.site;
  barrier.live = true;
  barrier.arrivals = knowledge.clocks.make();
  mbarriers.push_back(std::move(barrier));
}

MBarriers::MBarrier &MBarriers::find(uint32_t address) {
  shared.checkBounds(AccessKind::Atomic, address, mbarrierBytes);
  int16_t index = indexAt(address);
  if (address % mbarrierBytes || index < 0)
    scheduler.violate("there is no mbarrier at {}", Window::offsetOf(address));
  MBarrier &barrier = mbarriers[index];
  if (!knowledge.knows(scheduler.running(), barrier.init))
    scheduler.violate("uses the mbarrier at {}; {} initialises it{}, and nothing orders the two",
                      Window::offsetOf(address), agents.describe(barrier.init),
                      scheduler.siteText(barrier.initSite));
  return barrier;
}

uint32_t MBarriers::addressOf(const void *pointer) {
  if (!shared.window.holds(pointer))
    scheduler.violate("an mbarrier must be in shared memory, and is at {}", pointer);
  return uint32_t(shared.window.addressOf(pointer));
}

MBarriers::MBarrier &MBarriers::use(const void *pointer) { return find(addressOf(pointer)); }

void MBarriers::fenceInit() {
  Agent own = agents.ofThread(scheduler.running());
  for (MBarrier &barrier : mbarriers)
    if (barrier.init.agent == own)
      barrier.fenced = true;
}

void MBarriers::invalidate(const void *pointer) {
  MBarrier &barrier = use(pointer);
  Moment last{agents.ofMBarrier(size_t(phaseOf(barrier).index)), barrier.phase};
  if (!barrier.waiting.empty() || barrier.bytes ||
      (barrier.complete && !knowledge.knows(scheduler.running(), last)))
    scheduler.violate("invalidates {}, which is still in use", describe(barrier));
  indexAt(barrier.address) = -1;
  shared.markBarrier(barrier.address, false);
  barrier.live = false;
}

void MBarriers::checkLeftovers() {
  for (const MBarrier &barrier : mbarriers)
    if (barrier.live && barrier.bytes)
      scheduler.violateAt(nullptr, noSite, fmt::format("the block ends with {}", describe(barrier)));
}

// ---- Arrivals

void MBarriers::count(MBarrier &barrier, int64_t bytes) {
  barrier.bytes += bytes;
  if (barrier.bytes > mostBytes || barrier.bytes < -mostBytes)
    scheduler.violate("{}: it counts up to {}", describe(barrier), mostBytes);
}

void MBarriers::expectBytes(const void *pointer, int64_t bytes) {
  MBarrier &barrier = use(pointer);
  count(barrier, bytes);
  tryComplete(barrier);
}

uint64_t MBarriers::arrive(const void *pointer, uint32_t arrivals, bool drop, uint32_t bytes) {
  MBarrier &barrier = use(pointer);
  count(barrier, bytes);
  if (arrivals < 1 || arrivals > barrier.pending)
    scheduler.violate("arrives {} times at {}", arrivals, describe(barrier));
  knowledge.release(scheduler.running(), *barrier.arrivals);
  barrier.pending -= arrivals;
  if (drop)
    barrier.expected -= arrivals;
  uint64_t phase = barrier.phase;
  tryComplete(barrier);
  return phase;
}

void MBarriers::tryComplete(MBarrier &barrier) {
  if (barrier.pending || barrier.bytes)
    return;
  auto late = std::ranges::find(barrier.copies, barrier.phase, &MBarrier::Counted::phase);
  if (late != barrier.copies.end())
    scheduler.violateAt(
        &threads[late->thread], late->site,
        fmt::format("phase {} of the mbarrier at {} is complete before this copy, which counts for it: fewer "
                    "bytes were expected than are copied",
                    barrier.phase, Window::offsetOf(barrier.address)));
  if (barrier.complete)
    barrier.arrivals->join(*barrier.complete);
  ++barrier.phase;
  barrier.arrivals->raiseSeen(agents.ofMBarrier(size_t(phaseOf(barrier).index)), barrier.phase);
  barrier.pending = barrier.expected;
  knowledge.clocks.release(barrier.complete);
  barrier.complete = barrier.arrivals;
  barrier.arrivals = knowledge.clocks.make();
  // The threads look again when their turn comes, since by then the barrier may be a phase further.
  for (int index : barrier.waiting)
    scheduler.wake(threads[index]);
  barrier.waiting.clear();
}

// ---- Waits

void MBarriers::pass(const MBarrier &barrier) {
  if (barrier.complete)
    knowledge.acquire(scheduler.running(), barrier.complete);
}

void MBarriers::wait(MBarrier &barrier) {
  barrier.waiting.push_back(scheduler.running().index);
  scheduler.wait(*this, uint32_t(phaseOf(barrier).index));
}

void MBarriers::waitParity(const void *pointer, uint32_t parity) {
  if (parity > 1)
    scheduler.violate("waits for a phase of parity {}: must be 0 or 1", parity);
  MBarrier &barrier = use(pointer);
  while ((barrier.phase & 1) == parity)
    wait(barrier);
  pass(barrier);
}

bool MBarriers::testPhase(const void *pointer, uint32_t phase, bool isParity, bool waits) {
  if (isParity && phase > 1)
    scheduler.violate("tests for a phase of parity {}: must be 0 or 1", phase);
  MBarrier &barrier = use(pointer);
  auto isComplete = [&] { return isParity ? (barrier.phase & 1) != phase : barrier.phase > phase; };
  if (!isComplete() && waits)
    wait(barrier);
  if (!isComplete()) {
    scheduler.pause();
    return false;
  }
  pass(barrier);
  return true;
}

// ---- Copies

MBarriers::Phase MBarriers::phaseFor(const void *pointer, int rank) {
  const MBarrier &barrier = find(Window::inBlock(addressOf(pointer), rank));
  if (!barrier.fenced)
    scheduler.violate(
        "a copy or a commit counts for the mbarrier at {}, but no fence.mbarrier_init follows its "
        "initialisation{}",
        Window::offsetOf(barrier.address), scheduler.siteText(barrier.initSite));
  return phaseOf(barrier);
}

void MBarriers::issue(Phase phase) {
  const Thread &thread = scheduler.running();
  mbarriers[phase.index].copies.push_back({thread.index, thread.site, phase.number});
}

void MBarriers::land(Phase phase, const Thread &thread, uint32_t site, uint32_t bytes) {
  MBarrier &barrier = mbarriers[phase.index];
  barrier.copies.erase(
      std::ranges::find(barrier.copies, MBarrier::Counted{thread.index, site, phase.number}));
  barrier.bytes -= bytes;
  tryComplete(barrier);
}

MBarriers::Phase MBarriers::issueArrival(const void *pointer, bool countsItself) {
  MBarrier &barrier = use(pointer);
  if (countsItself)
    ++barrier.pending;
  else if (!barrier.pending)
    scheduler.violate("arrives at {}", describe(barrier));
  return phaseOf(barrier);
}

void MBarriers::landArrival(Phase phase, Moment upTo, const Clock *handedOn, const Thread &thread,
                            uint32_t site) {
  MBarrier &barrier = mbarriers[phase.index];
  if (!barrier.pending)
    scheduler.violateAt(&thread, site, fmt::format("arrives once more at {}", describe(barrier)));
  barrier.arrivals->raiseSeen(upTo.agent, upTo.time);
  if (handedOn)
    barrier.arrivals->join(*handedOn);
  --barrier.pending;
  tryComplete(barrier);
}

// Threads and the order in which they run; what is known of whom; checks of memory accesses.
#include "runtime/Emulator/Cluster.h"

#include "runtime/Support/Error.h"

#include <algorithm>

using namespace kinema;
using namespace kinema::emulator;
using boost::context::detail::jump_fcontext;
using boost::context::detail::transfer_t;

static constexpr int64_t fastBytes = 64;      // of an access in the fast range
static constexpr uint64_t fastAlignment = 64; // of its beginning
static constexpr int patience = 2000;         // rounds in which all that run only poll

Cluster::Cluster(const Launch &launch, GlobalLog *globalLog)
    : launch(launch),
      threadsPerBlock(launch.kernel->threads[0] * launch.kernel->threads[1] * launch.kernel->threads[2]),
      warpsPerBlock((threadsPerBlock + warpSize - 1) / warpSize),
      sharedBytes(launch.kernel->staticShared + launch.dynamicShared),
      threads(threadsPerBlock * launch.kernel->cluster), warps(warpsPerBlock * launch.kernel->cluster),
      blocks(launch.kernel->cluster), memory(launch.memory), globalLog(globalLog) {
  memory.insert(memory.end(), launch.kernel->globals.begin(), launch.kernel->globals.end());
  for (int i = 0; i < int(memory.size()); ++i)
    memory[i].number = i;
  std::sort(memory.begin(), memory.end(),
            [](const MemoryRange &a, const MemoryRange &b) { return a.begin < b.begin; });
  MemoryRange largest;
  for (const MemoryRange &range : launch.memory)
    if (range.writable && range.bytes > largest.bytes &&
        reinterpret_cast<uint64_t>(range.begin) % fastAlignment == 0)
      largest = range;
  int64_t fast = globalLog ? 0 : std::max<int64_t>(0, largest.bytes - fastBytes + 1);
  args = {largest.begin, reinterpret_cast<void *>(fast)};
  args.insert(args.end(), launch.args.begin(), launch.args.end());
  warpgroups.resize(blocks.size() * groupsPerBlock());
  firstBulk = threads.size() + mostMBarriers + warpsOfGroup * warpgroups.size();
  for (int i = 0; i < int(threads.size()); ++i) {
    threads[i].cluster = this;
    threads[i].index = i;
    threads[i].rank = i / threadsPerBlock;
    threads[i].number = i % threadsPerBlock;
    threads[i].group = threads[i].rank * groupsPerBlock() + threads[i].number / Warpgroup::size;
  }
  for (int i = 0; i < int(warps.size()); ++i) {
    int inBlock = i % warpsPerBlock, lanes = std::min(warpSize, threadsPerBlock - inBlock * warpSize);
    warps[i].first = i / warpsPerBlock * threadsPerBlock + inBlock * warpSize;
    warps[i].lanes = lanes == warpSize ? ~0u : (1u << lanes) - 1;
  }
}

// ---- Running

void Cluster::start(int64_t first) {
  violation.reset();
  clocks.reset();
  log.reset(int(blocks.size()), sharedStart + sharedBytes);
  random = Random(launch.seed, uint64_t(first));
  inOrder = launch.seed < 2;
  reversed = launch.seed == 1;
  landing = launch.seed < 2 ? Landing::Late : Landing(launch.seed % 3);
  mbarriers.clear();
  mbarriers.reserve(mostMBarriers);
  mbarrierAt.assign(blocks.size() * (sharedStart + sharedBytes + 7) / 8, -1);
  copies.clear();
  takenOver.clear();
  clusterBarrier = ClusterBarrier();
  for (int i = 0; i < int(warpgroups.size()); ++i) {
    int inBlock = i % groupsPerBlock();
    std::vector<Accumulator> accumulators = std::move(warpgroups[i].accumulators); // their memory
    for (Accumulator &accumulator : accumulators)
      accumulator.serial = 0;
    warpgroups[i] = Warpgroup();
    warpgroups[i].accumulators = std::move(accumulators);
    warpgroups[i].first = i / groupsPerBlock() * threadsPerBlock + inBlock * Warpgroup::size;
    warpgroups[i].count = std::min(Warpgroup::size, threadsPerBlock - inBlock * Warpgroup::size);
  }
  Clock *nothing = clocks.make();
  for (Thread &thread : threads) {
    thread.fiber.start([](transfer_t from) {
      Thread &thread = *static_cast<Thread *>(from.data);
      thread.cluster->scheduler = from.fctx;
      enter(thread);
    });
    thread.done = thread.arrivedAtCluster = false;
    thread.site = noSite;
    thread.wait = Wait::Nothing;
    thread.clock = clocks.retain(nothing);
    thread.now = 1;
    thread.handedOn = nullptr;
    thread.handedOnUntil = thread.fencedUntil = thread.asyncFenced = thread.productsSeen = thread.arrivals =
        thread.serials = 0;
    thread.isAhead = false;
    for (Thread::Copies *copies : {&thread.async, &thread.bulk}) {
      copies->time = 1;
      copies->seen = 0;
      copies->groups.clear();
    }
  }
  for (Warp &warp : warps) {
    warp.left = 0;
    warp.meetings.clear();
  }
  for (int rank = 0; rank < int(blocks.size()); ++rank) {
    blocks[rank] = Block();
    blocks[rank].number = first + rank;
    blocks[rank].live = threadsPerBlock;
    std::byte *bytes = window.at(uint32_t(rank * Window::stride));
    std::fill(bytes + sharedStart, bytes + sharedStart + sharedBytes, std::byte(0xFF)); // NaNs
  }
  runnable.clear();
  runnableFrom = 0;
  paused.clear();
  idleRounds = 0;
  for (Thread &thread : threads)
    runnable.push_back(&thread);
}

void Cluster::enter(Thread &thread) {
  thread.cluster->launch.kernel->function(thread.cluster->args.data() + 2);
  thread.cluster->waitForGroup();
  thread.cluster->exitThread();
}

std::optional<Violation> Cluster::run(int64_t first) {
  start(first);
  try {
    schedule();
  } catch (const Stopped &) {
  }
  return std::move(violation);
}

void Cluster::schedule() {
  while (Thread *thread = next()) {
    switchTo(*thread);
    if (violation)
      return;
    if (landing == Landing::Random && !copies.empty() && random.below(8) == 0)
      land(random.below(uint32_t(copies.size())));
  }
  checkLeftovers();
}

// The thread to run next; null when all have exited.
Thread *Cluster::next() {
  if (runnableFrom == runnable.size()) {
    runnable.clear();
    runnableFrom = 0;
    if (std::all_of(blocks.begin(), blocks.end(), [](const Block &block) { return block.live == 0; }))
      return nullptr;
    while (runnable.empty() && landSome()) {
    }
    if (runnable.empty() && paused.empty())
      reportDeadlock();
    if (runnable.empty()) {
      if (++idleRounds > patience)
        reportDeadlock();
      std::swap(runnable, paused);
    }
  }
  if (reversed) {
    Thread *thread = runnable.back();
    runnable.pop_back();
    return thread;
  }
  if (!inOrder)
    std::swap(runnable[runnableFrom],
              runnable[runnableFrom + random.below(uint32_t(runnable.size() - runnableFrom))]);
  return runnable[runnableFrom++];
}

void Cluster::switchTo(Thread &thread) {
  current = &thread;
  transfer_t back = jump_fcontext(thread.fiber.context, &thread);
  thread.fiber.context = back.fctx;
  current = nullptr;
}

void Cluster::block(Wait wait, uint32_t detail) {
  Thread &thread = *current;
  thread.wait = wait;
  thread.waitDetail = detail;
  scheduler = jump_fcontext(scheduler, nullptr).fctx;
  thread.wait = Wait::Nothing;
}

void Cluster::wake(Thread &thread) {
  runnable.push_back(&thread);
  idleRounds = 0;
}

void Cluster::pause() {
  paused.push_back(current);
  scheduler = jump_fcontext(scheduler, nullptr).fctx;
}

void Cluster::exitThread() {
  Thread &thread = *current;
  thread.done = true;
  idleRounds = 0;
  int warp = thread.rank * warpsPerBlock + thread.number / warpSize;
  warps[warp].left |= thread.laneBit();
  Block &block = blockOf(thread);
  --block.live;
  settleMeetings(warp);
  checkBarriers(block, thread.rank);
  settleCluster();
  jump_fcontext(scheduler, nullptr);
  __builtin_unreachable();
}

// ---- Reports

std::string Cluster::siteText(uint32_t site) const {
  return site == noSite || !launch.kernel->sites ? "" : fmt::format(", at {}", launch.kernel->sites[site]);
}

void Cluster::record(const Thread *thread, uint32_t site, const std::string &what) {
  Violation found;
  found.block = thread ? blocks[thread->rank].number : blocks[0].number;
  found.thread = thread ? thread->number : -1;
  std::string who = thread ? fmt::format(", thread {}{}", thread->number, siteText(site)) : "";
  found.what = fmt::format("kernel {}, block {}{}: {}", launch.kernel->name, found.block, who, what);
  violation = std::move(found);
}

void Cluster::stop(std::string what) {
  if (!violation)
    record(current, current ? current->site : noSite, what);
  if (!current)
    throw Stopped();
  what = std::string(); // the fiber ends here: nothing is destroyed
  jump_fcontext(scheduler, nullptr);
  __builtin_unreachable();
}

std::string Cluster::describeMoment(Moment moment) {
  auto name = [&](size_t index) {
    std::string name = fmt::format("thread {}", threads[index].number);
    return blocks.size() == 1 ? name
                              : fmt::format("{} of block {}", name, blocks[threads[index].rank].number);
  };
  size_t agent = moment.agent;
  if (agent < threads.size())
    return name(agent);
  agent -= threads.size();
  if (agent < mostMBarriers)
    return fmt::format("a copy that counts for the mbarrier at {}, in its phase {},",
                       mbarriers[agent].address % Window::stride - sharedStart, moment.time - 1);
  agent += threads.size();
  if (agent < firstBulk)
    return fmt::format("a matrix product of warpgroup {}",
                       (agent - threads.size() - mostMBarriers) / warpsOfGroup);
  agent -= firstBulk;
  return agent < threads.size() ? "a bulk copy of " + name(agent)
                                : "a cp.async of " + name(agent - threads.size());
}

std::string Cluster::describeWait(const Thread &thread) {
  switch (thread.wait) {
  case Wait::Nothing:
    return "polls";
  case Wait::Barrier: {
    const NamedBarrier &barrier = blockOf(thread).barriers[thread.waitDetail];
    return fmt::format("waits at barrier {}, where {} of {} threads have arrived", thread.waitDetail,
                       barrier.arrived, barrier.expected ? int(barrier.expected) : blockOf(thread).live);
  }
  case Wait::Cluster:
    return fmt::format("waits for the cluster, of which {} threads have arrived", clusterBarrier.arrived);
  case Wait::Warpgroup:
    return fmt::format("waits for its warpgroup, of which {} threads have arrived",
                       groupOf(thread).operations[groupOf(thread).done].arrived);
  case Wait::MBarrier:
    return "waits for " + describe(mbarriers[thread.waitDetail]);
  case Wait::Warp:
    return fmt::format("waits for lanes {:#x} of its warp", thread.waitDetail);
  }
  return "";
}

// Threads beside each other that stand at the same place in one line.
std::string Cluster::describeThreads() {
  std::string text;
  for (size_t i = 0; i < threads.size();) {
    const Thread &thread = threads[i];
    auto place = [&](const Thread &thread) {
      return thread.done ? std::string("has exited") : describeWait(thread) + siteText(thread.site);
    };
    std::string here = place(thread);
    size_t end = i + 1;
    while (end < threads.size() && threads[end].rank == thread.rank && place(threads[end]) == here)
      ++end;
    std::string block = blocks.size() == 1 ? "" : fmt::format(" of block {}", blocks[thread.rank].number);
    text += end == i + 1 ? fmt::format("\n  thread {}{} {}", thread.number, block, here)
                         : fmt::format("\n  each of threads {} to {}{} {}", thread.number,
                                       threads[end - 1].number, block, here);
    i = end;
  }
  return text;
}

void Cluster::reportDeadlock() { violate("no thread can go on:{}", describeThreads()); }

// ---- What a thread knows

void Cluster::setClock(Thread &thread, Clock *clock) {
  clocks.retain(clock);
  clocks.release(thread.clock);
  thread.clock = clock;
}

bool Cluster::knows(const Thread &thread, Moment moment) const {
  if (moment.agent == thread.index)
    return true;
  if (moment.agent >= threads.size()) {
    if (moment.agent == asyncAgent(thread) && moment.time <= thread.async.seen)
      return true;
    if (isProduct(moment.agent))
      return knowsProduct(*thread.clock, &thread, moment);
    if (moment.agent == bulkAgent(thread) && moment.time <= thread.bulk.seen)
      return true;
  }
  return thread.clock->seenOf(moment.agent) >= moment.time;
}

// thread: whose own wait counts too; null: nobody's.
bool Cluster::knowsProduct(const Clock &clock, const Thread *thread, Moment moment) const {
  for (int warp = 0; warp < warpsOfGroup; ++warp) {
    Agent agent = Agent(moment.agent + warp);
    bool own = thread && agent == productAgent(*thread) && moment.time <= thread->productsSeen;
    if (!own && clock.seenOf(agent) < moment.time)
      return false;
  }
  return true;
}

bool Cluster::knowsFenced(const Thread &thread, Moment moment) const {
  if (moment.agent == thread.index)
    return moment.time <= thread.fencedUntil;
  if (moment.agent == asyncAgent(thread) && moment.time <= thread.asyncFenced)
    return true;
  return thread.clock->fencedOf(moment.agent) >= moment.time;
}

// Whoever acquires `into` later knows all that the thread knows now.
void Cluster::release(Thread &thread, Clock &into) {
  into.join(*thread.clock);
  into.raiseSeen(Agent(thread.index), thread.now);
  if (thread.fencedUntil)
    into.raiseFenced(Agent(thread.index), thread.fencedUntil);
  if (thread.async.seen)
    into.raiseSeen(asyncAgent(thread), thread.async.seen);
  if (thread.asyncFenced)
    into.raiseFenced(asyncAgent(thread), thread.asyncFenced);
  if (thread.bulk.seen)
    into.raiseSeen(bulkAgent(thread), thread.bulk.seen);
  if (thread.productsSeen)
    into.raiseSeen(productAgent(thread), thread.productsSeen);
  ++thread.now;
}

void Cluster::acquire(Thread &thread, Clock *from) {
  if (thread.clock == from)
    return;
  if (from->acquiredBy != thread.clock->serial) {
    Clock *joined = clocks.make();
    joined->join(*thread.clock);
    joined->join(*from);
    clocks.release(from->afterAcquire);
    from->afterAcquire = joined;
    from->acquiredBy = thread.clock->serial;
  }
  setClock(thread, from->afterAcquire);
}

// What other threads and copies did before, as far as the thread knows of it, the async proxy sees after
// this.
void Cluster::fenceProxy() {
  Thread &thread = *current;
  thread.fencedUntil = thread.now++;
  thread.asyncFenced = thread.async.seen;
  if (!thread.clock->afterFence) {
    Clock *fenced = clocks.make();
    fenced->seen = fenced->fenced = thread.clock->seen;
    thread.clock->afterFence = fenced;
  }
  setClock(thread, thread.clock->afterFence);
  fenceMBarrierInit();
}

// ---- Memory

namespace kinema::emulator {

// The same of what other blocks do: what the thread knows can be handed on, what others handed on is known.
void Cluster::fenceDevice() {
  if (!globalLog)
    return;
  clocks.release(std::exchange(current->handedOn, clocks.retain(current->clock)));
  current->handedOnUntil = current->now;
  for (TakenOver &taken : takenOver)
    if (taken.thread == current->index && !taken.fencedAt)
      taken.fencedAt = current->now;
  ++current->now;
}

// What the thread that runs knows when it reads and writes by itself.
struct ThreadView {
  const Cluster &cluster;
  const Thread &thread;

  bool knowsWrite(Moment moment) const { return cluster.knows(thread, moment); }
  bool knowsRead(Moment moment) const { return cluster.knows(thread, moment); }
  bool isMissingFence(Moment) const { return false; }
};

// What is certain for a copy that the thread starts: other proxies' writes need a fence.
struct AsyncView {
  const Cluster &cluster;
  const Thread &thread;

  bool knowsWrite(Moment moment) const {
    return cluster.isGenericProxy(moment.agent) ? cluster.knowsFenced(thread, moment)
                                                : cluster.knows(thread, moment);
  }
  bool knowsRead(Moment moment) const { return cluster.knows(thread, moment); }
  bool isMissingFence(Moment moment) const { return cluster.knows(thread, moment); }
};

} // namespace kinema::emulator

namespace {

const char *nameOf(AccessKind kind) {
  switch (kind) {
  case AccessKind::Read:
    return "reads";
  case AccessKind::Write:
    return "writes";
  case AccessKind::Atomic:
    return "updates";
  }
  return "";
}

} // namespace

void Cluster::access(AccessKind kind, const void *address, uint64_t bytes, uint32_t alignment,
                     uint32_t space) {
  constexpr uint32_t generic = 0, global = 1, shared = 3, sharedCluster = 7;
  if (reinterpret_cast<uint64_t>(address) % alignment) [[unlikely]]
    violate("{} {} bytes at an address that is no multiple of {}: {:#x}", nameOf(kind), bytes, alignment,
            window.holds(address) ? window.addressOf(address) : reinterpret_cast<uint64_t>(address));
  if (space == global)
    return watchGlobal(kind, address, bytes);
  if (window.holds(address)) {
    uint32_t at = uint32_t(window.addressOf(address));
    if (space == shared && int(at / Window::stride) != current->rank) [[unlikely]]
      violate("{} {} bytes of another block's shared memory as if it were its own", nameOf(kind), bytes);
    return accessShared(kind, at, bytes);
  }
  if (space == shared || space == sharedCluster) [[unlikely]]
    violate("{} {} bytes at {}, which is not in shared memory", nameOf(kind), bytes, address);
  if (space == generic && current->fiber.holds(address))
    return;
  watchGlobal(kind, address, bytes);
}

void Cluster::watchGlobal(AccessKind kind, const void *address, uint64_t bytes) {
  checkGlobal(kind, address, bytes);
  if (!globalLog)
    return;
  if (kind == AccessKind::Atomic)
    return handOn(address);
  auto conflict =
      globalLog->note(kind, address, bytes, {clusterNumber(), {Agent(current->index), current->now}},
                      [&](const GlobalLog::Access &earlier) { return isOrderedAfter(earlier); });
  if (!conflict)
    return;
  const MemoryRange &range = memory[lastRange];
  std::string other = conflict->cluster < 0
                          ? "other blocks"
                          : fmt::format("block {}", conflict->cluster * int64_t(blocks.size()));
  violate("{} {} bytes at {} of buffer {}, which {} {} in the same launch: nothing orders the two",
          nameOf(kind), bytes, static_cast<const std::byte *>(address) - range.begin, range.number, other,
          conflict->wrote ? "wrote" : "read");
}

void Cluster::handOn(const void *address) {
  std::vector<uint32_t> moments;
  if (current->handedOn)
    moments = current->handedOn->seen;
  moments.resize(std::max(moments.size(), threads.size()));
  moments[current->index] = current->handedOnUntil;
  globalLog->release(address, clusterNumber(), std::move(moments));
  takenOver.push_back({address, current->index, std::nullopt});
}

bool Cluster::isOrderedAfter(const GlobalLog::Access &earlier) const {
  return std::ranges::any_of(takenOver, [&](const TakenOver &taken) {
    return taken.fencedAt && knows(*current, {Agent(taken.thread), *taken.fencedAt}) &&
           globalLog->isReleased(taken.address, earlier);
  });
}

void Cluster::checkGlobal(AccessKind kind, const void *address, uint64_t bytes) {
  const std::byte *first = static_cast<const std::byte *>(address);
  auto holds = [&](const MemoryRange &range) {
    uint64_t offset = uint64_t(first - range.begin);
    return offset <= uint64_t(range.bytes) && bytes <= uint64_t(range.bytes) - offset &&
           (range.writable || kind == AccessKind::Read);
  };
  if (lastRange < memory.size() && holds(memory[lastRange])) [[likely]]
    return;
  auto after =
      std::upper_bound(memory.begin(), memory.end(), first,
                       [](const std::byte *at, const MemoryRange &range) { return at < range.begin; });
  if (after == memory.begin() || !holds(*std::prev(after)))
    reportOutside(kind, address, bytes);
  lastRange = size_t(std::prev(after) - memory.begin());
}

void Cluster::reportOutside(AccessKind kind, const void *address, uint64_t bytes) {
  const std::byte *first = static_cast<const std::byte *>(address);
  const MemoryRange *nearest = nullptr;
  uint64_t distance = 0;
  for (const MemoryRange &range : memory) {
    uint64_t away = first < range.begin                 ? range.begin - first
                    : first < range.begin + range.bytes ? 0
                                                        : first - (range.begin + range.bytes);
    if (!nearest || away < distance) {
      nearest = &range;
      distance = away;
    }
  }
  if (!nearest)
    violate("{} {} bytes of global memory, of which it has none", nameOf(kind), bytes);
  int64_t offset = first - nearest->begin;
  if (offset >= 0 && offset + int64_t(bytes) <= nearest->bytes)
    violate("{} {} bytes at {} of buffer {}, which is read-only", nameOf(kind), bytes, offset,
            nearest->number);
  violate("{} {} bytes at {} of buffer {}, which has {}", nameOf(kind), bytes, offset, nearest->number,
          nearest->bytes);
}

void Cluster::checkBounds(AccessKind kind, uint32_t address, uint64_t bytes) {
  uint32_t local = address & (Window::stride - 1);
  if (address / Window::stride >= blocks.size() || local < sharedStart ||
      local + bytes > sharedStart + sharedBytes) [[unlikely]]
    violate("{} {} bytes at {} of shared memory, which has {}", nameOf(kind), bytes,
            int64_t(local) - int64_t(sharedStart), sharedBytes);
}

void Cluster::accessShared(AccessKind kind, uint32_t address, uint64_t bytes) {
  checkBounds(kind, address, bytes);
  if (const Block &block = blocks[address / Window::stride]; block.live == 0) [[unlikely]]
    violate("{} {} bytes of the shared memory of block {}, which has exited", nameOf(kind), bytes,
            block.number);
  accessGeneric(kind, {Agent(current->index), current->now}, address, uint32_t(bytes));
}

void Cluster::accessGeneric(AccessKind kind, Moment moment, uint32_t address, uint32_t bytes) {
  auto conflict = log.access(ThreadView{*this, *current}, moment, kind, address, bytes, current->site, true);
  if (conflict) [[unlikely]]
    reportConflict(*conflict, kind, bytes);
}

void Cluster::accessAsync(AccessKind kind, Moment moment, uint32_t address, uint32_t bytes) {
  checkBounds(kind, address, bytes);
  auto conflict = log.access(AsyncView{*this, *current}, moment, kind, address, bytes, current->site, false);
  if (conflict) [[unlikely]]
    reportConflict(*conflict, kind, bytes);
}

void Cluster::reportConflict(const Conflict &conflict, AccessKind kind, uint64_t bytes) {
  uint32_t at = (conflict.address & (Window::stride - 1)) - sharedStart;
  if (conflict.isBarrier)
    violate("{} {} bytes of shared memory; an mbarrier lies at {}", nameOf(kind), bytes, at / 8 * 8);
  if (conflict.fenceMissing)
    violate("{} {} bytes of shared memory by the async proxy; {} wrote the byte at {}{}, without a "
            "fence.proxy.async "
            "since then",
            nameOf(kind), bytes, describeMoment(conflict.other), at, siteText(conflict.otherSite));
  if (conflict.other.agent == nobody)
    violate("{} {} bytes of shared memory; the byte at {} was never written", nameOf(kind), bytes, at);
  violate("{} {} bytes of shared memory; {} {} the byte at {}{}, and nothing orders the two", nameOf(kind),
          bytes, describeMoment(conflict.other), conflict.otherWrote ? "wrote" : "read", at,
          conflict.otherWrote ? siteText(conflict.otherSite) : "");
}

void *Cluster::sharedAddress(uint32_t address) {
  uint32_t rank = address >> 24 ? (address >> 24) - 1 : uint32_t(current->rank);
  return window.at(rank << 24 | (address & 0xFFFFFF));
}

// Threads and the order in which they run; what is known of whom; checks of memory accesses.
#include "runtime/Emulator/Cluster.h"

#include "runtime/Error.h"

#include <algorithm>

using namespace kinema;
using namespace kinema::emulator;
using boost::context::detail::jump_fcontext;
using boost::context::detail::transfer_t;

static constexpr int patience = 2000; // rounds in which all that run only poll

Cluster::Cluster(const Launch &launch)
    : launch(launch),
      threadsPerBlock(launch.kernel->threads[0] * launch.kernel->threads[1] * launch.kernel->threads[2]),
      warpsPerBlock((threadsPerBlock + warpSize - 1) / warpSize),
      sharedBytes(launch.kernel->staticShared + launch.dynamicShared),
      threads(threadsPerBlock * launch.kernel->cluster), warps(warpsPerBlock * launch.kernel->cluster),
      blocks(launch.kernel->cluster), memory(launch.memory) {
  memory.insert(memory.end(), launch.kernel->globals.begin(), launch.kernel->globals.end());
  for (int i = 0; i < int(memory.size()); ++i)
    memory[i].number = i;
  std::sort(memory.begin(), memory.end(),
            [](const MemoryRange &a, const MemoryRange &b) { return a.begin < b.begin; });
  for (int i = 0; i < int(threads.size()); ++i) {
    threads[i].cluster = this;
    threads[i].index = i;
    threads[i].rank = i / threadsPerBlock;
    threads[i].number = i % threadsPerBlock;
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
  Clock *nothing = clocks.make();
  for (Thread &thread : threads) {
    thread.fiber.start([](transfer_t from) {
      Thread &thread = *static_cast<Thread *>(from.data);
      thread.cluster->scheduler = from.fctx;
      enter(thread);
    });
    thread.done = false;
    thread.site = noSite;
    thread.wait = Wait::Nothing;
    thread.clock = clocks.retain(nothing);
    thread.now = 1;
    thread.fencedUntil = 0;
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
  thread.cluster->launch.kernel->function(thread.cluster->launch.args.data());
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
  }
}

// The thread to run next; null when all have exited.
Thread *Cluster::next() {
  if (runnableFrom == runnable.size()) {
    runnable.clear();
    runnableFrom = 0;
    if (paused.empty()) {
      for (const Block &block : blocks)
        if (block.live > 0)
          reportDeadlock();
      return nullptr;
    }
    if (++idleRounds > patience)
      reportDeadlock();
    std::swap(runnable, paused);
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
  jump_fcontext(scheduler, nullptr);
  __builtin_unreachable();
}

// ---- Reports

std::string Cluster::siteText(uint32_t site) const {
  return site == noSite || !launch.kernel->sites ? "" : fmt::format(", at {}", launch.kernel->sites[site]);
}

void Cluster::stop(std::string what) {
  Violation found;
  if (current) {
    found.block = blockOf(*current).number;
    found.thread = current->number;
    found.what = fmt::format("kernel {}, block {}, thread {}{}: {}", launch.kernel->name, found.block,
                             found.thread, siteText(current->site), what);
  } else {
    found.block = blocks[0].number;
    found.what = fmt::format("kernel {}, block {}: {}", launch.kernel->name, found.block, what);
  }
  violation = std::move(found);
  if (!current)
    throw Stopped();
  what = std::string(); // the fiber ends here: nothing is destroyed
  jump_fcontext(scheduler, nullptr);
  __builtin_unreachable();
}

std::string Cluster::describeMoment(Moment moment) {
  const Thread &thread = threads[moment.agent];
  std::string name = fmt::format("thread {}", thread.number);
  return blocks.size() == 1 ? name : fmt::format("{} of block {}", name, blocks[thread.rank].number);
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

// Whoever acquires `into` later knows all that the thread knows now.
void Cluster::release(Thread &thread, Clock &into) {
  into.join(*thread.clock);
  into.raiseSeen(Agent(thread.index), thread.now);
  into.raiseFenced(Agent(thread.index), thread.fencedUntil);
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

// ---- Memory

namespace {

// What the thread that runs knows when it reads and writes by itself.
struct ThreadView {
  const Thread &thread;

  bool knows(Moment moment) const {
    return moment.agent == thread.index || thread.clock->seenOf(moment.agent) >= moment.time;
  }
  bool knowsWrite(Moment moment) const { return knows(moment); }
  bool knowsRead(Moment moment) const { return knows(moment); }
  bool isMissingFence(Moment) const { return false; }
};

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
    return checkGlobal(kind, address, bytes);
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
  checkGlobal(kind, address, bytes);
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

void Cluster::accessShared(AccessKind kind, uint32_t address, uint64_t bytes) {
  uint32_t local = address & (Window::stride - 1);
  if (address / Window::stride >= blocks.size() || local < sharedStart ||
      local + bytes > sharedStart + sharedBytes) [[unlikely]]
    violate("{} {} bytes at {} of shared memory, which has {}", nameOf(kind), bytes,
            int64_t(local) - int64_t(sharedStart), sharedBytes);
  Moment now{Agent(current->index), current->now};
  auto conflict = log.access(ThreadView{*current}, now, kind, address, uint32_t(bytes), current->site, true);
  if (conflict) [[unlikely]]
    reportConflict(*conflict, kind, bytes);
}

void Cluster::reportConflict(const Conflict &conflict, AccessKind kind, uint64_t bytes) {
  uint32_t at = (conflict.address & (Window::stride - 1)) - sharedStart;
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

#include "runtime/Device/ThreadPool.h"

#include "runtime/Support/Clock.h"
#include "runtime/Support/Error.h"

#include <algorithm>
#include <system_error>

using namespace kinema;

ThreadPool::ThreadPool(int threads) : shares(threads) {
  try {
    for (int thread = 1; thread < threads; ++thread)
      workers.emplace_back([this, thread] { serve(thread); });
  } catch (const std::system_error &error) {
    int started = static_cast<int>(workers.size()) + 1;
    end();
    fail("cannot start {} threads, {} were started: {}; ask for fewer with --threads", threads, started,
         error.what());
  }
}

ThreadPool::~ThreadPool() { end(); }

void ThreadPool::end() {
  ending.store(true, std::memory_order_relaxed);
  round.fetch_add(1, std::memory_order_seq_cst);
  Patience::wake(round, static_cast<uint32_t>(workers.size()));
  for (std::thread &worker : workers)
    worker.join();
}

void ThreadPool::run(int32_t grid, const Work &work) {
  if (grid <= 0)
    return;
  if (grid == 1 || shares.size() == 1)
    return work(0, {0, grid});
  const double begin = now();
  callersPatience.comeBack(begin);
  if (help.isWanted(begin))
    computeTogether(grid, work);
  else
    work(0, {0, grid});
  callersPatience.leave(now());
}

void ThreadPool::computeTogether(int32_t grid, const Work &work) {
  help.begin();
  beginRound(grid, work);
  const uint32_t own = compute(0, round.load(std::memory_order_relaxed));
  help.computed(own, blocks - own);
  waitForBlocks();
  help.end();
}

void ThreadPool::beginRound(int32_t grid, const Work &work) {
  const uint32_t number = round.load(std::memory_order_relaxed) + 1;
  current = &work;
  blocks = static_cast<uint32_t>(grid);
  parts = std::min<size_t>(shares.size(), blocks);
  computed.store(0, std::memory_order_relaxed);
  for (size_t owner = 0; owner < shares.size(); ++owner) {
    BlockRange part = owner < parts ? blocksOf(owner, parts, grid) : BlockRange();
    shares[owner].unclaimed.store(uint64_t{number} << 32 | (part.end - part.begin),
                                  std::memory_order_release);
  }
  // Either a thread that goes to sleep sees the new round, or this thread sees that it sleeps.
  round.store(number, std::memory_order_seq_cst);
  if (uint32_t asleep = sleepers.load(std::memory_order_seq_cst))
    Patience::wake(round, std::min(asleep, blocks - 1));
}

// Claims fewer blocks at a time as the part comes to its end, so that no thread is left alone with many.
BlockRange ThreadPool::claim(size_t owner, uint32_t number) {
  constexpr uint32_t share = 4;
  std::atomic<uint64_t> &unclaimed = shares[owner].unclaimed;
  uint64_t seen = unclaimed.load(std::memory_order_acquire);
  for (;;) {
    const auto left = static_cast<uint32_t>(seen);
    if (seen >> 32 != number || left == 0)
      return {};
    const uint32_t mine = std::max<uint32_t>(1, left / share);
    if (unclaimed.compare_exchange_weak(seen, seen - mine, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
      const int64_t begin = blocksOf(owner, parts, blocks).end - left;
      return {begin, begin + mine};
    }
  }
}

// Returns how many blocks this thread has computed.
uint32_t ThreadPool::compute(int thread, uint32_t number) {
  uint32_t own = 0;
  for (size_t i = 0; i < shares.size(); ++i) {
    const size_t owner = (thread + i) % shares.size();
    for (BlockRange mine; mine = claim(owner, number), mine.begin < mine.end;) {
      (*current)(thread, mine);
      const auto done = static_cast<uint32_t>(mine.end - mine.begin);
      own += done;
      const uint32_t all = blocks; // after the next line the round may have ended
      if (computed.fetch_add(done, std::memory_order_seq_cst) + done == all &&
          callerSleeps.load(std::memory_order_seq_cst))
        Patience::wake(computed, 1);
    }
  }
  return own;
}

void ThreadPool::waitForBlocks() {
  auto finished = [&] { return computed.load(std::memory_order_seq_cst) == blocks; };
  if (callersPatience.look(finished))
    return;
  callerSleeps.store(true, std::memory_order_seq_cst);
  for (uint32_t seen; (seen = computed.load(std::memory_order_seq_cst)) != blocks;)
    callersPatience.nap(computed, seen);
  callerSleeps.store(false, std::memory_order_relaxed);
}

// Returns the number of the round that is not `last`.
uint32_t ThreadPool::waitForRound(uint32_t last, Patience &patience) {
  auto begun = [&] { return round.load(std::memory_order_seq_cst) != last; };
  if (!patience.look(begun)) {
    sleepers.fetch_add(1, std::memory_order_seq_cst);
    while (!begun())
      patience.sleep(round, last);
    sleepers.fetch_sub(1, std::memory_order_relaxed);
  }
  return round.load(std::memory_order_acquire);
}

void ThreadPool::serve(int thread) {
  Patience patience(crowd);
  for (uint32_t number = 0;;) {
    number = waitForRound(number, patience);
    if (ending.load(std::memory_order_relaxed))
      return;
    compute(thread, number);
  }
}

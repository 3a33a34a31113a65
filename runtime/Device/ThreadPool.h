// Threads that share one grid of blocks after another. Each begins with a part of the grid of its own and
// then takes blocks from the parts of the others, so a grid has been computed when its blocks have, by
// whichever threads: one that another program keeps from running holds up nothing but the blocks that it is
// at.
#pragma once

#include "runtime/Device/Patience.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace kinema {

// Part `part` of `parts` of a grid: contiguous, in order, sizes differing by one at most.
struct BlockRange {
  int64_t begin = 0, end = 0;
};
constexpr BlockRange blocksOf(int64_t part, int64_t parts, int64_t grid) {
  return {grid * part / parts, grid * (part + 1) / parts};
}

class ThreadPool {
public:
  // Computes some blocks. `thread` is at one piece of work at a time, so it may have memory of its own. Must
  // not throw.
  using Work = std::function<void(int thread, BlockRange blocks)>;

  // The caller is thread 0: `threads` - 1 are started. Throws Error where the system has no more.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int threads() const { return static_cast<int>(shares.size()); }

  // Has each of the blocks 0 .. grid - 1 computed once, in ranges, and returns when all have been.
  void run(int32_t grid, const Work &work);

private:
  // How many blocks of a thread's part nobody has claimed, the last ones of it, below the number of the
  // round: a thread that comes late, with an earlier round in mind, claims nothing (unless it has missed
  // exactly 2^32 rounds meanwhile). Each on a cache line of its own.
  struct alignas(64) Share {
    std::atomic<uint64_t> unclaimed = 0;
  };

  void computeTogether(int32_t grid, const Work &work);
  void beginRound(int32_t grid, const Work &work);
  BlockRange claim(size_t owner, uint32_t number);
  uint32_t compute(int thread, uint32_t number);
  void waitForBlocks();
  uint32_t waitForRound(uint32_t last, Patience &patience);
  void serve(int thread);
  void end();

  std::vector<Share> shares; // of the threads

  // The round's. Written between rounds, read by who has claimed blocks: before these are computed, the round
  // does not end.
  const Work *current = nullptr;
  uint32_t blocks = 0;
  size_t parts = 0; // so many threads have a part

  alignas(64) std::atomic<uint32_t> round = 0;
  std::atomic<bool> ending = false;               // there is no round of this number any more
  alignas(64) std::atomic<uint32_t> computed = 0; // blocks of the round
  std::atomic<bool> callerSleeps = false;         // the caller of `run` does, or is about to
  alignas(64) std::atomic<uint32_t> sleepers = 0; // workers that sleep, or are about to
  Crowd crowd;
  Patience callersPatience{crowd};
  Help help{crowd};
  std::vector<std::thread> workers;
};

} // namespace kinema

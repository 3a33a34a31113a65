// Threads share one grid of blocks after another. Each begins with a part of the grid of its own and then
// takes blocks from the parts of the others. So a grid has been computed when its blocks have been, by
// whichever threads; a thread that another program keeps from running holds up only the blocks that it is
// computing.
#pragma once

#include "runtime/Device/Patience.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace kinema {

// A BlockRange is a range of blocks. `blocksOf` returns part `part` of `parts` of a grid: the parts are
// contiguous and in order, and their sizes differ by one at most.
struct BlockRange {
  int64_t begin = 0, end = 0;
};
constexpr BlockRange blocksOf(int64_t part, int64_t parts, int64_t grid) {
  return {grid * part / parts, grid * (part + 1) / parts};
}

class ThreadPool {
public:
  // Computes some blocks. `thread` does one piece of work at a time, so it may have memory of its own. The
  // function must not throw.
  using Work = std::function<void(int thread, BlockRange blocks)>;

  // The caller is thread 0, so `threads` - 1 are started. Throws Error where the system has no more.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int threads() const { return static_cast<int>(shares.size()); }

  // Has each of the blocks 0 .. grid - 1 computed once, in ranges, and returns when all have been.
  void run(int32_t grid, const Work &work);

private:
  // Holds how many blocks of a thread's part, the last ones of it, nobody has claimed, below the number of
  // the round. A thread that comes late, with an earlier round in mind, claims nothing (unless it has missed
  // exactly 2^32 rounds meanwhile). Each share has a cache line of its own.
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

  std::vector<Share> shares; // one for each thread

  // These describe the round. They are written between rounds and read by threads that have claimed blocks:
  // the round does not end before those blocks are computed.
  const Work *current = nullptr;
  uint32_t blocks = 0;
  size_t parts = 0; // how many threads have a part

  alignas(64) std::atomic<uint32_t> round = 0;
  std::atomic<bool> ending = false;               // no round has this number any more: the threads are to end
  alignas(64) std::atomic<uint32_t> computed = 0; // blocks of the round
  std::atomic<bool> callerSleeps = false;         // the caller of `run` sleeps, or is about to
  alignas(64) std::atomic<uint32_t> sleepers = 0; // workers that sleep, or are about to
  Crowd crowd;
  Patience callersPatience{crowd};
  Help help{crowd};
  std::vector<std::thread> workers;
};

} // namespace kinema

// Holds the threads of a cluster of blocks, and where each of them is.
#pragma once

#include "runtime/Emulator/Emulator.h"
#include "runtime/Emulator/Thread.h"

#include <cstdint>
#include <vector>

namespace kinema::emulator {

struct Block {
  int64_t number = 0; // number of the block in the grid
  int live = 0;       // threads that have not exited
};

class Threads {
public:
  explicit Threads(const Kernel &kernel);

  // Starts all threads anew, in the blocks from this one of the grid on.
  void start(int64_t firstBlock);
  void exit(Thread &thread);
  int live() const; // threads that have not exited

  Thread &operator[](size_t index) { return threads[index]; }
  const Thread &operator[](size_t index) const { return threads[index]; }
  size_t size() const { return threads.size(); }
  auto begin() { return threads.begin(); }
  auto end() { return threads.end(); }

  const Block &blockOf(const Thread &thread) const { return blocks[thread.rank]; }
  const Block &block(int rank) const { return blocks[rank]; }
  int blockCount() const { return int(blocks.size()); }
  int64_t cluster() const { return blocks[0].number / blockCount(); } // number of the cluster in the grid
  int warpCount() const { return warpsPerBlock * blockCount(); }
  int groupCount() const { return groupsPerBlock * blockCount(); }

  const int perBlock, warpsPerBlock, groupsPerBlock;

private:
  std::vector<Thread> threads;
  std::vector<Block> blocks;
};

} // namespace kinema::emulator

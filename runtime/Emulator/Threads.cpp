#include "runtime/Emulator/Threads.h"

#include <numeric>

using namespace kinema::emulator;

void Thread::restart() {
  done = false;
  site = noSite;
  awaited = nullptr;
  known = Known();
  handedOn = nullptr;
  async.restart();
  bulk.restart();
  inGroup = InWarpgroup();
  arrivedAtCluster = false;
}

Threads::Threads(const Kernel &kernel)
    : perBlock(kernel.threads[0] * kernel.threads[1] * kernel.threads[2]),
      warpsPerBlock((perBlock + warpSize - 1) / warpSize),
      groupsPerBlock((perBlock + warpgroupSize - 1) / warpgroupSize), threads(perBlock * kernel.cluster),
      blocks(kernel.cluster) {
  for (int i = 0; i < int(threads.size()); ++i) {
    Thread &thread = threads[i];
    thread.index = i;
    thread.rank = i / perBlock;
    thread.number = i % perBlock;
    thread.warp = thread.rank * warpsPerBlock + thread.number / warpSize;
    thread.group = thread.rank * groupsPerBlock + thread.number / warpgroupSize;
  }
}

void Threads::start(int64_t firstBlock) {
  for (Thread &thread : threads)
    thread.restart();
  for (int rank = 0; rank < blockCount(); ++rank)
    blocks[rank] = {firstBlock + rank, perBlock};
}

void Threads::exit(Thread &thread) {
  thread.done = true;
  --blocks[thread.rank].live;
}

int Threads::live() const {
  return std::accumulate(blocks.begin(), blocks.end(), 0,
                         [](int sum, const Block &block) { return sum + block.live; });
}

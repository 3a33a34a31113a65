// Numbers the agents of a cluster: the threads, and what carries on by itself on their behalf. The order is:
// the threads; the mbarriers, which stand for what their copies write; each warp of each warpgroup, which
// stands for what its products read; each thread's bulk copies to global memory, once for what they read and
// once for what they write; each thread's cp.async; each thread's products in tensor memory; each thread's
// loads from there.
#pragma once

#include "runtime/Emulator/Threads.h"

#include <string>
#include <vector>

namespace kinema::emulator {

class Agents {
public:
  static constexpr int mostMBarriers = 256;
  static constexpr int warpsOfGroup = warpgroupSize / warpSize;

  explicit Agents(const Threads &threads)
      : threads(threads), firstOfGroups(threads.size() + mostMBarriers),
        firstBulk(firstOfGroups + warpsOfGroup * threads.groupCount()),
        firstStores(firstBulk + threads.size()), firstAsync(firstStores + threads.size()),
        firstTensorProducts(firstAsync + threads.size()),
        firstTensorLoads(firstTensorProducts + threads.size()) {}

  void start() { mbarriers.clear(); }

  Agent ofThread(const Thread &thread) const { return Agent(thread.index); }
  // Returns the agent of an mbarrier. mbarriers are numbered in the order in which they were initialised.
  Agent ofMBarrier(size_t index) const { return Agent(threads.size() + index); }
  // Returns the agent of a warpgroup's first warp; those of its other warps follow.
  Agent ofGroup(int group) const { return Agent(firstOfGroups + warpsOfGroup * group); }
  // Returns the agent that stands for the products of the thread's warp.
  Agent ofProducts(const Thread &thread) const {
    return Agent(ofGroup(thread.group) + thread.number % warpgroupSize / warpSize);
  }
  Agent ofBulk(const Thread &thread) const { return Agent(firstBulk + thread.index); }
  Agent ofStores(const Thread &thread) const { return Agent(firstStores + thread.index); }
  Agent ofAsync(const Thread &thread) const { return Agent(firstAsync + thread.index); }
  // Returns the agent of the thread's tcgen05.mma, and that of its tcgen05.ld.
  Agent ofTensorProducts(const Thread &thread) const { return Agent(firstTensorProducts + thread.index); }
  Agent ofTensorLoads(const Thread &thread) const { return Agent(firstTensorLoads + thread.index); }

  bool isThread(Agent agent) const { return agent < threads.size(); }
  bool isProduct(Agent agent) const { return agent >= firstOfGroups && agent < firstBulk; }
  // Returns whether the agent accesses memory by the generic proxy; all others do by the async proxy.
  bool isGenericProxy(Agent agent) const {
    return isThread(agent) || (agent >= firstAsync && agent < firstTensorProducts);
  }
  // Returns the index of the thread whose loads from tensor memory the agent stands for; -1 for other agents.
  int threadOfTensorLoads(Agent agent) const {
    return agent >= firstTensorLoads ? int(agent - firstTensorLoads) : -1;
  }

  // Adds the next mbarrier, which lies at this offset in its block's shared memory.
  void addMBarrier(int64_t offset) { mbarriers.push_back(offset); }
  // Returns who the agent was, for messages.
  std::string describe(Moment moment) const;

private:
  std::string nameOf(const Thread &thread) const;

  const Threads &threads;
  size_t firstOfGroups, firstBulk, firstStores, firstAsync, firstTensorProducts, firstTensorLoads;
  std::vector<int64_t> mbarriers;
};

} // namespace kinema::emulator

// The warpgroups of a cluster: four warps beside each other, which make matrix products together. A thread
// that has arrived at an operation goes on to the next one; before it does anything else it waits for the
// others.
#pragma once

#include "runtime/Emulator/Scheduler.h"

#include <cstdint>
#include <vector>

namespace kinema::emulator {

// A matrix product: D = A * B + D with A 64 x 16 and B 16 x n, bf16.
struct Product {
  uint64_t a = 0, b = 0; // descriptors
  bool aInRegisters = false;
  uint32_t n = 0, flags = 0;
  std::vector<uint32_t> registers; // of A, four of each thread
  uint32_t time = 0;
  uint32_t accumulator = 0; // slot
};

// What the threads of a warpgroup do together, while they arrive at it.
struct GroupOperation {
  enum class Kind : uint8_t { Fence, Product, Commit, Wait, SetRegisters };
  Kind kind = Kind::Fence;
  uint32_t site = noSite;
  int arrived = 0;
  uint32_t pending = 0; // Wait: groups that may go on
  // Product. Its accumulator is an old one or begins with the values of the threads' registers.
  Product product;
  uint32_t serial = 0; // of the accumulator
  bool begins = false;
  std::vector<float> values; // rows of n
};

class Warpgroups final : public Awaited {
public:
  Warpgroups(Threads &threads, Scheduler &scheduler);

  void start();

  // The operation at which the running thread arrives: the first thread to come begins it.
  GroupOperation &next(GroupOperation::Kind kind);
  // The running thread arrives. Returns whether it is the last one: then it does the operation, and calls
  // `finish`.
  bool arrive(GroupOperation &operation);
  void finish();
  // Until the running thread's warpgroup is where the thread is.
  void wait() {
    if (scheduler.running().inGroup.isAhead) [[unlikely]]
      waitForOthers();
  }

  std::string describeWait(const Thread &thread) const override;

private:
  struct Group {
    int count = 0;                          // threads; operations need all 128
    uint32_t settled = 0;                   // operations at which all have arrived
    std::vector<GroupOperation> operations; // the others, after `done` of those
    size_t done = 0;
    std::vector<int> waiting; // threads
  };

  Group &current() { return groups[scheduler.running().group]; }
  void waitForOthers();

  Threads &threads;
  Scheduler &scheduler;
  std::vector<Group> groups;
};

} // namespace kinema::emulator

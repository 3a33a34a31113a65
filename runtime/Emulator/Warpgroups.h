// Keeps the warpgroups of a cluster: four neighbouring warps that make matrix products together. A thread
// that has arrived at an operation goes on to the next one; before it does anything else it waits for the
// others.
#pragma once

#include "runtime/Emulator/Scheduler.h"

#include <cstdint>
#include <vector>

namespace kinema::emulator {

// A Product is a matrix product D = A * B + D with A 64 x 16 and B 16 x n, in bf16 or f16.
struct Product {
  uint64_t a = 0, b = 0; // descriptors
  bool aInRegisters = false;
  uint32_t n = 0, flags = 0;
  std::vector<uint32_t> registers; // registers of A, four of each thread
  uint32_t time = 0;
  uint32_t accumulator = 0; // slot
};

// A GroupOperation is what the threads of a warpgroup do together, while they arrive at it.
struct GroupOperation {
  enum class Kind : uint8_t { Fence, Product, Commit, Wait, SetRegisters };
  Kind kind = Kind::Fence;
  uint32_t site = noSite;
  int arrived = 0;
  uint32_t pending = 0; // for Wait: groups that may go on
  // These belong to a Product. Its accumulator is an old one or begins with the values of the threads'
  // registers.
  Product product;
  uint32_t serial = 0; // of the accumulator
  bool begins = false;
  std::vector<float> values; // rows of n
};

class Warpgroups final : public Awaited {
public:
  Warpgroups(Threads &threads, Scheduler &scheduler);

  void start();

  // Returns the operation at which the running thread arrives. The first thread to come begins it.
  GroupOperation &next(GroupOperation::Kind kind);
  // Lets the running thread arrive. Returns whether it is the last one, which then does the operation and
  // calls `finish`.
  bool arrive(GroupOperation &operation);
  void finish();
  // Waits until the running thread's warpgroup has caught up with the thread.
  void wait() {
    if (scheduler.running().inGroup.isAhead) [[unlikely]]
      waitForOthers();
  }

  std::string describeWait(const Thread &thread) const override;

private:
  struct Group {
    int count = 0;                          // threads; operations need all 128
    uint32_t settled = 0;                   // operations at which all have arrived
    std::vector<GroupOperation> operations; // those that not all have arrived at, after `done` others
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

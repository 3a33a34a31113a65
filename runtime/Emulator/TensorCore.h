// Performs matrix products of warpgroups: PTX ISA, "Asynchronous Warpgroup Level Matrix Instructions". A
// product reads shared memory and writes its accumulators some time between its issue and the wait for its
// group. Until then a register of the accumulator holds a token, which names it.
#pragma once

#include "runtime/Emulator/Choices.h"
#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/Products.h"
#include "runtime/Emulator/Scheduler.h"
#include "runtime/Emulator/SharedChecks.h"
#include "runtime/Emulator/Warpgroups.h"

#include <span>
#include <vector>

namespace kinema::emulator {

class TensorCore {
public:
  TensorCore(Arithmetic arithmetic, Threads &threads, Scheduler &scheduler, Choices &choices,
             const Knowledge &knowledge, SharedChecks &shared, Warpgroups &warpgroups);

  void start();

  // These let the running thread arrive at an operation of its warpgroup.
  void fence() { arriveAt(GroupOperation::Kind::Fence); }
  void commit() { arriveAt(GroupOperation::Kind::Commit); }
  void wait(uint32_t pending); // `pending` is how many groups may go on
  void setRegisters(uint32_t count);
  // Takes the registers of A, null where A is in shared memory, and the registers of D, which become tokens.
  void issue(uint64_t a, const uint32_t *aRegisters, uint64_t b, uint32_t *accumulators, uint32_t n,
             uint32_t flags);

  // Returns how products are added up, also those of single warps.
  Arithmetic sums() const { return arithmetic; }
  // Returns what a register of the running thread holds, also where the register holds a token.
  uint32_t readRegister(uint32_t bits);

private:
  static constexpr uint32_t accumulatorSlots = 256;

  // An Accumulator is the matrix D of a product, 64 x n.
  struct Accumulator {
    uint32_t serial = 0; // 0: none
    uint32_t n = 0;
    uint32_t time = 0;         // time of the last product that adds to it
    uint32_t touched = 0;      // number of the last fence before a thread last read it
    uint32_t site = noSite;    // site of the last product
    std::vector<float> values; // rows of n
  };

  // Holds a warpgroup's products. Time counts the groups that were committed, plus one.
  struct Group {
    uint32_t time = 1;
    std::vector<uint32_t> committed; // times
    uint32_t fences = 0;
    bool fencedSinceCommit = false;
    std::vector<Product> products; // products under way, in order
    std::vector<Accumulator> accumulators;
  };

  Group &current() { return groups[scheduler.running().group]; }
  std::span<Thread> currentThreads();
  void arriveAt(GroupOperation::Kind kind, uint32_t pending = 0);
  void arrive(GroupOperation &operation);
  void settle(GroupOperation &operation);
  void takeRegisters(GroupOperation &operation, uint32_t *registers);
  void startProduct(GroupOperation &operation);
  void commitProducts();
  void waitForProducts(uint32_t pending);
  void checkOperand(uint64_t descriptor, uint32_t rows, bool isTransposed);
  Accumulator &findAccumulator(uint32_t serial);
  uint32_t takeAccumulator(GroupOperation &operation);
  void performUntil(uint32_t time);
  void perform(const Product &product);

  const Arithmetic arithmetic;
  Threads &threads;
  Scheduler &scheduler;
  Choices &choices;
  const Knowledge &knowledge;
  SharedChecks &shared;
  Warpgroups &warpgroups;
  std::vector<Group> groups;
};

} // namespace kinema::emulator

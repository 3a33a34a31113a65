// Implements tensor memory and the matrix products whose sums lie there: PTX ISA, "Tensor Memory" and
// "TensorCore 5th Generation Instructions" (tcgen05), for products of single blocks. A product is made when
// it begins, and what a load yields is known when it begins; the clocks say whether anybody may rely on
// either.
#pragma once

#include "runtime/Emulator/AsyncCopies.h"
#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/Products.h"
#include "runtime/Emulator/Scheduler.h"
#include "runtime/Emulator/SharedChecks.h"
#include "runtime/Emulator/Warps.h"

#include <vector>

namespace kinema::emulator {

class TensorMemory {
public:
  TensorMemory(Arithmetic arithmetic, Threads &threads, Scheduler &scheduler, Knowledge &knowledge,
               SharedChecks &shared, Warps &warps, AsyncCopies &copies)
      : arithmetic(arithmetic), threads(threads), scheduler(scheduler), knowledge(knowledge), shared(shared),
        warps(warps), copies(copies) {}

  void start();

  // An address has a lane in its upper 16 bits, and a column in its lower ones.

  // ---- What the lanes of a warp do together

  // Allocates columns, and writes the address of the first one to shared memory.
  void allocate(const void *to, uint32_t columns);
  void deallocate(uint32_t address, uint32_t columns);
  // Gives up the block's right to allocate.
  void relinquish();
  // Loads 16 lanes of so many groups of eight columns into a thread's registers, four of each group
  // (tcgen05.ld.16x256b). They hold NaNs until the thread has waited for its loads.
  void load(uint32_t address, uint32_t groups, uint32_t *registers);
  void waitForLoads();

  // ---- What a thread does by itself

  // Begins a product. `a` and `b` are descriptors of the operands, `instruction` that of the product. If it
  // `adds`, what D holds is added to; else it is overwritten.
  void multiply(uint32_t d, uint64_t a, uint64_t b, uint32_t instruction, bool adds);
  // Arrives at an mbarrier when the thread's products have ended (AsyncCopies::arriveAfterProducts).
  void commit(const void *mbarrier, uint32_t ranks);
  // These are tcgen05.fence::before_thread_sync and after_thread_sync.
  void fenceBefore();
  void fenceAfter();

  // Checks, when all threads have exited, that all columns were given back.
  void checkLeftovers();

private:
  static constexpr uint32_t laneCount = 128, columnCount = 512;
  static constexpr uint32_t rowsOfGroup = 16, groupCount = laneCount / rowsOfGroup; // groups of lanes
  enum class Deed { Loads, Writes, AddsTo, Deallocates };
  struct Product;
  struct View;

  struct Allocation {
    uint32_t first, columns;
    int thread;
    uint32_t site;
  };
  struct BlockMemory {
    std::vector<float> values;           // rows of columnCount; none before the first allocation
    std::vector<Allocation> allocations; // sorted
    bool hasRelinquished = false;
  };

  // A Load has begun, and its thread has not waited for it.
  struct Load {
    uint32_t *registers;
    uint32_t count;
  };
  // Time of products counts the commits, and time of loads the waits, each plus one.
  struct OfThread {
    uint32_t productTime = 1, loadTime = 1;
    uint32_t loadsSeen = 0;  // the time of the loads that it has waited for
    Clock *fenced = nullptr; // what its last fence after a synchronisation has covered; null: there was none
    std::vector<Load> loads;
    std::vector<uint32_t> loaded; // values of all these loads
  };

  void begin();
  OfThread &own();
  void requireTogether(const Meeting &meeting);
  void requireAllocated(Deed deed, uint32_t column, uint32_t columns);
  void finishAllocation(const Meeting &meeting);
  void finishDeallocation(const Meeting &meeting);
  void finishRelinquishing(const Meeting &meeting);
  void finishLoad(const Meeting &meeting);
  void finishWait(const Meeting &meeting);
  void note(const View &view, Moment moment, Deed deed, uint32_t group, uint32_t column, uint32_t columns);
  [[noreturn]] void report(const View &view, const Conflict &conflict, Deed deed, uint32_t group,
                           uint32_t column, uint32_t columns);
  Product decode(uint32_t d, uint32_t instruction);
  void checkOperand(uint64_t descriptor, uint32_t rows, bool isTransposed);
  void perform(const Product &product, uint64_t a, uint64_t b, bool adds);

  static uint64_t placeOf(int rank, uint32_t group, uint32_t column) { // in the log
    return sizeof(float) * ((uint64_t(rank) * groupCount + group) * columnCount + column);
  }

  const Arithmetic arithmetic;
  Threads &threads;
  Scheduler &scheduler;
  Knowledge &knowledge;
  SharedChecks &shared;
  Warps &warps;
  AsyncCopies &copies;
  bool isUsed = false; // since the cluster began
  std::vector<BlockMemory> blocks;
  std::vector<OfThread> ofThreads;
  AccessLog log;                               // has a cell for each column of each group of lanes
  std::vector<float> factorsA, factorsB, sums; // of the product that is made
};

} // namespace kinema::emulator

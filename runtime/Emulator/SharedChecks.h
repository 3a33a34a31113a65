// Accesses to the shared memory of a cluster's blocks: whether they lie within it, and whether they are in
// order with those before.
#pragma once

#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/Scheduler.h"
#include "runtime/Emulator/SharedMemory.h"

namespace kinema::emulator {

class SharedChecks {
public:
  // bytes: of one block.
  SharedChecks(const Threads &threads, Scheduler &scheduler, const Knowledge &knowledge, uint32_t bytes)
      : bytes(bytes), threads(threads), scheduler(scheduler), knowledge(knowledge) {}

  // All memory holds NaNs, and nobody has accessed it.
  void start();

  // An access by the thread that runs, itself.
  void access(AccessKind kind, uint32_t address, uint64_t bytes);
  // The same at a moment of an agent of the generic proxy that it has started.
  void accessGeneric(AccessKind kind, Moment moment, uint32_t address, uint32_t bytes);
  // The async proxy's access on behalf of the thread that runs.
  void accessAsync(AccessKind kind, Moment moment, uint32_t address, uint32_t bytes);
  // What a warpgroup's product reads; rows that nobody wrote may be among it.
  void readOperand(const WarpgroupView &view, Moment moment, uint32_t address, uint32_t bytes);
  void checkBounds(AccessKind kind, uint32_t address, uint64_t bytes);
  // The eight bytes at an address become an mbarrier, which no access may touch, or become plain again.
  void markBarrier(uint32_t address, bool isBarrier) { log.markBarrier(address, isBarrier); }

  // The address in the cluster of a pointer into the running thread's own block. what: it is, for messages.
  uint32_t ownAddress(const void *pointer, uint32_t alignment, const char *what);
  // Of a shared address as kernels have it (kinema_emulator_shared).
  void *hostAddress(uint32_t address);
  uint32_t clusterAddress(const void *pointer) const;
  // The same place in another block's shared memory.
  void *mapRank(const void *pointer, uint32_t rank);

  Window window;
  const uint32_t bytes; // of one block

private:
  template <typename View>
  void note(const View &view, AccessKind kind, Moment moment, uint32_t address, uint32_t bytes,
            bool unwritten);
  [[noreturn]] void report(const Conflict &conflict, AccessKind kind, uint64_t bytes);

  const Threads &threads;
  Scheduler &scheduler;
  const Knowledge &knowledge;
  AccessLog log;
};

} // namespace kinema::emulator

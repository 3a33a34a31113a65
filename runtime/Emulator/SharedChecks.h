// Checks accesses to the shared memory of a cluster's blocks: whether they lie within it, and whether they
// are in order with earlier ones.
#pragma once

#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/Scheduler.h"
#include "runtime/Emulator/SharedMemory.h"

namespace kinema::emulator {

class SharedChecks {
public:
  // Takes the bytes of shared memory that each block has.
  SharedChecks(const Threads &threads, Scheduler &scheduler, const Knowledge &knowledge, uint32_t bytes)
      : bytes(bytes), threads(threads), scheduler(scheduler), knowledge(knowledge),
        placesOfBlock((Window::start + bytes + 7) / 8 * 8) {}

  // Fills all memory with NaNs and forgets all accesses.
  void start();

  // Checks an access by the running thread itself.
  void access(AccessKind kind, uint32_t address, uint64_t bytes, bool maybeUnwritten = false);
  // Checks an access at a moment of an agent of the generic proxy that the running thread has started.
  void accessGeneric(AccessKind kind, Moment moment, uint32_t address, uint32_t bytes);
  // Checks an access of the async proxy on behalf of the running thread.
  void accessAsync(AccessKind kind, Moment moment, uint32_t address, uint32_t bytes);
  // Checks the read of an operand by a warpgroup's product, which may include rows that nobody wrote.
  void readOperand(const WarpgroupView &view, Moment moment, uint32_t address, uint32_t bytes);
  void checkBounds(AccessKind kind, uint32_t address, uint64_t bytes);
  // Turns the eight bytes at an address into an mbarrier, which no access may touch, or back.
  void markBarrier(uint32_t address, bool isBarrier) { log.markBarrier(placeOf(address), isBarrier); }

  // Returns the address in the cluster of a pointer into the running thread's own block. `what` names it in
  // messages.
  uint32_t ownAddress(const void *pointer, uint32_t alignment, const char *what);
  // Returns the host address of a shared address in the form that kernels have (kinema_emulator_shared).
  void *hostAddress(uint32_t address);
  uint32_t clusterAddress(const void *pointer) const;
  // Returns the same place in another block's shared memory.
  void *mapRank(const void *pointer, uint32_t rank);

  Window window;
  const uint32_t bytes; // of one block

private:
  template <typename View>
  void note(const View &view, AccessKind kind, Moment moment, uint32_t address, uint32_t bytes,
            bool unwritten);
  // Returns the place in the log of an address in the cluster.
  uint64_t placeOf(uint32_t address) const {
    return Window::rankOf(address) * placesOfBlock + address % Window::stride;
  }
  [[noreturn]] void report(const Conflict &conflict, AccessKind kind, uint32_t address, uint64_t bytes);

  const Threads &threads;
  Scheduler &scheduler;
  const Knowledge &knowledge;
  const uint64_t placesOfBlock;
  AccessLog log;
};

} // namespace kinema::emulator

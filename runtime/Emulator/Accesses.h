// Checks accesses of the running thread, in whichever memory an address lies.
#pragma once

#include "runtime/Emulator/AccessProfiler.h"
#include "runtime/Emulator/GlobalChecks.h"
#include "runtime/Emulator/SharedChecks.h"

namespace kinema::emulator {

enum class Space : uint32_t {
  Generic = 0,
  Global = 1,
  Shared = 3,
  SharedCluster = 7
}; // LLVM numbers address spaces this way

class Accesses {
public:
  Accesses(Scheduler &scheduler, SharedChecks &shared, GlobalChecks &global, AccessProfiler &profiler)
      : scheduler(scheduler), shared(shared), global(global), profiler(profiler) {}

  // Checks an access. The address must be a multiple of `alignment` bytes.
  // A read of shared memory may find what nobody wrote if it is said that it `maybeUnwritten`.
  void check(AccessKind kind, const void *address, uint64_t bytes, uint32_t alignment, Space space,
             bool maybeUnwritten = false);
  // Checks an access to global memory at a moment of an agent that the running thread has started.
  void checkCopy(AccessKind kind, Moment moment, const void *address, uint64_t bytes, uint32_t alignment);

private:
  void accessGlobal(AccessKind kind, const void *address, uint64_t bytes);
  void checkAlignment(AccessKind kind, const void *address, uint64_t bytes, uint32_t alignment);

  Scheduler &scheduler;
  SharedChecks &shared;
  GlobalChecks &global;
  AccessProfiler &profiler;
};

} // namespace kinema::emulator

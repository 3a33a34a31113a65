// Accesses of the thread that runs, to whatever memory an address is of.
#pragma once

#include "runtime/Emulator/GlobalChecks.h"
#include "runtime/Emulator/SharedChecks.h"

namespace kinema::emulator {

enum class Space : uint32_t {
  Generic = 0,
  Global = 1,
  Shared = 3,
  SharedCluster = 7
}; // as LLVM numbers them

class Accesses {
public:
  Accesses(Scheduler &scheduler, SharedChecks &shared, GlobalChecks &global)
      : scheduler(scheduler), shared(shared), global(global) {}

  // alignment: bytes that the address must be a multiple of.
  void check(AccessKind kind, const void *address, uint64_t bytes, uint32_t alignment, Space space);

private:
  Scheduler &scheduler;
  SharedChecks &shared;
  GlobalChecks &global;
};

} // namespace kinema::emulator

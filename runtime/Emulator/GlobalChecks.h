// Checks accesses to global memory: whether they lie within what the launch and the kernel's code provide,
// and, where that is watched, whether accesses of different blocks are in order.
#pragma once

#include "runtime/Emulator/GlobalLog.h"
#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/Scheduler.h"

#include <optional>
#include <vector>

namespace kinema::emulator {

class GlobalChecks {
public:
  // Takes the log of accesses, which is null where their order is not watched.
  GlobalChecks(const Launch &launch, const Threads &threads, Scheduler &scheduler, Knowledge &knowledge,
               GlobalLog *log);

  void start() { takenOver.clear(); }

  // Checks an access by the running thread.
  void access(AccessKind kind, const void *address, uint64_t bytes);
  void checkBounds(AccessKind kind, const void *address, uint64_t bytes);
  // Makes what the running thread knows ready to be handed on to other blocks, and lets it know what they
  // handed on.
  void fenceDevice();

  // A FastRange is the largest part of the launch's writable memory, and the number of bytes from its begin
  // at which an access of up to 64 bytes needs no check but of its alignment.
  struct FastRange {
    std::byte *begin = nullptr;
    int64_t starts = 0;
  };
  FastRange fastRange() const { return fast; }

private:
  void handOn(const void *address);
  bool isOrderedAfter(const GlobalLog::Access &earlier) const;
  [[noreturn]] void reportOutside(AccessKind kind, const void *address, uint64_t bytes);

  const Threads &threads;
  Scheduler &scheduler;
  Knowledge &knowledge;
  GlobalLog *log;
  FastRange fast;
  std::vector<MemoryRange> memory; // sorted by address
  size_t lastRange = 0;

  // A TakenOver is an atomic operation. Once its thread has made a fence for the device after it, the thread
  // knows what others handed on there.
  struct TakenOver {
    const void *address;
    int thread;
    std::optional<uint32_t> fencedAt;
  };
  std::vector<TakenOver> takenOver;
};

} // namespace kinema::emulator

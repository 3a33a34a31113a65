// Accesses to global memory: whether they lie within what the launch and the kernel's code give, and, where
// that is watched, whether those of different blocks are in order.
#pragma once

#include "runtime/Emulator/GlobalLog.h"
#include "runtime/Emulator/Knowledge.h"
#include "runtime/Emulator/Scheduler.h"

#include <optional>
#include <vector>

namespace kinema::emulator {

class GlobalChecks {
public:
  // log: null where the order of accesses is not watched.
  GlobalChecks(const Launch &launch, const Threads &threads, Scheduler &scheduler, Knowledge &knowledge,
               GlobalLog *log);

  void start() { takenOver.clear(); }

  // An access by the thread that runs.
  void access(AccessKind kind, const void *address, uint64_t bytes);
  void checkBounds(AccessKind kind, const void *address, uint64_t bytes);
  // What the thread that runs knows can be handed on to other blocks, and what others handed on is known.
  void fenceDevice();

  // The largest part of the launch's writable memory, and at how many bytes from its begin an access of up to
  // 64 bytes needs no check but of its alignment.
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
  std::vector<MemoryRange> memory; // sorted
  size_t lastRange = 0;

  // Atomic operations, and when their thread had a fence for the device behind them: then it knows what
  // others handed on there.
  struct TakenOver {
    const void *address;
    int thread;
    std::optional<uint32_t> fencedAt;
  };
  std::vector<TakenOver> takenOver;
};

} // namespace kinema::emulator

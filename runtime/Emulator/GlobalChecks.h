// Checks accesses to global memory: whether they lie within what the launch and the kernel's code provide,
// and, where that is watched, whether accesses that conflict are in order.
#pragma once

#include "runtime/Emulator/GlobalOrder.h"
#include "runtime/Emulator/Scheduler.h"

#include <vector>

namespace kinema::emulator {

class GlobalChecks {
public:
  GlobalChecks(const Launch &launch, Scheduler &scheduler, const Knowledge &knowledge, GlobalOrder &order);

  // Checks an access by the running thread.
  void access(AccessKind kind, const void *address, uint64_t bytes);
  // Checks an access at a moment of an agent that the running thread has started.
  void access(AccessKind kind, Moment moment, const void *address, uint64_t bytes);
  void checkBounds(AccessKind kind, const void *address, uint64_t bytes);

  // A FastRange is the largest part of the launch's writable memory, and the number of bytes from its begin
  // at which an access of up to 64 bytes needs no check but of its alignment.
  struct FastRange {
    std::byte *begin = nullptr;
    int64_t starts = 0;
  };
  FastRange fastRange() const { return fast; }
  // Returns the number of the buffer that was accessed last, and where in it an address lies.
  int buffer() const { return memory[lastRange].number; }
  uint64_t offset(const void *address) const {
    return uint64_t(static_cast<const std::byte *>(address) - memory[lastRange].begin);
  }

private:
  void require(const std::optional<std::string> &wrong, AccessKind kind, const void *address, uint64_t bytes);
  [[noreturn]] void reportOutside(AccessKind kind, const void *address, uint64_t bytes);

  Scheduler &scheduler;
  const Knowledge &knowledge;
  GlobalOrder &order;
  FastRange fast;
  std::vector<MemoryRange> memory; // sorted by address
  size_t lastRange = 0;
};

} // namespace kinema::emulator

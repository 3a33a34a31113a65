// Who touches global memory during a launch. Nothing orders a launch's blocks, so what one writes no other
// may read or write.
#pragma once

#include "runtime/Emulator/Emulator.h"
#include "runtime/Emulator/SharedMemory.h"

#include <atomic>
#include <memory>

namespace kinema::emulator {

// Blocks of a cluster, which can wait for each other, count as one. Atomic operations are not looked at.
// Several threads of the host may call at a time: of two that conflict at least one is told.
class GlobalLog {
public:
  // Of the memory's ranges, those that may be written.
  explicit GlobalLog(const std::vector<MemoryRange> &memory);

  struct Conflict {
    int64_t cluster = 0; // the other one; -1: several
    bool wrote = false;
  };
  std::optional<Conflict> note(AccessKind kind, const void *address, uint64_t bytes, int64_t cluster);

private:
  // Of each byte: 0, a cluster's number plus one, or `several`.
  struct Byte {
    std::atomic<uint32_t> writer = 0, reader = 0;
  };
  static constexpr uint32_t several = ~0u;
  struct Range {
    MemoryRange memory;
    std::unique_ptr<Byte[]> bytes;
  };
  static std::optional<Conflict> noteByte(Byte &byte, bool writes, uint32_t self);

  std::vector<Range> ranges;
};

} // namespace kinema::emulator

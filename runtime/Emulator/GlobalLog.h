// Records who touches global memory during a launch. What one block writes, no other may read or write unless
// the first hands it on: by a fence, then an atomic operation on a place on which the other makes an atomic
// operation, then a fence there (PTX ISA, "Release and Acquire Patterns").
#pragma once

#include "runtime/Emulator/Emulator.h"
#include "runtime/Emulator/SharedMemory.h"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

namespace kinema::emulator {

// The blocks of a cluster, which can wait for each other, count as one. Atomic operations themselves are not
// checked. Several threads of the host may call at a time: of two accesses that conflict, at least one is
// reported.
class GlobalLog {
public:
  // Takes the memory of the launch; only ranges that may be written are recorded.
  explicit GlobalLog(const std::vector<MemoryRange> &memory);

  // An Access is made by a cluster, at a moment of one of its agents.
  struct Access {
    int64_t cluster = 0;
    Moment moment;
  };
  struct Conflict {
    int64_t cluster = 0; // the other cluster; -1: several
    bool wrote = false;
  };
  // Records an access and returns a conflict with an earlier one. `isOrdered` says whether an access of
  // another cluster comes before this one.
  template <typename IsOrdered>
  std::optional<Conflict> note(AccessKind kind, const void *address, uint64_t bytes, const Access &access,
                               const IsOrdered &isOrdered);

  // Notes that by an atomic operation at `address` a cluster hands on what it did up to these moments of its
  // agents.
  void release(const void *address, int64_t cluster, std::vector<uint32_t> moments);
  // Returns whether the access was handed on at `address`.
  bool isReleased(const void *address, const Access &access);

private:
  // A Byte holds the last access of each kind: 0 for none, a packed access, or `several`.
  struct Byte {
    std::atomic<uint64_t> writer = 0, reader = 0;
  };
  static constexpr uint64_t several = ~uint64_t(0);
  static constexpr int timeBits = 28, agentBits = 14;
  struct Range {
    MemoryRange memory;
    std::unique_ptr<Byte[]> bytes;
  };
  struct Release {
    int64_t cluster;
    std::vector<uint32_t> moments;
  };

  static uint64_t packed(const Access &access) {
    return uint64_t(access.cluster + 1) << (agentBits + timeBits) |
           uint64_t(access.moment.agent) << timeBits | access.moment.time;
  }
  static Access unpacked(uint64_t bits) {
    return {int64_t(bits >> (agentBits + timeBits)) - 1,
            {Agent(bits >> timeBits & ((1u << agentBits) - 1)),
             uint32_t(bits & ((uint64_t(1) << timeBits) - 1))}};
  }
  template <typename IsOrdered>
  static std::optional<Conflict> noteByte(Byte &byte, bool writes, const Access &access,
                                          const IsOrdered &isOrdered);

  std::vector<Range> ranges;
  std::mutex mutex; // guards `releases`
  std::map<const void *, std::vector<Release>> releases;
};

// Each access records itself first and then looks at the others, so that the later of two sees the earlier.
template <typename IsOrdered>
std::optional<GlobalLog::Conflict> GlobalLog::noteByte(Byte &byte, bool writes, const Access &access,
                                                       const IsOrdered &isOrdered) {
  // Returns whether an earlier access is no conflict.
  auto agrees = [&](uint64_t other) {
    if (other == 0)
      return true;
    if (other == several)
      return false;
    Access earlier = unpacked(other);
    return earlier.cluster == access.cluster || isOrdered(earlier);
  };
  auto &own = writes ? byte.writer : byte.reader;
  uint64_t before = own.load(), self = packed(access);
  bool replaces = agrees(before);
  if (before != several && !own.compare_exchange_strong(before, replaces ? self : several))
    own = several;
  auto conflict = [&](uint64_t other, bool wrote) {
    return Conflict{other == several ? -1 : unpacked(other).cluster, wrote};
  };
  if (writes && !replaces)
    return conflict(before, true);
  uint64_t writer = byte.writer, reader = byte.reader;
  if (!writes && !agrees(writer))
    return conflict(writer, true);
  if (writes && !agrees(reader))
    return conflict(reader, false);
  return std::nullopt;
}

template <typename IsOrdered>
std::optional<GlobalLog::Conflict> GlobalLog::note(AccessKind kind, const void *address, uint64_t bytes,
                                                   const Access &access, const IsOrdered &isOrdered) {
  const std::byte *first = static_cast<const std::byte *>(address);
  for (Range &range : ranges) {
    uint64_t offset = uint64_t(first - range.memory.begin);
    for (uint64_t i = offset; offset < uint64_t(range.memory.bytes) && i < offset + bytes; ++i)
      if (auto conflict = noteByte(range.bytes[i], kind == AccessKind::Write, access, isOrdered))
        return conflict;
  }
  return std::nullopt;
}

} // namespace kinema::emulator

// Records who touches global memory during a launch. What one block writes, no other may read or write unless
// the first hands it on: by a fence, then an atomic operation on a place on which the other makes an atomic
// operation, then a fence there (PTX ISA, "Release and Acquire Patterns"). Strong loads and stores (volatile
// or ordered ones) take the part of atomic operations.
#pragma once

#include "runtime/Emulator/Emulator.h"
#include "runtime/Emulator/SharedMemory.h"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

namespace kinema::emulator {

// The blocks of a cluster, which can wait for each other, count as one. Several threads of the host may call
// at a time: of two accesses that conflict, at least one is reported.
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
    bool constant = false; // one of the two is a load for constants
  };
  // Records an access and returns a conflict with an earlier one. `isOrdered` says whether an access of
  // another cluster comes before this one. A strong access is noted by noteStrong besides, before this.
  template <typename IsOrdered>
  std::optional<Conflict> note(AccessKind kind, const void *address, uint64_t bytes, const Access &access,
                               const IsOrdered &isOrdered);

  // Notes a strong access. If it writes, its cluster hands on what it did up to these moments of its agents;
  // by a strong access alone, without a fence before it, nothing is handed on (no moments). Returns its
  // number.
  uint64_t noteStrong(AccessKind kind, const void *address, uint64_t bytes, const Access &access,
                      std::vector<uint32_t> moments);
  // Returns whether the access was handed on at `address` before the strong access of this number.
  bool isReleased(const void *address, const Access &access, uint64_t before);

private:
  // A Byte holds the last plain access of each kind: 0 for none, a packed access, or `several`.
  struct Byte {
    std::atomic<uint64_t> writer = 0, reader = 0;
  };
  static constexpr uint64_t several = ~uint64_t(0);
  static constexpr uint64_t constantBit = uint64_t(1) << 63; // of a reader: some were loads for constants
  static constexpr int timeBits = 25, agentBits = 17;
  struct Range {
    MemoryRange memory;
    std::unique_ptr<Byte[]> bytes;
  };
  struct Strong {
    uint64_t number;
    Access access;
    uint32_t bytes;
    bool writes;
    std::vector<uint32_t> moments;
  };

  static uint64_t packed(const Access &access) {
    return uint64_t(access.cluster + 1) << (agentBits + timeBits) |
           uint64_t(access.moment.agent) << timeBits | access.moment.time;
  }
  static Access unpacked(uint64_t bits) {
    bits &= ~constantBit;
    return {int64_t(bits >> (agentBits + timeBits)) - 1,
            {Agent(bits >> timeBits & ((1u << agentBits) - 1)),
             uint32_t(bits & ((uint64_t(1) << timeBits) - 1))}};
  }
  template <typename IsOrdered>
  static std::optional<Conflict> checkByte(const Byte &byte, AccessKind kind, const Access &access,
                                           const IsOrdered &isOrdered);
  template <typename IsOrdered>
  static std::optional<Conflict> noteByte(Byte &byte, AccessKind kind, const Access &access,
                                          const IsOrdered &isOrdered);
  template <typename IsOrdered>
  std::optional<Conflict> checkStrong(AccessKind kind, const std::byte *first, uint64_t bytes,
                                      const Access &access, const IsOrdered &isOrdered);
  std::vector<Strong> strongAt(const std::byte *first, uint64_t bytes);

  std::vector<Range> ranges;
  std::mutex mutex; // guards `strong`
  std::map<const std::byte *, std::vector<Strong>> strong;
  uint64_t strongCount = 0;
  // All strong accesses begin between these two.
  std::atomic<uintptr_t> firstStrong = ~uintptr_t(0), lastStrong = 0;
};

// Returns whether an earlier access is no conflict.
template <typename IsOrdered>
static bool agrees(uint64_t isNothing, bool isSeveral, const GlobalLog::Access &earlier,
                   const GlobalLog::Access &access, const IsOrdered &isOrdered) {
  return isNothing == 0 || (!isSeveral && (earlier.cluster == access.cluster || isOrdered(earlier)));
}

template <typename IsOrdered>
std::optional<GlobalLog::Conflict> GlobalLog::checkByte(const Byte &byte, AccessKind kind,
                                                        const Access &access, const IsOrdered &isOrdered) {
  auto check = [&](uint64_t other, bool wrote) -> std::optional<Conflict> {
    bool constant = other && (kind == AccessKind::ConstantRead || (!wrote && other & constantBit));
    if (!constant && agrees(other, other == several, unpacked(other), access, isOrdered))
      return std::nullopt;
    return Conflict{other == several ? -1 : unpacked(other).cluster, wrote, constant && other != several};
  };
  if (auto conflict = check(byte.writer, true))
    return conflict;
  return isRead(kind) ? std::nullopt : check(byte.reader, false);
}

// Each access records itself first and then looks at the others, so that the later of two sees the earlier.
template <typename IsOrdered>
std::optional<GlobalLog::Conflict> GlobalLog::noteByte(Byte &byte, AccessKind kind, const Access &access,
                                                       const IsOrdered &isOrdered) {
  if (isStrong(kind))
    return checkByte(byte, kind, access, isOrdered);
  bool writes = !isRead(kind);
  auto &own = writes ? byte.writer : byte.reader;
  uint64_t before = own.load(std::memory_order_relaxed), self = packed(access);
  self |= kind == AccessKind::ConstantRead ? constantBit : before & constantBit;
  bool replaces = agrees(before, before == several, unpacked(before), access, isOrdered);
  if (before != several && before != self && !own.compare_exchange_strong(before, replaces ? self : several))
    own = several;
  if (writes && !replaces)
    return Conflict{before == several ? -1 : unpacked(before).cluster, true};
  uint64_t writer = byte.writer;
  if (writes) {
    Byte others;
    others.reader = byte.reader.load();
    return checkByte(others, kind, access, isOrdered);
  }
  return writer == 0 ? std::nullopt : checkByte(byte, kind, access, isOrdered);
}

template <typename IsOrdered>
std::optional<GlobalLog::Conflict> GlobalLog::checkStrong(AccessKind kind, const std::byte *first,
                                                          uint64_t bytes, const Access &access,
                                                          const IsOrdered &isOrdered) {
  for (const Strong &other : strongAt(first, bytes)) {
    if (!other.writes && isRead(kind))
      continue;
    bool constant = kind == AccessKind::ConstantRead;
    if (constant || (other.access.cluster != access.cluster && !isOrdered(other.access)))
      return Conflict{other.access.cluster, other.writes, constant};
  }
  return std::nullopt;
}

template <typename IsOrdered>
std::optional<GlobalLog::Conflict> GlobalLog::note(AccessKind kind, const void *address, uint64_t bytes,
                                                   const Access &access, const IsOrdered &isOrdered) {
  const std::byte *first = static_cast<const std::byte *>(address);
  for (Range &range : ranges) {
    uint64_t offset = uint64_t(first - range.memory.begin);
    for (uint64_t i = offset; offset < uint64_t(range.memory.bytes) && i < offset + bytes; ++i)
      if (auto conflict = noteByte(range.bytes[i], kind, access, isOrdered))
        return conflict;
  }
  return isStrong(kind) ? std::nullopt : checkStrong(kind, first, bytes, access, isOrdered);
}

} // namespace kinema::emulator

#include "runtime/Emulator/GlobalLog.h"

using namespace kinema::emulator;

GlobalLog::GlobalLog(const std::vector<MemoryRange> &memory) {
  for (const MemoryRange &range : memory)
    if (range.writable)
      ranges.push_back({range, std::make_unique<Byte[]>(range.bytes)});
}

// Itself first, then a look at the others: whoever comes second sees the first.
std::optional<GlobalLog::Conflict> GlobalLog::noteByte(Byte &byte, bool writes, uint32_t self) {
  auto &own = writes ? byte.writer : byte.reader;
  uint32_t before = own.load();
  if (before != self && before != several && !own.compare_exchange_strong(before, before ? several : self))
    own = several;
  uint32_t writer = byte.writer, reader = byte.reader;
  auto conflict = [&](uint32_t other, bool wrote) {
    return Conflict{other == several ? -1 : int64_t(other) - 1, wrote};
  };
  if (writes && before != 0 && before != self)
    return conflict(before, true);
  if (!writes && writer != 0 && writer != self)
    return conflict(writer, true);
  if (writes && reader != 0 && reader != self)
    return conflict(reader, false);
  return std::nullopt;
}

std::optional<GlobalLog::Conflict> GlobalLog::note(AccessKind kind, const void *address, uint64_t bytes,
                                                   int64_t cluster) {
  if (kind == AccessKind::Atomic)
    return std::nullopt;
  const std::byte *first = static_cast<const std::byte *>(address);
  for (Range &range : ranges) {
    uint64_t offset = uint64_t(first - range.memory.begin);
    for (uint64_t i = offset; offset < uint64_t(range.memory.bytes) && i < offset + bytes; ++i)
      if (auto conflict = noteByte(range.bytes[i], kind == AccessKind::Write, uint32_t(cluster) + 1))
        return conflict;
  }
  return std::nullopt;
}

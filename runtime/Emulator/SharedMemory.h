// Holds the shared memory of a cluster's blocks: where it lies, who touched which bytes when, and whether
// that was in order.
#pragma once

#include "runtime/Emulator/Clock.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace kinema::emulator {

// A Window is host memory in which the low 24 bits of an address are the address in a block's shared memory,
// and the bits above, counted from the window's start, are the block's rank in its cluster.
class Window {
public:
  static constexpr uint64_t stride = uint64_t(1) << 24; // bytes between the blocks' memories
  static constexpr int mostBlocks = 16;
  static constexpr uint32_t start = 1024; // first address of kernels; the system has what lies below

  Window();
  ~Window();
  Window(const Window &) = delete;
  Window &operator=(const Window &) = delete;

  std::byte *at(uint32_t address) const { return base + address; }
  // Returns the address in the cluster (rank * stride + shared address); for a pointer into other memory, a
  // number that is at least mostBlocks * stride.
  uint64_t addressOf(const void *pointer) const { return static_cast<const std::byte *>(pointer) - base; }
  bool holds(const void *pointer) const { return addressOf(pointer) < mostBlocks * stride; }

  // These split an address in the cluster into its block and the offset in that part of its memory which
  // kernels have.
  static int rankOf(uint64_t address) { return int(address / stride); }
  static int64_t offsetOf(uint64_t address) { return int64_t(address % stride) - start; }
  // Returns the same place in another block's memory.
  static uint32_t inBlock(uint64_t address, int rank) { return uint32_t(address % stride + rank * stride); }

private:
  void *reserved;
  std::byte *base;
};

// Says what an access does. Strong ones are volatile or ordered; a constant one (ld.global.nc) may take what
// a cache has held since the launch began.
enum class AccessKind : uint8_t { Read, Write, Atomic, StrongRead, StrongWrite, ConstantRead };
const char *nameOf(AccessKind kind); // "reads", for messages
inline bool isRead(AccessKind kind) {
  return kind == AccessKind::Read || kind == AccessKind::StrongRead || kind == AccessKind::ConstantRead;
}
inline bool isStrong(AccessKind kind) {
  return kind != AccessKind::Write && kind != AccessKind::Read && kind != AccessKind::ConstantRead;
}

// A Conflict is two accesses that nothing orders, or a read of what nobody wrote.
struct Conflict {
  uint32_t at = 0; // the byte, counted from the access's first
  Moment other;    // nobody: the bytes were never written
  uint32_t otherSite = 0;
  bool otherWrote = false;
  bool fenceMissing = false; // the write is known, but no proxy fence covers it
  bool isBarrier = false;    // the bytes are an mbarrier's
};

// Keeps the last accesses to each byte of some memory. An access is checked against those before it, then
// remembered. What nobody accesses takes no memory.
class AccessLog {
public:
  // Forgets everything, and prepares for so many bytes.
  void reset(uint64_t bytes);

  // Checks and remembers an access. The viewer says what the one who accesses knows, by bool
  // knowsWrite(Moment), knowsRead(Moment) and isMissingFence(Moment). The kind is Read, Write or Atomic.
  // With `unwritten`, reading bytes that were never written is a conflict.
  template <typename Viewer>
  std::optional<Conflict> access(const Viewer &viewer, Moment now, AccessKind kind, uint64_t address,
                                 uint64_t bytes, uint32_t site, bool unwritten);

  // Forgets the accesses to these bytes, which are whole cells of four.
  void forget(uint64_t address, uint64_t bytes);

  // Notes whether these eight bytes are an mbarrier, which nobody may access.
  void markBarrier(uint64_t address, bool isBarrier);

private:
  static constexpr Agent many = 0xFFFFFFFE; // with this agent, readTime is an index of `readers`

  // Holds the last reads of several agents. Many cells may hold one Readers; it changes only where a single
  // cell does.
  struct Readers {
    std::vector<Moment> moments; // one of each agent, sorted by agents
    uint32_t holders = 0;
  };

  // A Cell records accesses of one width: four bytes, or parts of them that are always accessed together.
  struct Cell {
    uint32_t writeTime = 0, readTime = 0;
    uint32_t writeSite = 0;
    Agent writer = nobody, reader = nobody;
    uint8_t bytes = 0;   // which of the four bytes were accessed; 0: none yet
    bool split = false;  // the four bytes have cells of their own, at `parts[writeTime]`
    bool atomic = false; // the readers are atomic operations
    bool barrier = false;

    bool operator==(const Cell &) const = default;
  };

  static constexpr uint64_t pageBytes = 4096;
  struct Page {
    std::array<Cell, pageBytes / 4> cells;
  };

  Cell &cellAt(uint64_t address);
  void addPage(uint64_t number);
  void split(Cell &cell);
  uint32_t makeReaders();
  void hold(Moment read); // does nothing for a read of one agent
  void release(Moment read);
  void forgetLastRead();
  void dropReaders(Cell &cell);
  void rememberRead(Cell &cell, Moment now, bool replaces);

  template <typename Viewer>
  bool checkReaders(const Viewer &viewer, const Cell &cell, Moment now, Conflict &conflict) const;
  template <typename Viewer>
  bool accessCell(const Viewer &viewer, Cell &cell, Moment now, AccessKind kind, uint32_t site,
                  bool unwritten, Conflict &conflict);

  std::vector<Page *> pages; // null: nobody has accessed the page's bytes
  std::vector<std::unique_ptr<Page>> allPages;
  size_t usedPages = 0;    // of all pages; those behind may be given out
  std::vector<Cell> parts; // four cells for each split one
  std::vector<Readers> readers;
  std::vector<uint32_t> idleReaders;

  // Remembers the last read that gave a cell other readers, and holds these: cells that are read together had
  // the same readers before, and get the same ones.
  struct LastRead {
    Moment before, now; // `before` is what the cell has
    uint32_t after = 0; // index of `readers`
  };
  std::optional<LastRead> lastRead;
};

inline AccessLog::Cell &AccessLog::cellAt(uint64_t address) {
  uint64_t number = address / pageBytes;
  if (!pages[number]) [[unlikely]]
    addPage(number);
  return pages[number]->cells[address % pageBytes / 4];
}

template <typename Viewer>
bool AccessLog::checkReaders(const Viewer &viewer, const Cell &cell, Moment now, Conflict &conflict) const {
  if (cell.reader == nobody)
    return true;
  auto known = [&](Moment read) {
    if (read.agent == now.agent || viewer.knowsRead(read))
      return true;
    conflict.other = read;
    return false;
  };
  if (cell.reader != many)
    return known({cell.reader, cell.readTime});
  return std::ranges::all_of(readers[cell.readTime].moments, known);
}

template <typename Viewer>
bool AccessLog::accessCell(const Viewer &viewer, Cell &cell, Moment now, AccessKind kind, uint32_t site,
                           bool unwritten, Conflict &conflict) {
  if (cell.writer != nobody) {
    Moment write{cell.writer, cell.writeTime};
    if (!viewer.knowsWrite(write)) {
      conflict.other = write;
      conflict.otherSite = cell.writeSite;
      conflict.otherWrote = true;
      conflict.fenceMissing = viewer.isMissingFence(write);
      return false;
    }
  } else if (unwritten && kind != AccessKind::Write) {
    return false;
  }
  bool mayMeetReaders = kind == AccessKind::Read ? !cell.atomic : kind == AccessKind::Atomic && cell.atomic;
  if (!mayMeetReaders && !checkReaders(viewer, cell, now, conflict))
    return false;
  if (kind == AccessKind::Read) {
    bool replaces = cell.reader == nobody || cell.reader == now.agent ||
                    (cell.reader != many && viewer.knowsRead({cell.reader, cell.readTime}));
    rememberRead(cell, now, replaces);
    return true;
  }
  if (!mayMeetReaders)
    dropReaders(cell);
  if (kind == AccessKind::Atomic) {
    cell.atomic = true;
    rememberRead(cell, now, cell.reader == nobody);
    return true;
  }
  cell.atomic = false;
  cell.writer = now.agent;
  cell.writeTime = now.time;
  cell.writeSite = site;
  return true;
}

template <typename Viewer>
std::optional<Conflict> AccessLog::access(const Viewer &viewer, Moment now, AccessKind kind, uint64_t address,
                                          uint64_t size, uint32_t site, bool unwritten) {
  Conflict conflict;
  Cell before, after; // a cell before and after its access; cells that equal `before` become `after`
  for (uint64_t at = address, end = address + size; at < end;) {
    uint64_t next = std::min(end, (at | 3) + 1);
    uint8_t mask = uint8_t(((1u << (next - at)) - 1) << (at & 3));
    Cell &cell = cellAt(at);
    if (cell.barrier) [[unlikely]] {
      conflict.at = uint32_t(at - address);
      conflict.isBarrier = true;
      return conflict;
    }
    if (cell.bytes == 0)
      cell.bytes = mask;
    if (!cell.split && cell.bytes != mask)
      split(cell);
    if (!cell.split) {
      Cell found = cell;
      if (after.bytes != 0 && found == before) {
        hold({after.reader, after.readTime});
        release({found.reader, found.readTime});
        cell = after;
      } else if (accessCell(viewer, cell, now, kind, site, unwritten, conflict)) {
        before = found;
        after = cell;
      } else {
        conflict.at = uint32_t(at - address);
        return conflict;
      }
    } else {
      for (uint64_t byte = at; byte < next; ++byte)
        if (!accessCell(viewer, parts[cell.writeTime + (byte & 3)], now, kind, site, unwritten, conflict)) {
          conflict.at = uint32_t(byte - address);
          return conflict;
        }
    }
    at = next;
  }
  return std::nullopt;
}

} // namespace kinema::emulator

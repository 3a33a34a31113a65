#include "runtime/Emulator/SharedMemory.h"

#include "runtime/Error.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

using namespace kinema;
using namespace kinema::emulator;

Window::Window() {
  constexpr uint64_t size = (mostBlocks + 1) * stride; // one more, to align it
  reserved = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED)
    fail("cannot reserve {} bytes for shared memory: {}", size, std::strerror(errno));
  uint64_t start = reinterpret_cast<uint64_t>(reserved);
  base = reinterpret_cast<std::byte *>((start + stride - 1) / stride * stride);
}

Window::~Window() { munmap(reserved, (mostBlocks + 1) * stride); }

void AccessLog::reset(int blocks, uint32_t size) {
  bytes = (size + 7) / 8 * 8;
  cells.assign(uint64_t(blocks) * bytes / 4, Cell());
  parts.clear();
  idleReaders.clear();
  for (uint32_t i = 0; i < readers.size(); ++i)
    idleReaders.push_back(i);
}

void AccessLog::markBarrier(uint32_t address, bool isBarrier) {
  cellAt(address).barrier = cellAt(address + 4).barrier = isBarrier;
}

void AccessLog::split(Cell &cell) {
  Cell whole = cell;
  uint32_t first = uint32_t(parts.size());
  for (int byte = 0; byte < 4; ++byte) {
    Cell part;
    if (whole.bytes >> byte & 1) {
      part = whole;
      if (whole.reader == many) {
        part.readTime = makeReaders();
        readers[part.readTime] = readers[whole.readTime];
      }
    }
    parts.push_back(part);
  }
  dropReaders(whole);
  cell = Cell();
  cell.split = true;
  cell.bytes = 15;
  cell.writeTime = first;
}

uint32_t AccessLog::makeReaders() {
  if (idleReaders.empty()) {
    readers.emplace_back();
    return uint32_t(readers.size() - 1);
  }
  uint32_t index = idleReaders.back();
  idleReaders.pop_back();
  readers[index].clear();
  return index;
}

void AccessLog::dropReaders(Cell &cell) {
  if (cell.reader == many)
    idleReaders.push_back(cell.readTime);
  cell.reader = nobody;
}

void AccessLog::rememberRead(Cell &cell, Moment now, bool replaces) {
  if (replaces) {
    cell.reader = now.agent;
    cell.readTime = now.time;
    return;
  }
  auto put = [](std::vector<Moment> &moments, Moment read) {
    auto at = std::lower_bound(moments.begin(), moments.end(), read.agent,
                               [](Moment moment, Agent agent) { return moment.agent < agent; });
    if (at == moments.end() || at->agent != read.agent)
      moments.insert(at, read);
    else
      at->time = std::max(at->time, read.time);
  };
  if (cell.reader != many) {
    uint32_t index = makeReaders();
    put(readers[index], {cell.reader, cell.readTime});
    cell.reader = many;
    cell.readTime = index;
  }
  put(readers[cell.readTime], now);
}

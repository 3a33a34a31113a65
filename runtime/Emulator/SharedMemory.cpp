#include "runtime/Emulator/SharedMemory.h"

#include "runtime/Support/Error.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

using namespace kinema;
using namespace kinema::emulator;

Window::Window() {
  constexpr uint64_t size = (mostBlocks + 1) * stride; // one more block, to align the rest
  reserved = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED)
    fail("cannot reserve {} bytes for shared memory: {}", size, std::strerror(errno));
  uint64_t start = reinterpret_cast<uint64_t>(reserved);
  base = reinterpret_cast<std::byte *>((start + stride - 1) / stride * stride);
}

Window::~Window() { munmap(reserved, (mostBlocks + 1) * stride); }

const char *kinema::emulator::nameOf(AccessKind kind) {
  switch (kind) {
  case AccessKind::Read:
  case AccessKind::StrongRead:
  case AccessKind::ConstantRead:
    return "reads";
  case AccessKind::Write:
  case AccessKind::StrongWrite:
    return "writes";
  case AccessKind::Atomic:
    return "updates";
  }
  return "";
}

void AccessLog::reset(uint64_t bytes) {
  pages.assign((bytes + pageBytes - 1) / pageBytes, nullptr);
  usedPages = 0;
  parts.clear();
  lastRead.reset();
  idleReaders.clear();
  for (uint32_t i = 0; i < readers.size(); ++i)
    idleReaders.push_back(i);
  for (Readers &one : readers)
    one.holders = 0;
}

void AccessLog::addPage(uint64_t number) {
  if (usedPages == allPages.size())
    allPages.push_back(std::make_unique<Page>());
  else
    *allPages[usedPages] = Page();
  pages[number] = allPages[usedPages++].get();
}

void AccessLog::forget(uint64_t address, uint64_t bytes) {
  for (uint64_t at = address; at < address + bytes; at += 4) {
    Cell &cell = cellAt(at);
    dropReaders(cell);
    cell = Cell();
  }
}

void AccessLog::markBarrier(uint64_t address, bool isBarrier) {
  cellAt(address).barrier = cellAt(address + 4).barrier = isBarrier;
}

void AccessLog::split(Cell &cell) {
  Cell whole = cell;
  uint32_t first = uint32_t(parts.size());
  for (int byte = 0; byte < 4; ++byte) {
    Cell part;
    if (whole.bytes >> byte & 1) {
      part = whole;
      hold({whole.reader, whole.readTime});
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
  return index;
}

void AccessLog::hold(Moment read) {
  if (read.agent == many)
    ++readers[read.time].holders;
}

void AccessLog::release(Moment read) {
  if (read.agent == many && --readers[read.time].holders == 0)
    idleReaders.push_back(read.time);
}

void AccessLog::forgetLastRead() {
  if (!lastRead)
    return;
  release(lastRead->before);
  release({many, lastRead->after});
  lastRead.reset();
}

void AccessLog::dropReaders(Cell &cell) {
  release({cell.reader, cell.readTime});
  cell.reader = nobody;
}

static void put(std::vector<Moment> &moments, Moment read) {
  auto at = std::ranges::lower_bound(moments, read.agent, {}, &Moment::agent);
  if (at == moments.end() || at->agent != read.agent)
    moments.insert(at, read);
  else
    at->time = std::max(at->time, read.time);
}

void AccessLog::rememberRead(Cell &cell, Moment now, bool replaces) {
  if (replaces) {
    cell.reader = now.agent;
    cell.readTime = now.time;
    return;
  }
  Moment before{cell.reader, cell.readTime};
  if (!lastRead || lastRead->before != before || lastRead->now != now) {
    forgetLastRead();
    if (cell.reader == many && readers[cell.readTime].holders == 1) {
      put(readers[cell.readTime].moments, now);
      return;
    }
    uint32_t after = makeReaders();
    if (cell.reader == many)
      readers[after].moments = readers[cell.readTime].moments;
    else
      readers[after].moments.assign(1, before);
    put(readers[after].moments, now);
    lastRead = {before, now, after};
    hold(before);
    hold({many, after});
  }
  release(before);
  cell.reader = many;
  cell.readTime = lastRead->after;
  hold({many, lastRead->after});
}

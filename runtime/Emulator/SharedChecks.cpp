#include "runtime/Emulator/SharedChecks.h"

#include <algorithm>

using namespace kinema::emulator;

void SharedChecks::start() {
  log.reset(threads.blockCount() * placesOfBlock);
  for (int rank = 0; rank < threads.blockCount(); ++rank) {
    std::byte *memory = window.at(Window::inBlock(Window::start, rank));
    std::fill(memory, memory + bytes, std::byte(0xFF)); // bytes 0xFF make NaNs
  }
}

// ---- Accesses

void SharedChecks::checkBounds(AccessKind kind, uint32_t address, uint64_t size) {
  int64_t offset = Window::offsetOf(address);
  if (Window::rankOf(address) >= threads.blockCount() || offset < 0 || uint64_t(offset) + size > bytes)
      [[unlikely]]
    scheduler.violate("{} {} bytes at {} of shared memory, which has {}", nameOf(kind), size, offset, bytes);
}

template <typename View>
void SharedChecks::note(const View &view, AccessKind kind, Moment moment, uint32_t address, uint32_t size,
                        bool unwritten) {
  auto conflict = log.access(view, moment, kind, placeOf(address), size, scheduler.running().site, unwritten);
  if (conflict) [[unlikely]]
    report(*conflict, kind, address, size);
}

void SharedChecks::access(AccessKind kind, uint32_t address, uint64_t size, bool maybeUnwritten) {
  checkBounds(kind, address, size);
  if (const Block &block = threads.block(Window::rankOf(address)); block.live == 0) [[unlikely]]
    scheduler.violate("{} {} bytes of the shared memory of block {}, which has exited", nameOf(kind), size,
                      block.number);
  note(ThreadView{knowledge, scheduler.running()}, kind, knowledge.now(scheduler.running()), address,
       uint32_t(size), !maybeUnwritten);
}

void SharedChecks::accessGeneric(AccessKind kind, Moment moment, uint32_t address, uint32_t size) {
  note(ThreadView{knowledge, scheduler.running()}, kind, moment, address, size, true);
}

void SharedChecks::accessAsync(AccessKind kind, Moment moment, uint32_t address, uint32_t size) {
  checkBounds(kind, address, size);
  note(AsyncView{knowledge, scheduler.running()}, kind, moment, address, size, false);
}

void SharedChecks::readOperand(const WarpgroupView &view, Moment moment, uint32_t address, uint32_t size) {
  checkBounds(AccessKind::Read, address, size);
  note(view, AccessKind::Read, moment, address, size, false);
}

void SharedChecks::report(const Conflict &conflict, AccessKind kind, uint32_t address, uint64_t size) {
  int64_t at = Window::offsetOf(address + conflict.at);
  if (conflict.isBarrier)
    scheduler.violate("{} {} bytes of shared memory; an mbarrier lies at {}", nameOf(kind), size, at / 8 * 8);
  auto other = [&] { return knowledge.agents.describe(conflict.other); };
  if (conflict.fenceMissing)
    scheduler.violate("{} {} bytes of shared memory by the async proxy; {} wrote the byte at {}{}, without a "
                      "fence.proxy.async since then",
                      nameOf(kind), size, other(), at, scheduler.siteText(conflict.otherSite));
  if (conflict.other.agent == nobody)
    scheduler.violate("{} {} bytes of shared memory; the byte at {} was never written", nameOf(kind), size,
                      at);
  scheduler.violate("{} {} bytes of shared memory; {} {} the byte at {}{}, and nothing orders the two",
                    nameOf(kind), size, other(), conflict.otherWrote ? "wrote" : "read", at,
                    conflict.otherWrote ? scheduler.siteText(conflict.otherSite) : "");
}

// ---- Addresses

uint32_t SharedChecks::ownAddress(const void *pointer, uint32_t alignment, const char *what) {
  uint64_t address = window.addressOf(pointer);
  if (!window.holds(pointer) || Window::rankOf(address) != scheduler.running().rank)
    scheduler.violate("{} must be in the block's shared memory, and is at {}", what, pointer);
  if (address % alignment)
    scheduler.violate("{} must be at a multiple of {}, and is at {}", what, alignment,
                      Window::offsetOf(address));
  return uint32_t(address);
}

void *SharedChecks::hostAddress(uint32_t address) {
  uint32_t rank = address >> 24 ? (address >> 24) - 1 : uint32_t(scheduler.running().rank);
  return window.at(rank << 24 | (address & 0xFFFFFF));
}

uint32_t SharedChecks::clusterAddress(const void *pointer) const {
  return uint32_t(window.addressOf(pointer) + Window::stride);
}

void *SharedChecks::mapRank(const void *pointer, uint32_t rank) {
  if (rank >= uint32_t(threads.blockCount()))
    scheduler.violate("there is no block {} in a cluster of {}", rank, threads.blockCount());
  if (!window.holds(pointer))
    scheduler.violate("mapa of {}, which is not in shared memory", pointer);
  return window.at(Window::inBlock(window.addressOf(pointer), int(rank)));
}

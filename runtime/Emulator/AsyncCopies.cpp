// Copies that run beside the threads: cp.async, cp.async.bulk and those of tensors. What they touch is
// checked when they start; they land when the seed says, at the latest when a thread needs them to go on.
#include "runtime/Emulator/Cluster.h"

#include <algorithm>
#include <cstring>

using namespace kinema::emulator;
using Kind = AsyncCopy::Kind;

// ---- Landing

void Cluster::issue(AsyncCopy copy) {
  copy.thread = current->index;
  copy.site = current->site;
  copies.push_back(copy);
  if (landing == Landing::Early)
    land(copies.size() - 1);
}

void Cluster::land(size_t index) {
  AsyncCopy copy = copies[index];
  copies.erase(copies.begin() + index);
  if (copy.kind == Kind::AsyncArrive)
    landOf(threads[copy.thread], false, copy.time);
  perform(copy);
}

// Lands the thread's copies to global memory, or its cp.async, up to a time.
void Cluster::landOf(const Thread &thread, bool bulk, uint32_t time) {
  for (size_t i = 0; i < copies.size();) {
    const AsyncCopy &copy = copies[i];
    bool isBulk = copy.kind == Kind::BulkStore || copy.kind == Kind::TensorStore;
    if (copy.thread == thread.index && copy.time <= time && (bulk ? isBulk : copy.kind == Kind::Async))
      land(i);
    else
      ++i;
  }
}

// When no thread can run. False: there is nothing to land.
bool Cluster::landSome() {
  if (copies.empty())
    return false;
  land(inOrder ? 0 : random.below(uint32_t(copies.size())));
  return true;
}

void Cluster::perform(const AsyncCopy &copy) {
  std::byte *shared = window.at(copy.shared);
  const TensorMap *map = reinterpret_cast<const TensorMap *>(copy.global);
  std::byte *memory = window.at(copy.shared / Window::stride * Window::stride);
  uint32_t address = copy.shared % Window::stride;
  std::span<const int32_t> coordinates(copy.coordinates.data(), copy.coordinateCount);
  switch (copy.kind) {
  case Kind::Async:
    std::memcpy(shared, copy.global, copy.sourceBytes);
    std::memset(shared + copy.sourceBytes, 0, copy.bytes - copy.sourceBytes);
    return;
  case Kind::BulkStore:
    std::memcpy(copy.global, shared, copy.bytes);
    return;
  case Kind::TensorStore:
    return storeBox(*map, coordinates, memory, address);
  case Kind::BulkLoad:
    std::memcpy(shared, copy.global, copy.bytes);
    break;
  case Kind::TensorLoad:
    if (map->isIm2col)
      loadIm2col(*map, coordinates, std::span(copy.offsets.data(), copy.offsetCount), memory, address);
    else
      loadBox(*map, coordinates, memory, address);
    break;
  case Kind::AsyncArrive:
    break;
  }
  MBarrier &barrier = mbarriers[copy.barrier];
  if (copy.kind == Kind::AsyncArrive) {
    const Thread &thread = threads[copy.thread];
    barrier.arrivals->raiseSeen(asyncAgent(thread), copy.time);
    --barrier.pending;
  } else {
    barrier.bytes -= copy.bytes;
  }
  tryComplete(barrier);
}

// When all threads have exited.
void Cluster::checkLeftovers() {
  for (const AsyncCopy &copy : copies)
    if (copy.kind != Kind::Async && copy.kind != Kind::AsyncArrive) {
      record(&threads[copy.thread], copy.site,
             "the block ends while this copy is under way: nobody waits for it");
      return;
    }
  for (const MBarrier &barrier : mbarriers)
    if (barrier.live && barrier.bytes) {
      record(nullptr, noSite, fmt::format("the block ends with {}", describe(barrier)));
      return;
    }
}

// ---- cp.async

void Cluster::copyAsync(void *to, const void *from, uint32_t bytes, uint32_t sourceBytes) {
  Thread &thread = *current;
  if (bytes != 4 && bytes != 8 && bytes != 16)
    violate("cp.async of {} bytes: must be 4, 8 or 16", bytes);
  if (sourceBytes > bytes)
    violate("cp.async of {} bytes from a source of {}", bytes, sourceBytes);
  uint32_t address = ownShared(to, bytes, "the target of cp.async");
  if (sourceBytes)
    access(AccessKind::Read, from, sourceBytes, bytes, /*space=*/1);
  checkBounds(AccessKind::Write, address, bytes);
  accessGeneric(AccessKind::Write, {asyncAgent(thread), thread.async.time}, address, bytes);
  AsyncCopy copy;
  copy.kind = Kind::Async;
  copy.time = thread.async.time;
  copy.shared = address;
  copy.global = static_cast<std::byte *>(const_cast<void *>(from));
  copy.bytes = bytes;
  copy.sourceBytes = sourceBytes;
  issue(copy);
}

void Cluster::commitAsync() { current->async.groups.push_back(current->async.time++); }

void Cluster::waitAsync(uint32_t pending) {
  Thread::Copies &own = current->async;
  if (own.groups.size() <= pending)
    return;
  uint32_t time = own.groups[own.groups.size() - 1 - pending];
  landOf(*current, false, time);
  own.seen = std::max(own.seen, time);
}

void Cluster::arriveAsync(const void *pointer, bool countsItself) {
  Thread &thread = *current;
  MBarrier &barrier = useMBarrier(pointer, false);
  if (countsItself)
    ++barrier.pending;
  else if (!barrier.pending)
    violate("arrives at {}", describe(barrier));
  AsyncCopy copy;
  copy.kind = Kind::AsyncArrive;
  copy.time = thread.async.time++;
  copy.barrier = int(&barrier - mbarriers.data());
  copy.phase = barrier.phase;
  issue(copy);
}

// ---- cp.async.bulk

// The mbarrier at the same place in a block's memory.
MBarrier &Cluster::mbarrierFor(const void *pointer, uint32_t rank) {
  uint32_t address = uint32_t(window.addressOf(pointer) % Window::stride + rank * Window::stride);
  return useMBarrier(window.at(address), true);
}

static void forRanks(uint32_t mask, uint32_t otherwise, auto function) {
  if (!mask)
    return function(otherwise);
  for (uint32_t rank = 0; rank < 16; ++rank)
    if (mask >> rank & 1)
      function(rank);
}

void Cluster::bulkLoad(void *to, const void *from, const void *pointer, uint32_t bytes, uint32_t ranks) {
  if (bytes % 16)
    violate("a bulk copy of {} bytes: must be a multiple of 16", bytes);
  if (!window.holds(to) || !window.holds(pointer))
    violate("a bulk copy to {} for the mbarrier at {}: both must be in shared memory", to, pointer);
  if (window.addressOf(to) % 16)
    violate("a bulk copy to {} of shared memory: must be a multiple of 16",
            int64_t(window.addressOf(to) % Window::stride) - int64_t(sharedStart));
  bool isShared = window.holds(from);
  forRanks(ranks, uint32_t(window.addressOf(to) / Window::stride), [&](uint32_t rank) {
    MBarrier &barrier =
        mbarrierFor(pointer, ranks ? rank : uint32_t(window.addressOf(pointer) / Window::stride));
    Moment moment{agentOf(barrier), barrier.phase + 1};
    AsyncCopy copy;
    copy.kind = Kind::BulkLoad;
    copy.shared = uint32_t(window.addressOf(to) % Window::stride + rank * Window::stride);
    copy.global = static_cast<std::byte *>(const_cast<void *>(from));
    copy.bytes = bytes;
    copy.barrier = int(&barrier - mbarriers.data());
    copy.phase = barrier.phase;
    if (isShared)
      accessAsync(AccessKind::Read, moment, ownShared(from, 16, "the source of a bulk copy"), bytes);
    else
      access(AccessKind::Read, from, bytes, 16, /*space=*/1);
    accessAsync(AccessKind::Write, moment, copy.shared, bytes);
    issue(copy);
  });
}

void Cluster::bulkStore(void *to, const void *from, uint32_t bytes) {
  Thread &thread = *current;
  if (bytes % 16)
    violate("a bulk copy of {} bytes: must be a multiple of 16", bytes);
  AsyncCopy copy;
  copy.kind = Kind::BulkStore;
  copy.time = thread.bulk.time;
  copy.shared = ownShared(from, 16, "the source of a bulk copy");
  copy.global = static_cast<std::byte *>(to);
  copy.bytes = bytes;
  access(AccessKind::Write, to, bytes, 16, /*space=*/1);
  accessAsync(AccessKind::Read, {bulkAgent(thread), thread.bulk.time}, copy.shared, bytes);
  issue(copy);
}

void Cluster::commitBulk() { current->bulk.groups.push_back(current->bulk.time++); }

void Cluster::waitBulk(uint32_t pending) {
  Thread::Copies &own = current->bulk;
  if (own.groups.size() <= pending)
    return;
  uint32_t time = own.groups[own.groups.size() - 1 - pending];
  landOf(*current, true, time);
  own.seen = std::max(own.seen, time);
}

// ---- Tensors

const TensorMap &Cluster::checkMap(const void *pointer, size_t coordinates, size_t offsets) {
  if (reinterpret_cast<uint64_t>(pointer) % 64)
    violate("a tensor map must be at a multiple of 64, and is at {}", pointer);
  const TensorMap &map = *static_cast<const TensorMap *>(pointer);
  if (map.magic != TensorMap::valid)
    violate("there is no tensor map at {}", pointer);
  if (coordinates != map.rank || offsets != (map.isIm2col ? map.rank - 2u : 0u))
    violate("{} coordinates and {} offsets for a tensor map of {} dimensions{}", coordinates, offsets,
            map.rank, map.isIm2col ? " for im2col" : "");
  return map;
}

void Cluster::tensorLoad(void *to, const void *pointer, const void *barrierPointer,
                         std::span<const int32_t> coordinates, std::span<const int32_t> offsets,
                         uint32_t ranks) {
  const TensorMap &map = checkMap(pointer, coordinates.size(), offsets.size());
  if (!window.holds(to) || window.addressOf(to) % 128)
    violate("a tensor copy to {} of shared memory: must be a multiple of 128",
            int64_t(window.addressOf(to) % Window::stride) - int64_t(sharedStart));
  checkGlobal(AccessKind::Read, reinterpret_cast<const void *>(map.address), map.span());
  forRanks(ranks, uint32_t(window.addressOf(to) / Window::stride), [&](uint32_t rank) {
    MBarrier &barrier = mbarrierFor(
        barrierPointer, ranks ? rank : uint32_t(window.addressOf(barrierPointer) / Window::stride));
    AsyncCopy copy;
    copy.kind = Kind::TensorLoad;
    copy.shared = uint32_t(window.addressOf(to) % Window::stride + rank * Window::stride);
    copy.global = static_cast<std::byte *>(const_cast<void *>(pointer));
    copy.bytes = map.boxBytes();
    copy.barrier = int(&barrier - mbarriers.data());
    copy.phase = barrier.phase;
    copy.coordinateCount = uint8_t(coordinates.size());
    copy.offsetCount = uint8_t(offsets.size());
    std::copy(coordinates.begin(), coordinates.end(), copy.coordinates.begin());
    std::copy(offsets.begin(), offsets.end(), copy.offsets.begin());
    accessAsync(AccessKind::Write, {agentOf(barrier), barrier.phase + 1}, copy.shared, copy.bytes);
    issue(copy);
  });
}

void Cluster::tensorStore(const void *pointer, const void *from, std::span<const int32_t> coordinates) {
  Thread &thread = *current;
  const TensorMap &map = checkMap(pointer, coordinates.size(), 0);
  checkGlobal(AccessKind::Write, reinterpret_cast<const void *>(map.address), map.span());
  AsyncCopy copy;
  copy.kind = Kind::TensorStore;
  copy.time = thread.bulk.time;
  copy.shared = ownShared(from, 128, "the source of a tensor copy");
  copy.global = static_cast<std::byte *>(const_cast<void *>(pointer));
  copy.bytes = map.boxBytes();
  copy.coordinateCount = uint8_t(coordinates.size());
  std::copy(coordinates.begin(), coordinates.end(), copy.coordinates.begin());
  accessAsync(AccessKind::Read, {bulkAgent(thread), thread.bulk.time}, copy.shared, copy.bytes);
  issue(copy);
}

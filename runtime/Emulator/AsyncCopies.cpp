#include "runtime/Emulator/AsyncCopies.h"

#include <algorithm>
#include <cstring>

using namespace kinema::emulator;

// ---- Landing

void AsyncCopies::issue(Copy copy) {
  const Thread &thread = scheduler.running();
  copy.thread = thread.index;
  copy.site = thread.site;
  if (copy.countsBytes())
    mbarriers.issue(copy.phase);
  auto place = copies.add(copy);
  if (choices.landsEarly())
    land(place);
}

void AsyncCopies::land(CopiesUnderWay::Place place) {
  const Copy copy = copies.take(place);
  const Thread &thread = threads[copy.thread];
  if (copy.kind == Copy::Kind::AsyncArrive) {
    landUntil(thread, /*stores=*/false, copy.time);
    return mbarriers.landArrival(copy.phase, {agents.ofAsync(thread), copy.time}, nullptr, thread, copy.site);
  }
  if (copy.kind == Copy::Kind::ProductsArrive) {
    mbarriers.landArrival(copy.phase, {agents.ofTensorProducts(thread), copy.time}, copy.handedOn, thread,
                          copy.site);
    return knowledge.clocks.release(copy.handedOn);
  }
  perform(copy);
  if (copy.countsBytes())
    mbarriers.land(copy.phase, thread, copy.site, copy.bytes);
}

// Lands the thread's stores to global memory, or its cp.async, that were issued up to a time.
void AsyncCopies::landUntil(const Thread &thread, bool stores, uint32_t time) {
  while (auto place = copies.ofThread(thread.index, stores, time))
    land(*place);
}

bool AsyncCopies::landOne() {
  if (copies.empty())
    return false;
  land(choices.order == Choices::Order::Random ? copies[choices.below(uint32_t(copies.size()))]
                                               : copies.oldest());
  return true;
}

void AsyncCopies::landSome() {
  if (!copies.empty() && choices.landsNow(8))
    land(copies[choices.below(uint32_t(copies.size()))]);
}

void AsyncCopies::perform(const Copy &copy) {
  std::byte *to = shared.window.at(copy.shared);
  const TensorMap *map = reinterpret_cast<const TensorMap *>(copy.global);
  std::byte *memory = shared.window.at(Window::inBlock(0, Window::rankOf(copy.shared)));
  uint32_t address = copy.shared % Window::stride;
  std::span<const int32_t> coordinates(copy.coordinates.data(), copy.coordinateCount);
  switch (copy.kind) {
  case Copy::Kind::Async:
    std::memcpy(to, copy.global, copy.sourceBytes);
    std::memset(to + copy.sourceBytes, 0, copy.bytes - copy.sourceBytes);
    return;
  case Copy::Kind::AsyncArrive:
  case Copy::Kind::ProductsArrive:
    return;
  case Copy::Kind::BulkStore:
    std::memcpy(copy.global, to, copy.bytes);
    return;
  case Copy::Kind::BulkLoad:
    std::memcpy(to, copy.global, copy.bytes);
    return;
  case Copy::Kind::TensorStore:
    return storeBox(*map, coordinates, memory, address);
  case Copy::Kind::TensorLoad:
    if (map->isIm2col)
      return loadIm2col(*map, coordinates, std::span(copy.offsets.data(), copy.offsetCount), memory, address);
    return loadBox(*map, coordinates, memory, address);
  }
}

void AsyncCopies::checkLeftovers() {
  copies.forAll([&](const Copy &copy) {
    if (copy.countsBytes() || copy.isStore())
      scheduler.violateAt(&threads[copy.thread], copy.site,
                          "the block ends while this copy is under way: nobody waits for it");
    if (copy.kind == Copy::Kind::ProductsArrive && mbarriers.rankOf(copy.phase) != threads[copy.thread].rank)
      scheduler.violateAt(&threads[copy.thread], copy.site,
                          "the cluster ends while this commit is on its way to another block");
  });
}

// Returns the time up to which copies must have landed, where `pending` groups may go on; nothing where all
// may go on.
static std::optional<uint32_t> timeToWaitFor(const CopyGroups &own, uint32_t pending) {
  if (own.committed.size() <= pending)
    return std::nullopt;
  return own.committed[own.committed.size() - 1 - pending];
}

// ---- cp.async

void AsyncCopies::copy(void *to, const void *from, uint32_t bytes, uint32_t sourceBytes) {
  const Thread &thread = scheduler.running();
  if (bytes != 4 && bytes != 8 && bytes != 16)
    scheduler.violate("cp.async of {} bytes: must be 4, 8 or 16", bytes);
  if (sourceBytes > bytes)
    scheduler.violate("cp.async of {} bytes from a source of {}", bytes, sourceBytes);
  uint32_t address = shared.ownAddress(to, bytes, "the target of cp.async");
  if (sourceBytes)
    accesses.checkCopy(AccessKind::Read, {agents.ofAsync(thread), thread.async.time}, from, sourceBytes,
                       bytes);
  if (profiler.isOn()) {
    if (sourceBytes)
      profiler.noteLane(thread, global.buffer(), global.offset(from), sourceBytes);
    profiler.noteLane(thread, Profile::sharedMemory, address, bytes);
  }
  shared.checkBounds(AccessKind::Write, address, bytes);
  shared.accessGeneric(AccessKind::Write, {agents.ofAsync(thread), thread.async.time}, address, bytes);
  Copy copy;
  copy.kind = Copy::Kind::Async;
  copy.time = thread.async.time;
  copy.shared = address;
  copy.global = static_cast<std::byte *>(const_cast<void *>(from));
  copy.bytes = bytes;
  copy.sourceBytes = sourceBytes;
  issue(copy);
}

void AsyncCopies::commit() {
  CopyGroups &own = scheduler.running().async;
  own.committed.push_back(own.time++);
}

void AsyncCopies::wait(uint32_t pending) {
  Thread &thread = scheduler.running();
  if (auto time = timeToWaitFor(thread.async, pending)) {
    landUntil(thread, /*stores=*/false, *time);
    thread.known.asyncSeen = std::max(thread.known.asyncSeen, *time);
  }
}

void AsyncCopies::arrive(const void *mbarrier, bool countsItself) {
  Copy copy;
  copy.kind = Copy::Kind::AsyncArrive;
  copy.phase = mbarriers.issueArrival(mbarrier, countsItself);
  copy.time = scheduler.running().async.time++;
  issue(copy);
}

// ---- cp.async.bulk

// Calls function(address in the cluster, phase of the mbarrier) for each block that gets a copy.
template <typename Function>
void AsyncCopies::forTargets(const void *to, const void *mbarrier, uint32_t ranks, Function function) {
  uint64_t address = shared.window.addressOf(to);
  if (!ranks) {
    int rank = Window::rankOf(shared.window.addressOf(mbarrier));
    return function(uint32_t(address), mbarriers.phaseFor(mbarrier, rank));
  }
  for (int rank = 0; rank < Window::mostBlocks; ++rank)
    if (ranks >> rank & 1)
      function(Window::inBlock(address, rank), mbarriers.phaseFor(mbarrier, rank));
}

void AsyncCopies::arriveAfterProducts(const void *mbarrier, uint32_t ranks, uint32_t time) {
  shared.ownAddress(mbarrier, 8, "the mbarrier of a tcgen05.commit");
  Clock *known = knowledge.clocks.make();
  knowledge.release(scheduler.running(), *known);
  forTargets(mbarrier, mbarrier, ranks, [&](uint32_t, MBarriers::Phase phase) {
    Copy copy;
    copy.kind = Copy::Kind::ProductsArrive;
    copy.time = time;
    copy.phase = phase;
    copy.handedOn = knowledge.clocks.retain(known);
    issue(copy);
  });
  knowledge.clocks.release(known);
}

void AsyncCopies::loadBulk(void *to, const void *from, const void *mbarrier, uint32_t bytes, uint32_t ranks) {
  const Window &window = shared.window;
  if (bytes % 16)
    scheduler.violate("a bulk copy of {} bytes: must be a multiple of 16", bytes);
  if (!window.holds(to) || !window.holds(mbarrier))
    scheduler.violate("a bulk copy to {} for the mbarrier at {}: both must be in shared memory", to,
                      mbarrier);
  if (window.addressOf(to) % 16)
    scheduler.violate("a bulk copy to {} of shared memory: must be a multiple of 16",
                      Window::offsetOf(window.addressOf(to)));
  forTargets(to, mbarrier, ranks, [&](uint32_t address, MBarriers::Phase phase) {
    Copy copy;
    copy.kind = Copy::Kind::BulkLoad;
    copy.shared = address;
    copy.global = static_cast<std::byte *>(const_cast<void *>(from));
    copy.bytes = bytes;
    copy.phase = phase;
    Moment moment = mbarriers.momentOf(phase);
    if (window.holds(from))
      shared.accessAsync(AccessKind::Read, moment, shared.ownAddress(from, 16, "the source of a bulk copy"),
                         bytes);
    else
      accesses.checkCopy(AccessKind::Read, moment, from, bytes, 16);
    shared.accessAsync(AccessKind::Write, moment, address, bytes);
    issue(copy);
  });
  if (profiler.isOn() && !window.holds(from))
    profiler.noteCopy(scheduler.running(), global.buffer(), global.offset(from), bytes);
}

void AsyncCopies::storeBulk(void *to, const void *from, uint32_t bytes) {
  const Thread &thread = scheduler.running();
  if (bytes % 16)
    scheduler.violate("a bulk copy of {} bytes: must be a multiple of 16", bytes);
  Copy copy;
  copy.kind = Copy::Kind::BulkStore;
  copy.time = thread.bulk.time;
  copy.shared = shared.ownAddress(from, 16, "the source of a bulk copy");
  copy.global = static_cast<std::byte *>(to);
  copy.bytes = bytes;
  accesses.checkCopy(AccessKind::Write, {agents.ofStores(thread), thread.bulk.time}, to, bytes, 16);
  if (profiler.isOn())
    profiler.noteCopy(thread, global.buffer(), global.offset(to), bytes);
  shared.accessAsync(AccessKind::Read, {agents.ofBulk(thread), thread.bulk.time}, copy.shared, bytes);
  issue(copy);
}

void AsyncCopies::commitBulk() {
  CopyGroups &own = scheduler.running().bulk;
  own.committed.push_back(own.time++);
}

void AsyncCopies::waitBulk(uint32_t pending, bool readsOnly) {
  Thread &thread = scheduler.running();
  if (auto time = timeToWaitFor(thread.bulk, pending)) {
    landUntil(thread, /*stores=*/true, *time);
    thread.known.bulkSeen = std::max(thread.known.bulkSeen, *time);
    if (!readsOnly)
      thread.known.storesSeen = std::max(thread.known.storesSeen, *time);
  }
}

// ---- Tensors

static size_t offsetsOf(const TensorMap &map) { return map.isIm2col ? map.rank - 2u : 0u; }

const TensorMap &AsyncCopies::checkMap(const void *pointer, size_t coordinates, size_t offsets) {
  if (reinterpret_cast<uint64_t>(pointer) % 64)
    scheduler.violate("a tensor map must be at a multiple of 64, and is at {}", pointer);
  const TensorMap &map = *static_cast<const TensorMap *>(pointer);
  if (map.magic != TensorMap::valid)
    scheduler.violate("there is no tensor map at {}", pointer);
  if (coordinates != map.rank || offsets != offsetsOf(map))
    scheduler.violate("{} coordinates and {} offsets for a tensor map of {} dimensions{}", coordinates,
                      offsets, map.rank, map.isIm2col ? " for im2col" : "");
  return map;
}

void AsyncCopies::prefetchTensor(const void *pointer) {
  const TensorMap &map = *static_cast<const TensorMap *>(pointer);
  checkMap(pointer, map.rank, offsetsOf(map));
}

// Notes what a copy of a tensor reads or writes in global memory, where that is watched or counted.
void AsyncCopies::noteTensor(AccessKind kind, Moment moment, const TensorMap &map,
                             std::span<const int32_t> coordinates, std::span<const int32_t> offsets) {
  if (!order.isWatched() && !profiler.isOn())
    return;
  forRuns(map, coordinates, offsets, [&](std::byte *first, uint32_t bytes) {
    global.access(kind, moment, first, bytes);
    if (profiler.isOn())
      profiler.noteCopy(scheduler.running(), global.buffer(), global.offset(first), bytes);
  });
}

void AsyncCopies::loadTensor(void *to, const void *pointer, const void *mbarrier,
                             std::span<const int32_t> coordinates, std::span<const int32_t> offsets,
                             uint32_t ranks) {
  const Window &window = shared.window;
  const TensorMap &map = checkMap(pointer, coordinates.size(), offsets.size());
  if (!window.holds(to) || window.addressOf(to) % 128)
    scheduler.violate("a tensor copy to {} of shared memory: must be a multiple of 128",
                      Window::offsetOf(window.addressOf(to)));
  global.checkBounds(AccessKind::Read, reinterpret_cast<const void *>(map.address), map.span());
  forTargets(to, mbarrier, ranks, [&](uint32_t address, MBarriers::Phase phase) {
    Copy copy;
    copy.kind = Copy::Kind::TensorLoad;
    copy.shared = address;
    copy.global = static_cast<std::byte *>(const_cast<void *>(pointer));
    copy.bytes = map.boxBytes();
    copy.phase = phase;
    copy.coordinateCount = uint8_t(coordinates.size());
    copy.offsetCount = uint8_t(offsets.size());
    std::ranges::copy(coordinates, copy.coordinates.begin());
    std::ranges::copy(offsets, copy.offsets.begin());
    noteTensor(AccessKind::Read, mbarriers.momentOf(phase), map, coordinates, offsets);
    shared.accessAsync(AccessKind::Write, mbarriers.momentOf(phase), address, copy.bytes);
    issue(copy);
  });
}

void AsyncCopies::storeTensor(const void *pointer, const void *from, std::span<const int32_t> coordinates) {
  const Thread &thread = scheduler.running();
  const TensorMap &map = checkMap(pointer, coordinates.size(), 0);
  global.checkBounds(AccessKind::Write, reinterpret_cast<const void *>(map.address), map.span());
  Copy copy;
  copy.kind = Copy::Kind::TensorStore;
  copy.time = thread.bulk.time;
  copy.shared = shared.ownAddress(from, 128, "the source of a tensor copy");
  copy.global = static_cast<std::byte *>(const_cast<void *>(pointer));
  copy.bytes = map.boxBytes();
  copy.coordinateCount = uint8_t(coordinates.size());
  std::ranges::copy(coordinates, copy.coordinates.begin());
  noteTensor(AccessKind::Write, {agents.ofStores(thread), thread.bulk.time}, map, coordinates, {});
  shared.accessAsync(AccessKind::Read, {agents.ofBulk(thread), thread.bulk.time}, copy.shared, copy.bytes);
  issue(copy);
}

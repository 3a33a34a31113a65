#include "runtime/Emulator/TensorMemory.h"

#include "runtime/Emulator/Current.h"
#include "runtime/Emulator/Floats.h"
#include "runtime/Emulator/MatrixDescriptor.h"

#include <algorithm>
#include <bit>
#include <cstring>

using namespace kinema::emulator;

static constexpr uint32_t fewestColumns = 32;                     // of an allocation
static constexpr uint32_t columnsOfLoad = 8, registersOfLoad = 4; // of each group of a load
static constexpr uint32_t nobodysValue = 0xFFFFFFFF;              // a NaN

static uint32_t laneOf(uint32_t address) { return address >> 16; }
static uint32_t columnOf(uint32_t address) { return address & 0xFFFF; }

void TensorMemory::start() { isUsed = false; }

// Prepares for the first use since the cluster began. Most kernels have none.
void TensorMemory::begin() {
  if (isUsed)
    return;
  isUsed = true;
  blocks.resize(size_t(threads.blockCount()));
  for (BlockMemory &block : blocks) {
    block.allocations.clear();
    block.hasRelinquished = false;
  }
  ofThreads.assign(threads.size(), OfThread());
  log.reset(placeOf(threads.blockCount(), 0, 0));
}

TensorMemory::OfThread &TensorMemory::own() {
  begin();
  return ofThreads[scheduler.running().index];
}

// ---- Accesses

// A View is what is certain for an operation on tensor memory that a thread begins. What others did there
// counts as known only as far as the thread knew it at its last tcgen05.fence::after_thread_sync.
struct TensorMemory::View {
  const TensorMemory &memory;
  const Thread &thread;
  bool followsProducts = false; // a thread's products are made in the order in which they began
  bool isOfWarp = false;        // the operation comes after loads that any lane of the warp has waited for

  bool knows(Moment moment) const {
    const Agents &agents = memory.knowledge.agents;
    if (followsProducts && moment.agent == agents.ofTensorProducts(thread))
      return true;
    int loader = agents.threadOfTensorLoads(moment.agent);
    bool isOwnLoad =
        loader == thread.index || (isOfWarp && loader >= 0 && memory.threads[loader].warp == thread.warp);
    if (isOwnLoad && moment.time <= memory.ofThreads[loader].loadsSeen)
      return true;
    const Clock *fenced = memory.ofThreads[thread.index].fenced;
    return fenced && fenced->seenOf(moment.agent) >= moment.time;
  }
  bool knowsWrite(Moment moment) const { return knows(moment); }
  bool knowsRead(Moment moment) const { return knows(moment); }
  bool isMissingFence(Moment moment) const { return memory.knowledge.knows(thread, moment); }
};

void TensorMemory::note(const View &view, Moment moment, Deed deed, uint32_t group, uint32_t column,
                        uint32_t columns) {
  bool reads = deed == Deed::Loads || deed == Deed::AddsTo;
  auto conflict = log.access(view, moment, reads ? AccessKind::Read : AccessKind::Write,
                             placeOf(view.thread.rank, group, column), columns * sizeof(float),
                             scheduler.running().site, /*unwritten=*/true);
  if (conflict) [[unlikely]]
    report(view, *conflict, deed, group, column, columns);
}

void TensorMemory::report(const View &view, const Conflict &conflict, Deed deed, uint32_t group,
                          uint32_t column, uint32_t columns) {
  constexpr const char *names[] = {"loads", "writes", "adds to", "deallocates"};
  std::string deedText =
      fmt::format("{} columns {} to {} of lanes {} to {} of tensor memory", names[size_t(deed)], column,
                  column + columns - 1, group * rowsOfGroup, (group + 1) * rowsOfGroup - 1);
  uint32_t at = column + conflict.at / uint32_t(sizeof(float));
  if (conflict.other.agent == nobody)
    scheduler.violate("{}; no product has written column {}", deedText, at);
  std::string other = fmt::format("{} {} column {}{}", knowledge.agents.describe(conflict.other),
                                  conflict.otherWrote ? "wrote" : "read", at,
                                  conflict.otherWrote ? scheduler.siteText(conflict.otherSite) : "");
  if (view.isMissingFence(conflict.other))
    scheduler.violate("{}; {}, without a tcgen05.fence::after_thread_sync behind what orders the two",
                      deedText, other);
  scheduler.violate("{}; {}, and nothing orders the two", deedText, other);
}

void TensorMemory::requireAllocated(Deed deed, uint32_t column, uint32_t columns) {
  for (const Allocation &allocation : blocks[scheduler.running().rank].allocations)
    if (column >= allocation.first && column + columns <= allocation.first + allocation.columns)
      return;
  scheduler.violate("{} columns {} to {} of tensor memory, which are not all of one allocation",
                    deed == Deed::Loads ? "loads" : "writes", column, column + columns - 1);
}

// ---- Allocations

// Makes sure that all lanes of a warp take part with the same first two operands.
void TensorMemory::requireTogether(const Meeting &meeting) {
  warps.requireWhole(meeting);
  const auto &first = warps.lane(meeting, 0).operand;
  for (int lane = 1; lane < warpSize; ++lane)
    if (const auto &operand = warps.lane(meeting, lane).operand;
        operand[0] != first[0] || operand[1] != first[1])
      scheduler.violate("lanes 0 and {} of a warp give different operands: {:#x}, {} and {:#x}, {}", lane,
                        first[0], first[1], operand[0], operand[1]);
}

void TensorMemory::allocate(const void *to, uint32_t columns) {
  begin();
  Thread &thread = scheduler.running();
  if (columns < fewestColumns || columns > columnCount || !std::has_single_bit(columns))
    scheduler.violate("tcgen05.alloc of {} columns: must be a power of two from {} to {}", columns,
                      fewestColumns, columnCount);
  uint32_t target = shared.ownAddress(to, sizeof(uint32_t), "the target of tcgen05.alloc");
  thread.operand = {target, columns};
  uint32_t address = uint32_t(warps.meet(everyLane, [](Warps &, const Meeting &meeting) {
    currentCluster->tensorMemory.finishAllocation(meeting);
  }));
  if (thread.lane() != 0)
    return;
  shared.access(AccessKind::Write, target, sizeof address);
  std::memcpy(shared.window.at(target), &address, sizeof address);
}

void TensorMemory::finishAllocation(const Meeting &meeting) {
  requireTogether(meeting);
  const Thread &first = warps.lane(meeting, 0);
  uint32_t columns = uint32_t(first.operand[1]), column = 0;
  BlockMemory &block = blocks[first.rank];
  if (block.hasRelinquished)
    scheduler.violate("tcgen05.alloc, and the block has made tcgen05.relinquish_alloc_permit before");
  auto place = block.allocations.begin();
  for (; place != block.allocations.end() && place->first - column < columns; ++place)
    column = place->first + place->columns;
  if (column + columns > columnCount)
    scheduler.violate("tcgen05.alloc of {} columns, and so many are not free side by side: it waits for ever",
                      columns);
  block.allocations.insert(place, {column, columns, first.index, first.site});
  block.values.resize(laneCount * columnCount);
  for (int lane = 0; lane < warpSize; ++lane)
    warps.lane(meeting, lane).result = column;
}

void TensorMemory::deallocate(uint32_t address, uint32_t columns) {
  begin();
  scheduler.running().operand = {address, columns};
  warps.meet(everyLane, [](Warps &, const Meeting &meeting) {
    currentCluster->tensorMemory.finishDeallocation(meeting);
  });
}

// What follows in these columns after the next allocation is ordered by the two.
void TensorMemory::finishDeallocation(const Meeting &meeting) {
  requireTogether(meeting);
  const Thread &first = warps.lane(meeting, 0);
  uint32_t address = uint32_t(first.operand[0]), columns = uint32_t(first.operand[1]);
  std::vector<Allocation> &allocations = blocks[first.rank].allocations;
  auto found = std::ranges::find(allocations, address, &Allocation::first);
  if (found == allocations.end() || found->columns != columns)
    scheduler.violate("tcgen05.dealloc of {} columns at {:#x}, which no tcgen05.alloc has given", columns,
                      address);
  View view{*this, first, /*followsProducts=*/false, /*isOfWarp=*/true};
  Moment moment = knowledge.now(first);
  for (uint32_t group = 0; group < groupCount; ++group) {
    note(view, moment, Deed::Deallocates, group, address, columns);
    log.forget(placeOf(first.rank, group, address), columns * sizeof(float));
  }
  allocations.erase(found);
}

void TensorMemory::relinquish() {
  begin();
  warps.meet(everyLane, [](Warps &, const Meeting &meeting) {
    currentCluster->tensorMemory.finishRelinquishing(meeting);
  });
}

void TensorMemory::finishRelinquishing(const Meeting &meeting) {
  warps.requireWhole(meeting);
  blocks[warps.lane(meeting, 0).rank].hasRelinquished = true;
}

void TensorMemory::checkLeftovers() {
  if (!isUsed)
    return;
  for (const BlockMemory &block : blocks)
    for (const Allocation &left : block.allocations)
      scheduler.violateAt(&threads[left.thread], left.site,
                          fmt::format("the block ends, and nobody has deallocated these {} columns of tensor "
                                      "memory",
                                      left.columns));
}

// ---- Loads

void TensorMemory::load(uint32_t address, uint32_t groups, uint32_t *registers) {
  OfThread &own = this->own();
  Thread &thread = scheduler.running();
  uint32_t firstLane = uint32_t(thread.number / warpSize % 4 * warpSize);
  if (laneOf(address) != firstLane && laneOf(address) != firstLane + rowsOfGroup)
    scheduler.violate("tcgen05.ld from lane {} of tensor memory: this warp can load from lanes {} and {}",
                      laneOf(address), firstLane, firstLane + rowsOfGroup);
  requireAllocated(Deed::Loads, columnOf(address), groups * columnsOfLoad);
  View view{*this, thread};
  Moment moment{knowledge.agents.ofTensorLoads(thread), own.loadTime};
  uint32_t column = columnOf(address) + uint32_t(thread.lane()) % 4 * 2;
  for (uint32_t group = 0; group < groups; ++group)
    note(view, moment, Deed::Loads, laneOf(address) / rowsOfGroup, column + group * columnsOfLoad, 2);
  std::fill_n(registers, groups * registersOfLoad, nobodysValue);
  own.loads.push_back({registers, groups * registersOfLoad});
  thread.operand = {address, groups};
  warps.meet(everyLane,
             [](Warps &, const Meeting &meeting) { currentCluster->tensorMemory.finishLoad(meeting); });
}

// Register 4j + i of lane l gets row l / 4 + 8 * (i / 2), column 8j + 2 * (l % 4) + i % 2.
void TensorMemory::finishLoad(const Meeting &meeting) {
  requireTogether(meeting);
  uint32_t address = uint32_t(warps.lane(meeting, 0).operand[0]);
  uint32_t groups = uint32_t(warps.lane(meeting, 0).operand[1]);
  for (uint32_t lane = 0; lane < uint32_t(warpSize); ++lane) {
    const Thread &thread = warps.lane(meeting, int(lane));
    const float *values = &blocks[thread.rank].values[laneOf(address) * columnCount + columnOf(address)];
    for (uint32_t index = 0; index < groups * registersOfLoad; ++index) {
      uint32_t i = index % registersOfLoad, row = lane / 4 + 8 * (i / 2);
      uint32_t column = index / registersOfLoad * columnsOfLoad + lane % 4 * 2 + i % 2;
      ofThreads[thread.index].loaded.push_back(std::bit_cast<uint32_t>(values[row * columnCount + column]));
    }
  }
}

void TensorMemory::waitForLoads() {
  begin();
  warps.meet(everyLane,
             [](Warps &, const Meeting &meeting) { currentCluster->tensorMemory.finishWait(meeting); });
}

void TensorMemory::finishWait(const Meeting &meeting) {
  warps.requireWhole(meeting);
  for (int lane = 0; lane < warpSize; ++lane) {
    OfThread &waits = ofThreads[warps.lane(meeting, lane).index];
    const uint32_t *from = waits.loaded.data();
    for (const Load &load : waits.loads) {
      std::copy_n(from, load.count, load.registers);
      from += load.count;
    }
    waits.loads.clear();
    waits.loaded.clear();
    waits.loadsSeen = waits.loadTime++;
  }
}

// ---- Fences

void TensorMemory::fenceBefore() { scheduler.running().known.tensorLoadsFenced = own().loadsSeen; }

void TensorMemory::fenceAfter() {
  Clock *&fenced = own().fenced;
  Clock *before = fenced;
  fenced = knowledge.clocks.retain(scheduler.running().known.clock);
  knowledge.clocks.release(before);
}

// ---- Products

// A Product is a matrix product D = A * B + D with A m x 16 and B 16 x n.
struct TensorMemory::Product {
  uint32_t m, n;
  bool isBF16, negatesA, negatesB, transposesA, transposesB;
  uint32_t lane, column; // of D

  // Returns the lane in which a row of D lies. Where there are only 64, they take one half of each warp's
  // lanes.
  uint32_t laneOfRow(uint32_t row) const {
    return m == laneCount ? row : lane + row / rowsOfGroup * warpSize + row % rowsOfGroup;
  }
};

// Reads an instruction descriptor (PTX ISA, "Instruction descriptor", for .kind::f16).
TensorMemory::Product TensorMemory::decode(uint32_t d, uint32_t instruction) {
  auto field = [&](uint32_t bit, uint32_t bits) { return instruction >> bit & ((1u << bits) - 1); };
  constexpr uint32_t known = 3u << 4 | 0xFFu << 7 | 3u << 15 | 0x3Fu << 17 | 0x1Fu << 24;
  constexpr uint32_t f32 = 1, bf16 = 1;
  if (uint32_t unknown = instruction & ~known)
    scheduler.violate("an instruction descriptor with bits that the emulator does not know: {:#x}", unknown);
  if (field(4, 2) != f32 || field(7, 3) > bf16 || field(7, 3) != field(10, 3))
    scheduler.violate("tcgen05.mma of formats {} and {} into format {}: must be 0 (f16) or 1 (bf16) both, "
                      "into 1 (f32)",
                      field(7, 3), field(10, 3), field(4, 2));
  Product product;
  product.m = field(24, 5) * 16;
  product.n = field(17, 6) * 8;
  bool isHalf = product.m == laneCount / 2, isWhole = product.m == laneCount;
  if (!(isHalf || isWhole) || product.n == 0 || product.n > 256 || (isWhole && product.n % 16))
    scheduler.violate("tcgen05.mma of {} x {}: must be 64 by a multiple of 8 or 128 by a multiple of 16, up "
                      "to 256",
                      product.m, product.n);
  product.isBF16 = field(7, 3) == bf16;
  product.negatesA = field(13, 1);
  product.negatesB = field(14, 1);
  product.transposesA = field(15, 1);
  product.transposesB = field(16, 1);
  product.lane = laneOf(d);
  product.column = columnOf(d);
  if (product.lane != 0 && !(isHalf && product.lane == rowsOfGroup))
    scheduler.violate("tcgen05.mma of {} rows into tensor memory from lane {} on: must be {}", product.m,
                      product.lane, isHalf ? "0 or 16" : "0");
  return product;
}

// An operand may have rows that nobody wrote: they read as NaNs.
void TensorMemory::checkOperand(uint64_t bits, uint32_t rows, bool isTransposed) {
  uint64_t rest = bits & ~MatrixDescriptor::knownInTensorProducts;
  if (rest != MatrixDescriptor::constantOfTensorProducts)
    scheduler.violate("a matrix descriptor whose upper bits are {:#x}: the emulator knows {:#x} alone", rest,
                      MatrixDescriptor::constantOfTensorProducts);
  const Thread &thread = scheduler.running();
  Moment moment{knowledge.agents.ofTensorProducts(thread), own().productTime};
  MatrixDescriptor(bits).forChunks(rows, isTransposed, [&](uint32_t address, uint32_t, uint32_t, bool) {
    shared.accessAsync(AccessKind::Read, moment, Window::inBlock(0, thread.rank) + address, 16);
  });
}

void TensorMemory::multiply(uint32_t d, uint64_t a, uint64_t b, uint32_t instruction, bool adds) {
  const OfThread &own = this->own();
  const Thread &thread = scheduler.running();
  Product product = decode(d, instruction);
  requireAllocated(Deed::Writes, product.column, product.n);
  checkOperand(a, product.m, product.transposesA);
  checkOperand(b, product.n, product.transposesB);
  View view{*this, thread, /*followsProducts=*/true};
  Moment moment{knowledge.agents.ofTensorProducts(thread), own.productTime};
  for (uint32_t row = 0; row < product.m; row += rowsOfGroup) {
    uint32_t group = product.laneOfRow(row) / rowsOfGroup;
    if (adds)
      note(view, moment, Deed::AddsTo, group, product.column, product.n);
    note(view, moment, Deed::Writes, group, product.column, product.n);
  }
  perform(product, a, b, adds);
}

void TensorMemory::perform(const Product &product, uint64_t a, uint64_t b, bool adds) {
  uint32_t m = product.m, n = product.n;
  int rank = scheduler.running().rank;
  const std::byte *memory = shared.window.at(Window::inBlock(0, rank));
  auto toFloat = [&](uint16_t bits) { return product.isBF16 ? fromBF16(bits) : fromF16(bits); };
  factorsA.resize(m * productDepth);
  factorsB.resize(productDepth * n);
  sums.assign(m * n, 0.0f);
  MatrixDescriptor(a).decode(
      memory, m, product.transposesA, product.negatesA, toFloat,
      [&](uint32_t row, uint32_t k) -> float & { return factorsA[row * productDepth + k]; });
  MatrixDescriptor(b).decode(
      memory, n, product.transposesB, product.negatesB, toFloat,
      [&](uint32_t column, uint32_t k) -> float & { return factorsB[k * n + column]; });
  auto rowOfD = [&](uint32_t row) {
    return &blocks[rank].values[product.laneOfRow(row) * columnCount + product.column];
  };
  for (uint32_t row = 0; adds && row < m; ++row)
    std::copy_n(rowOfD(row), n, &sums[row * n]);
  addProduct(arithmetic, sums.data(), factorsA.data(), factorsB.data(), int(m), productDepth, int(n));
  for (uint32_t row = 0; row < m; ++row)
    std::copy_n(&sums[row * n], n, rowOfD(row));
}

void TensorMemory::commit(const void *mbarrier, uint32_t ranks) {
  uint32_t time = own().productTime++;
  copies.arriveAfterProducts(mbarrier, ranks, time);
}

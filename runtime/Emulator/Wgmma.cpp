// Matrix products of a warpgroup: PTX ISA, "Asynchronous Warpgroup Level Matrix Instructions". A product
// reads shared memory and writes its accumulators some time between its issue and the wait for its group.
// Until then a register of the accumulator holds a token, which names it.
#include "runtime/Emulator/Calls.h"
#include "runtime/Emulator/Current.h"
#include "runtime/Emulator/Floats.h"
#include "runtime/Emulator/TensorMap.h"

#include <algorithm>
#include <cstring>

using namespace kinema::emulator;

namespace {

constexpr int rowsOfD = 64, depth = 16; // of a product
enum Flags : uint32_t { adds = 1, negatesA = 2, negatesB = 4, transposesA = 8, transposesB = 16 };

// ---- Tokens: a pattern that no arithmetic yields (a signalling NaN), the accumulator's serial, the register

constexpr uint32_t tokenPattern = 0x7FA;

uint32_t tokenOf(uint32_t serial, uint32_t index) {
  return tokenPattern << 20 | (serial & 0x1FFF) << 7 | index;
}
bool isToken(uint32_t bits) { return bits >> 20 == tokenPattern; }
uint32_t serialOf(uint32_t token) { return token >> 7 & 0x1FFF; }
uint32_t indexOf(uint32_t token) { return token & 0x7F; }

/// The element of D in a thread's register ("Register Fragments for wgmma.mma_async.m64nNk16").
struct Place {
  uint32_t row, column;
  Place(int thread, uint32_t index)
      : row(uint32_t(thread / 32 * 16 + thread % 32 / 4) + 8 * (index / 2 % 2)),
        column(index / 4 * 8 + uint32_t(thread % 4) * 2 + index % 2) {}
};

// ---- Descriptors ("Matrix Descriptor Format", "Strides", "Canonical Layouts")

struct Descriptor {
  uint32_t start, leading, stride;
  Swizzle swizzle;

  explicit Descriptor(uint64_t bits)
      : start((bits & 0x3FFF) << 4), leading((bits >> 16 & 0x3FFF) << 4), stride((bits >> 32 & 0x3FFF) << 4) {
    constexpr Swizzle modes[] = {Swizzle::None, Swizzle::Bytes128, Swizzle::Bytes64, Swizzle::Bytes32};
    swizzle = modes[bits >> 62];
  }

  /// Address of the eight elements from (row, 8 * chunk) on, where K is innermost.
  uint32_t alongK(uint32_t row, uint32_t chunk) const {
    uint32_t pitch = 16u << int(swizzle);
    uint32_t step = swizzle == Swizzle::None ? leading : 16;
    return swizzled(start, row % 8 * pitch + row / 8 * stride + chunk * step, swizzle);
  }

  /// Address of the eight elements from (8 * chunk, k) on, where M or N is innermost.
  uint32_t alongRows(uint32_t chunk, uint32_t k) const {
    uint32_t inAtom = 1u << int(swizzle), pitch = 16 * inAtom;
    if (swizzle == Swizzle::None)
      return start + chunk * stride + k % 8 * 16 + k / 8 * leading;
    return swizzled(start, chunk % inAtom * 16 + chunk / inAtom * leading + k % 8 * pitch + k / 8 * stride,
                    swizzle);
  }
};

/// Calls function(address, first row, first k, whether the elements follow along k) for each 16 bytes of an
/// operand.
template <typename Function>
void forChunks(const Descriptor &descriptor, uint32_t rows, bool isTransposed, Function function) {
  if (isTransposed) {
    for (uint32_t k = 0; k < depth; ++k)
      for (uint32_t chunk = 0; chunk < rows / 8; ++chunk)
        function(descriptor.alongRows(chunk, k), chunk * 8, k, false);
    return;
  }
  for (uint32_t row = 0; row < rows; ++row)
    for (uint32_t chunk = 0; chunk < depth / 8; ++chunk)
      function(descriptor.alongK(row, chunk), row, chunk * 8, true);
}

/// Copies an operand's elements to where(row, k).
template <typename Where>
void decode(uint64_t bits, const std::byte *memory, uint32_t rows, bool isTransposed, bool isNegated,
            Where where) {
  forChunks(Descriptor(bits), rows, isTransposed,
            [&](uint32_t address, uint32_t row, uint32_t k, bool alongK) {
              uint16_t elements[8];
              std::memcpy(elements, memory + address, sizeof elements);
              for (uint32_t i = 0; i < 8; ++i) {
                float value = fromBF16(elements[i]);
                where(alongK ? row : row + i, alongK ? k + i : k) = isNegated ? -value : value;
              }
            });
}

[[gnu::target_clones("avx2", "default")]] void addProduct(float *d, const float *a, const float *b,
                                                          uint32_t n) {
  for (int row = 0; row < rowsOfD; ++row)
    for (int k = 0; k < depth; ++k) {
      float factor = a[row * depth + k];
      for (uint32_t column = 0; column < n; ++column)
        d[row * n + column] += factor * b[k * n + column];
    }
}

} // namespace

namespace kinema::emulator {

// What all threads of a warpgroup know: each may be the one whose warp reads the operands first.
struct WarpgroupView {
  const Cluster &cluster;
  struct Holder {
    const Clock *clock;
    const Thread *only; // null: several threads
  };
  std::vector<Holder> holders;

  WarpgroupView(const Cluster &cluster, const Thread *threads, int count) : cluster(cluster) {
    for (int i = 0; i < count; ++i) {
      auto same = std::find_if(holders.begin(), holders.end(),
                               [&](Holder &h) { return h.clock == threads[i].clock; });
      if (same == holders.end())
        holders.push_back({threads[i].clock, &threads[i]});
      else
        same->only = nullptr;
    }
  }
  template <typename Function> bool all(Function function) const {
    return std::all_of(holders.begin(), holders.end(), function);
  }
  bool knowsSeen(Moment moment) const {
    return all([&](const Holder &holder) {
      return holder.only ? cluster.knows(*holder.only, moment)
                         : holder.clock->seenOf(moment.agent) >= moment.time;
    });
  }
  bool knowsWrite(Moment moment) const {
    if (!cluster.isGenericProxy(moment.agent))
      return knowsSeen(moment);
    return all([&](const Holder &holder) {
      return holder.only ? cluster.knowsFenced(*holder.only, moment)
                         : holder.clock->fencedOf(moment.agent) >= moment.time;
    });
  }
  bool knowsRead(Moment moment) const { return knowsSeen(moment); }
  bool isMissingFence(Moment moment) const { return knowsSeen(moment); }
};

} // namespace kinema::emulator

// ---- Operations of a warpgroup

// The one at which the thread arrives: the first thread to come begins it.
GroupOperation &Cluster::nextOfGroup(GroupOperation::Kind kind) {
  Thread &thread = *current;
  Warpgroup &group = warpgroups[thread.group];
  if (group.count != Warpgroup::size)
    violate("the last {} threads of the block are no warpgroup", group.count);
  size_t index = group.done + thread.arrivals - group.settled;
  if (index == group.operations.size()) {
    GroupOperation &fresh = group.operations.emplace_back();
    fresh.kind = kind;
    fresh.site = thread.site;
  }
  GroupOperation &operation = group.operations[index];
  if (operation.site != thread.site || operation.kind != kind)
    violate("threads of a warpgroup are at different operations: here and{}", siteText(operation.site));
  return operation;
}

// Who comes last finds all operations before settled.
void Cluster::arrive(GroupOperation &operation) {
  Thread &thread = *current;
  Warpgroup &group = warpgroups[thread.group];
  ++thread.arrivals;
  thread.isAhead = ++operation.arrived < Warpgroup::size;
  if (thread.isAhead)
    return;
  settle(group, operation);
  ++group.settled;
  if (++group.done == group.operations.size()) {
    group.operations.clear();
    group.done = 0;
  }
  std::erase_if(group.waiting, [&](int index) {
    bool isThere = threads[index].arrivals == group.settled;
    if (isThere)
      wake(threads[index]);
    return isThere;
  });
}

void Cluster::settle(Warpgroup &group, GroupOperation &operation) {
  switch (operation.kind) {
  case GroupOperation::Kind::Fence:
    ++group.fences;
    group.fencedSinceCommit = true;
    return;
  case GroupOperation::Kind::Product:
    return startProduct(group, operation);
  case GroupOperation::Kind::Commit:
    return commitProducts(group);
  case GroupOperation::Kind::Wait:
    return waitForProducts(group, operation.pending);
  case GroupOperation::Kind::SetRegisters:
    return;
  }
}

void Cluster::waitForGroup() {
  Thread &thread = *current;
  if (!thread.isAhead)
    return;
  warpgroups[thread.group].waiting.push_back(thread.index);
  block(Wait::Warpgroup, 0);
  thread.isAhead = false;
}

void Cluster::arriveAtGroup(GroupOperation::Kind kind, uint32_t pending) {
  GroupOperation &operation = nextOfGroup(kind);
  operation.pending = pending;
  arrive(operation);
}

void Cluster::commitProducts(Warpgroup &group) {
  group.groups.push_back(group.time++);
  group.fencedSinceCommit = false;
  if (landing == Landing::Random && random.below(4) == 0)
    performProducts(group, group.time - 1);
}

// pending: how many groups may go on.
void Cluster::waitForProducts(Warpgroup &group, uint32_t pending) {
  if (group.groups.size() <= pending)
    return;
  uint32_t time = group.groups[group.groups.size() - 1 - pending];
  performProducts(group, time);
  for (int i = 0; i < Warpgroup::size; ++i)
    threads[group.first + i].productsSeen = time;
}

// ---- Products

void Cluster::issueProduct(uint64_t a, const uint32_t *aRegisters, uint64_t b, uint32_t *accumulators,
                           uint32_t n, uint32_t flags) {
  if (n < 8 || n > 256 || n % 8)
    violate("a product with n = {}: must be a multiple of 8 up to 256", n);
  GroupOperation &operation = nextOfGroup(GroupOperation::Kind::Product);
  Product &product = operation.product;
  if (operation.arrived == 0) {
    product.a = a;
    product.b = b;
    product.n = n;
    product.flags = flags;
    product.aInRegisters = aRegisters;
    product.registers.resize(aRegisters ? 4 * Warpgroup::size : 0);
  }
  if (product.a != a || product.b != b)
    violate("threads of a warpgroup give different descriptors");
  if (aRegisters)
    std::copy_n(aRegisters, 4, &product.registers[4 * (current->number % Warpgroup::size)]);
  takeRegisters(operation, accumulators);
  arrive(operation);
}

// Reads a thread's registers of D and leaves tokens there.
void Cluster::takeRegisters(GroupOperation &operation, uint32_t *registers) {
  Thread &thread = *current;
  uint32_t n = operation.product.n;
  bool begins = !isToken(registers[0]);
  if (begins)
    thread.serials = thread.serials % 0x1FFF + 1;
  if (operation.arrived == 0) {
    operation.begins = begins;
    operation.serial = begins ? thread.serials : serialOf(registers[0]);
    operation.values.resize(begins ? rowsOfD * n : 0);
  }
  if (operation.begins != begins)
    violate("some registers of D are results of a product before, others are not");
  for (uint32_t index = 0; index < n / 2; ++index) {
    uint32_t token = tokenOf(operation.serial, index);
    if (begins && isToken(registers[index]))
      violate("some registers of D are results of a product before, others are not");
    if (!begins && registers[index] != token)
      violate("the registers of D are not those of one product before");
    if (begins) {
      Place place(thread.number % Warpgroup::size, index);
      std::memcpy(&operation.values[place.row * n + place.column], &registers[index], sizeof(float));
      registers[index] = token;
    }
  }
}

// Checks a product at which all threads have arrived, and puts it under way.
void Cluster::startProduct(Warpgroup &group, GroupOperation &operation) {
  Product &product = operation.product;
  product.time = group.time;
  if (product.aInRegisters) {
    if (!group.fencedSinceCommit)
      violate("registers of A are used without a wgmma.fence since the last commit");
  } else {
    checkOperand(group, product.a, rowsOfD, product.flags & transposesA);
  }
  checkOperand(group, product.b, product.n, product.flags & transposesB);
  product.accumulator = takeAccumulator(group, operation);
  group.products.push_back(std::move(product));
  if (landing == Landing::Early || (landing == Landing::Random && random.below(8) == 0))
    performProducts(group, group.time);
}

void Cluster::checkOperand(Warpgroup &group, uint64_t bits, uint32_t rows, bool isTransposed) {
  constexpr uint64_t known = 0xC0003FFF3FFF3FFF;
  if (bits & ~known)
    violate("a matrix descriptor with bits that the emulator does not know: {:#x}", bits & ~known);
  WarpgroupView view(*this, &threads[group.first], Warpgroup::size);
  uint32_t rank = uint32_t(current->rank * Window::stride);
  Moment moment{agentOf(group), group.time};
  forChunks(Descriptor(bits), rows, isTransposed, [&](uint32_t address, uint32_t, uint32_t, bool) {
    checkBounds(AccessKind::Read, rank + address, 16);
    auto conflict = log.access(view, moment, AccessKind::Read, rank + address, 16, current->site, false);
    if (conflict) [[unlikely]]
      reportConflict(*conflict, AccessKind::Read, 16);
  });
}

Accumulator &Cluster::findAccumulator(Warpgroup &group, uint32_t serial) {
  if (group.accumulators.empty())
    violate("a register holds the result of a product that never was");
  Accumulator &accumulator = group.accumulators[serial % Warpgroup::accumulatorSlots];
  if ((accumulator.serial & 0x1FFF) != serial)
    violate("a register holds the result of a product that {} others have followed",
            Warpgroup::accumulatorSlots);
  return accumulator;
}

// The accumulator that the threads' registers name, or a new one. Returns the slot.
uint32_t Cluster::takeAccumulator(Warpgroup &group, GroupOperation &operation) {
  uint32_t n = operation.product.n;
  if (operation.begins) {
    if (!group.fencedSinceCommit)
      violate("the registers of D are used without a wgmma.fence since the last commit");
    group.accumulators.resize(Warpgroup::accumulatorSlots);
    Accumulator &fresh = group.accumulators[operation.serial % Warpgroup::accumulatorSlots];
    fresh.serial = operation.serial;
    fresh.n = n;
    fresh.touched = 0;
    fresh.values.swap(operation.values);
  }
  Accumulator &accumulator = findAccumulator(group, operation.serial);
  if (accumulator.n != n)
    violate("the registers of D are those of a product with n = {}", accumulator.n);
  if (accumulator.touched >= group.fences + 1)
    violate("the registers of D were read since the last wgmma.fence");
  accumulator.time = group.time;
  accumulator.site = current->site;
  return operation.serial % Warpgroup::accumulatorSlots;
}

// Performs the products up to a time, in order.
void Cluster::performProducts(Warpgroup &group, uint32_t time) {
  size_t count = 0;
  while (count < group.products.size() && group.products[count].time <= time)
    performProduct(group, group.products[count++]);
  group.products.erase(group.products.begin(), group.products.begin() + count);
}

void Cluster::performProduct(Warpgroup &group, const Product &product) {
  const std::byte *memory = window.at(uint32_t(threads[group.first].rank * Window::stride));
  float a[rowsOfD * depth], b[depth * 256];
  auto ofA = [&](uint32_t row, uint32_t k) -> float & { return a[row * depth + k]; };
  auto ofB = [&](uint32_t column, uint32_t k) -> float & { return b[k * product.n + column]; };
  if (product.aInRegisters) {
    for (int thread = 0; thread < Warpgroup::size; ++thread)
      for (int word = 0; word < 4; ++word)
        for (int i = 0; i < 2; ++i) {
          uint32_t row = uint32_t(thread / 32 * 16 + thread % 32 / 4 + word % 2 * 8);
          uint32_t k = uint32_t(thread % 4 * 2 + word / 2 * 8 + i);
          float value = fromBF16(uint16_t(product.registers[thread * 4 + word] >> 16 * i));
          ofA(row, k) = product.flags & negatesA ? -value : value;
        }
  } else {
    decode(product.a, memory, rowsOfD, product.flags & transposesA, product.flags & negatesA, ofA);
  }
  decode(product.b, memory, product.n, product.flags & transposesB, product.flags & negatesB, ofB);
  std::vector<float> &values = group.accumulators[product.accumulator].values;
  if (!(product.flags & adds))
    std::fill(values.begin(), values.end(), 0.0f);
  addProduct(values.data(), a, b, product.n);
}

uint32_t Cluster::readAccumulator(uint32_t bits) {
  if (!isToken(bits))
    return bits;
  Thread &thread = *current;
  Warpgroup &group = warpgroups[thread.group];
  Accumulator &accumulator = findAccumulator(group, serialOf(bits));
  if (accumulator.time > thread.productsSeen)
    violate("reads a result of a matrix product{} without a wgmma.wait for it", siteText(accumulator.site));
  accumulator.touched = group.fences + 1;
  Place place(thread.number % Warpgroup::size, indexOf(bits));
  uint32_t value;
  std::memcpy(&value, &accumulator.values[place.row * accumulator.n + place.column], sizeof value);
  return value;
}

// ---- Calls

void kinema_emulator_wgmma_fence(uint32_t site) {
  atOfGroup(site).arriveAtGroup(GroupOperation::Kind::Fence);
}

void kinema_emulator_wgmma_commit(uint32_t site) {
  atOfGroup(site).arriveAtGroup(GroupOperation::Kind::Commit);
}

void kinema_emulator_wgmma_wait(uint32_t groups, uint32_t site) {
  Cluster &cluster = atOfGroup(site);
  cluster.arriveAtGroup(GroupOperation::Kind::Wait, groups);
  cluster.waitForGroup();
}

void kinema_emulator_wgmma(uint64_t a, uint64_t b, uint32_t *accumulators, uint32_t n, uint32_t flags,
                           uint32_t site) {
  atOfGroup(site).issueProduct(a, nullptr, b, accumulators, n, flags);
}

void kinema_emulator_wgmma_rs(const uint32_t *a, uint64_t b, uint32_t *accumulators, uint32_t n,
                              uint32_t flags, uint32_t site) {
  atOfGroup(site).issueProduct(0, a, b, accumulators, n, flags);
}

uint32_t kinema_emulator_wgmma_register(uint32_t bits, uint32_t site) {
  return at(site).readAccumulator(bits);
}

void kinema_emulator_set_registers(uint32_t count, uint32_t, uint32_t site) {
  Cluster &cluster = at(site);
  if (count < 24 || count > 256 || count % 8)
    cluster.violate("{} registers: must be a multiple of 8 from 24 to 256", count);
  cluster.arriveAtGroup(GroupOperation::Kind::SetRegisters);
  cluster.waitForGroup();
}

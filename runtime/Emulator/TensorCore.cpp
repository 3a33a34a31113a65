#include "runtime/Emulator/TensorCore.h"

#include "runtime/Emulator/Floats.h"
#include "runtime/Emulator/MatrixDescriptor.h"

#include <algorithm>
#include <cstring>

using namespace kinema::emulator;

namespace {

constexpr int rowsOfD = 64; // rows of a product
enum Flags : uint32_t { adds = 1, negatesA = 2, negatesB = 4, transposesA = 8, transposesB = 16, isF16 = 32 };

// ---- Tokens: a pattern that no arithmetic yields (a signalling NaN), the accumulator's serial, the register

constexpr uint32_t tokenPattern = 0x7FA, serialMask = 0x1FFF;

uint32_t tokenOf(uint32_t serial, uint32_t index) {
  return tokenPattern << 20 | (serial & serialMask) << 7 | index;
}
bool isToken(uint32_t bits) { return bits >> 20 == tokenPattern; }
uint32_t serialOf(uint32_t token) { return token >> 7 & serialMask; }
uint32_t indexOf(uint32_t token) { return token & 0x7F; }

/// Finds the element of D that a thread's register holds ("Register Fragments for wgmma.mma_async.m64nNk16").
struct Place {
  uint32_t row, column;
  Place(const Thread &owner, uint32_t index) {
    int thread = owner.number % warpgroupSize;
    row = uint32_t(thread / 32 * 16 + thread % 32 / 4) + 8 * (index / 2 % 2);
    column = index / 4 * 8 + uint32_t(thread % 4) * 2 + index % 2;
  }
};

// ---- Operands

using ToFloat = float (*)(uint16_t);

/// Copies the elements of A from registers to where(row, k) ("Register Fragments for
/// wgmma.mma_async.m64nNk16").
template <typename Where>
void decode(const std::vector<uint32_t> &registers, bool isNegated, ToFloat toFloat, Where where) {
  for (int thread = 0; thread < warpgroupSize; ++thread)
    for (int word = 0; word < 4; ++word)
      for (int i = 0; i < 2; ++i) {
        uint32_t row = uint32_t(thread / 32 * 16 + thread % 32 / 4 + word % 2 * 8);
        uint32_t k = uint32_t(thread % 4 * 2 + word / 2 * 8 + i);
        float value = toFloat(uint16_t(registers[thread * 4 + word] >> 16 * i));
        where(row, k) = isNegated ? -value : value;
      }
}

} // namespace

TensorCore::TensorCore(Arithmetic arithmetic, Threads &threads, Scheduler &scheduler, Choices &choices,
                       const Knowledge &knowledge, SharedChecks &shared, Warpgroups &warpgroups)
    : arithmetic(arithmetic), threads(threads), scheduler(scheduler), choices(choices), knowledge(knowledge),
      shared(shared), warpgroups(warpgroups), groups(threads.groupCount()) {}

void TensorCore::start() {
  for (Group &group : groups) {
    std::vector<Accumulator> accumulators = std::move(group.accumulators); // their memory is used again
    for (Accumulator &accumulator : accumulators)
      accumulator.serial = 0;
    group = Group();
    group.accumulators = std::move(accumulators);
  }
}

// ---- Operations of a warpgroup

void TensorCore::arriveAt(GroupOperation::Kind kind, uint32_t pending) {
  GroupOperation &operation = warpgroups.next(kind);
  operation.pending = pending;
  arrive(operation);
}

void TensorCore::arrive(GroupOperation &operation) {
  if (!warpgroups.arrive(operation))
    return;
  settle(operation);
  warpgroups.finish();
}

void TensorCore::settle(GroupOperation &operation) {
  switch (operation.kind) {
  case GroupOperation::Kind::Fence:
    ++current().fences;
    current().fencedSinceCommit = true;
    return;
  case GroupOperation::Kind::Product:
    return startProduct(operation);
  case GroupOperation::Kind::Commit:
    return commitProducts();
  case GroupOperation::Kind::Wait:
    return waitForProducts(operation.pending);
  case GroupOperation::Kind::SetRegisters:
    return;
  }
}

void TensorCore::wait(uint32_t pending) {
  arriveAt(GroupOperation::Kind::Wait, pending);
  warpgroups.wait();
}

void TensorCore::setRegisters(uint32_t count) {
  if (count < 24 || count > 256 || count % 8)
    scheduler.violate("{} registers: must be a multiple of 8 from 24 to 256", count);
  arriveAt(GroupOperation::Kind::SetRegisters);
  warpgroups.wait();
}

void TensorCore::commitProducts() {
  Group &group = current();
  group.committed.push_back(group.time++);
  group.fencedSinceCommit = false;
  if (choices.landsNow(4))
    performUntil(group.time - 1);
}

std::span<Thread> TensorCore::currentThreads() {
  const Thread &thread = scheduler.running();
  return {&threads[size_t(thread.index - thread.number % warpgroupSize)], size_t(warpgroupSize)};
}

// Waits until at most `pending` groups are under way.
void TensorCore::waitForProducts(uint32_t pending) {
  Group &group = current();
  if (group.committed.size() <= pending)
    return;
  uint32_t time = group.committed[group.committed.size() - 1 - pending];
  performUntil(time);
  for (Thread &thread : currentThreads())
    thread.known.productsSeen = time;
}

// ---- Products

void TensorCore::issue(uint64_t a, const uint32_t *aRegisters, uint64_t b, uint32_t *accumulators, uint32_t n,
                       uint32_t flags) {
  if (n < 8 || n > 256 || n % 8)
    scheduler.violate("a product with n = {}: must be a multiple of 8 up to 256", n);
  GroupOperation &operation = warpgroups.next(GroupOperation::Kind::Product);
  Product &product = operation.product;
  if (operation.arrived == 0) {
    product.a = a;
    product.b = b;
    product.n = n;
    product.flags = flags;
    product.aInRegisters = aRegisters;
    product.registers.resize(aRegisters ? 4 * warpgroupSize : 0);
  }
  if (product.a != a || product.b != b)
    scheduler.violate("threads of a warpgroup give different descriptors");
  if (aRegisters)
    std::copy_n(aRegisters, 4, &product.registers[4 * (scheduler.running().number % warpgroupSize)]);
  takeRegisters(operation, accumulators);
  arrive(operation);
}

// Reads a thread's registers of D and leaves tokens there.
void TensorCore::takeRegisters(GroupOperation &operation, uint32_t *registers) {
  Thread &thread = scheduler.running();
  uint32_t n = operation.product.n, &serials = thread.inGroup.serials;
  bool begins = !isToken(registers[0]);
  if (begins)
    serials = serials % serialMask + 1;
  if (operation.arrived == 0) {
    operation.begins = begins;
    operation.serial = begins ? serials : serialOf(registers[0]);
    operation.values.resize(begins ? rowsOfD * n : 0);
  }
  if (operation.begins != begins)
    scheduler.violate("some registers of D are results of a product before, others are not");
  for (uint32_t index = 0; index < n / 2; ++index) {
    uint32_t token = tokenOf(operation.serial, index);
    if (begins && isToken(registers[index]))
      scheduler.violate("some registers of D are results of a product before, others are not");
    if (!begins && registers[index] != token)
      scheduler.violate("the registers of D are not those of one product before");
    if (begins) {
      Place place(thread, index);
      std::memcpy(&operation.values[place.row * n + place.column], &registers[index], sizeof(float));
      registers[index] = token;
    }
  }
}

// Checks a product at which all threads have arrived, and puts it under way.
void TensorCore::startProduct(GroupOperation &operation) {
  Group &group = current();
  Product &product = operation.product;
  product.time = group.time;
  if (product.aInRegisters) {
    if (!group.fencedSinceCommit)
      scheduler.violate("registers of A are used without a wgmma.fence since the last commit");
  } else {
    checkOperand(product.a, rowsOfD, product.flags & transposesA);
  }
  checkOperand(product.b, product.n, product.flags & transposesB);
  product.accumulator = takeAccumulator(operation);
  group.products.push_back(std::move(product));
  if (choices.landsEarly() || choices.landsNow(8))
    performUntil(group.time);
}

void TensorCore::checkOperand(uint64_t bits, uint32_t rows, bool isTransposed) {
  if (uint64_t unknown = bits & ~MatrixDescriptor::known)
    scheduler.violate("a matrix descriptor with bits that the emulator does not know: {:#x}", unknown);
  const Thread &thread = scheduler.running();
  WarpgroupView view(knowledge, currentThreads());
  Moment moment{knowledge.agents.ofGroup(thread.group), current().time};
  MatrixDescriptor(bits).forChunks(rows, isTransposed, [&](uint32_t address, uint32_t, uint32_t, bool) {
    shared.readOperand(view, moment, Window::inBlock(0, thread.rank) + address, 16);
  });
}

TensorCore::Accumulator &TensorCore::findAccumulator(uint32_t serial) {
  Group &group = current();
  if (group.accumulators.empty())
    scheduler.violate("a register holds the result of a product that never was");
  Accumulator &accumulator = group.accumulators[serial % accumulatorSlots];
  if ((accumulator.serial & serialMask) != serial)
    scheduler.violate("a register holds the result of a product that {} others have followed",
                      accumulatorSlots);
  return accumulator;
}

// Returns the slot of the accumulator that the threads' registers name, or of a new one.
uint32_t TensorCore::takeAccumulator(GroupOperation &operation) {
  Group &group = current();
  uint32_t n = operation.product.n;
  if (operation.begins) {
    if (!group.fencedSinceCommit)
      scheduler.violate("the registers of D are used without a wgmma.fence since the last commit");
    group.accumulators.resize(accumulatorSlots);
    Accumulator &fresh = group.accumulators[operation.serial % accumulatorSlots];
    fresh.serial = operation.serial;
    fresh.n = n;
    fresh.touched = 0;
    fresh.values.swap(operation.values);
  }
  Accumulator &accumulator = findAccumulator(operation.serial);
  if (accumulator.n != n)
    scheduler.violate("the registers of D are those of a product with n = {}", accumulator.n);
  if (accumulator.touched >= group.fences + 1)
    scheduler.violate("the registers of D were read since the last wgmma.fence");
  accumulator.time = group.time;
  accumulator.site = scheduler.running().site;
  return operation.serial % accumulatorSlots;
}

// Performs the products that were issued up to a time, in order.
void TensorCore::performUntil(uint32_t time) {
  std::vector<Product> &products = current().products;
  size_t count = 0;
  while (count < products.size() && products[count].time <= time)
    perform(products[count++]);
  products.erase(products.begin(), products.begin() + count);
}

void TensorCore::perform(const Product &product) {
  const std::byte *memory = shared.window.at(Window::inBlock(0, scheduler.running().rank));
  float a[rowsOfD * productDepth], b[productDepth * 256];
  auto ofA = [&](uint32_t row, uint32_t k) -> float & { return a[row * productDepth + k]; };
  auto ofB = [&](uint32_t column, uint32_t k) -> float & { return b[k * product.n + column]; };
  const ToFloat toFloat = product.flags & isF16 ? fromF16 : fromBF16;
  if (product.aInRegisters)
    decode(product.registers, product.flags & negatesA, toFloat, ofA);
  else
    MatrixDescriptor(product.a).decode(memory, rowsOfD, product.flags & transposesA, product.flags & negatesA,
                                       toFloat, ofA);
  MatrixDescriptor(product.b).decode(memory, product.n, product.flags & transposesB, product.flags & negatesB,
                                     toFloat, ofB);
  std::vector<float> &values = current().accumulators[product.accumulator].values;
  if (!(product.flags & adds))
    std::fill(values.begin(), values.end(), 0.0f);
  addProduct(arithmetic, values.data(), a, b, rowsOfD, productDepth, int(product.n));
}

uint32_t TensorCore::readRegister(uint32_t bits) {
  if (!isToken(bits))
    return bits;
  const Thread &thread = scheduler.running();
  Accumulator &accumulator = findAccumulator(serialOf(bits));
  if (accumulator.time > thread.known.productsSeen)
    scheduler.violate("reads a result of a matrix product{} without a wgmma.wait for it",
                      scheduler.siteText(accumulator.site));
  accumulator.touched = current().fences + 1;
  Place place(thread, indexOf(bits));
  uint32_t value;
  std::memcpy(&value, &accumulator.values[place.row * accumulator.n + place.column], sizeof value);
  return value;
}

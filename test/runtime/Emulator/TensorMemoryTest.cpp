// Tensor memory and the products there (tcgen05): what they compute, and what is said of kernels that forget
// something.
#include "test/runtime/Emulator/Machine.h"

#include <algorithm>
#include <bit>

using namespace kinema::emulator;

namespace {

// Small whole numbers: products and sums are exact.
float small(uint32_t i) { return float(int(i * 2654435761u >> 20 & 7) - 3); }
float valueOfA(uint32_t row, uint32_t k) { return small(row * 32 + k); }
float valueOfB(uint32_t column, uint32_t k) { return small(50000 + column * 32 + k); }

uint16_t encode(float value, bool isBF16) {
  return isBF16 ? uint16_t(std::bit_cast<uint32_t>(value) >> 16) : std::bit_cast<uint16_t>(_Float16(value));
}

// Shared memory of the kernels below: two mbarriers at 0 and 8, the address of tensor memory at 16, A, B.
constexpr uint32_t placeOfAddress = 16, startOfA = 1024, startOfB = 32 * 1024;
void *barrier(uint32_t number = 0) { return shared<char>(8 * number); }

const void *asPointer(uint32_t address) { return reinterpret_cast<const void *>(uint64_t(address)); }

// ---- Operands

// An operand without swizzle: core matrices of 8 x 8 elements, those of 8 rows each beside one another, then
// those along k. Transposed, a core matrix has the rows innermost.
uint32_t offsetOf(uint32_t rows, bool isTransposed, uint32_t row, uint32_t k) {
  uint32_t inCore = isTransposed ? row % 8 * 2 + k % 8 * 16 : row % 8 * 16 + k % 8 * 2;
  return inCore + row / 8 * 128 + k / 8 * rows * 16;
}

uint64_t descriptor(uint32_t offset, uint32_t rows) {
  return uint64_t(sharedBase + offset) >> 4 | uint64_t(rows) << 16 | uint64_t(128 >> 4) << 32 |
         uint64_t(1) << 46;
}

uint32_t instruction(uint32_t m, uint32_t n) {
  return 1u << 4 | 1u << 7 | 1u << 10 | n / 8 << 17 | m / 16 << 24;
}

void put(uint32_t start, uint32_t rows, bool isTransposed, bool isBF16, float (*value)(uint32_t, uint32_t)) {
  for (uint32_t i = threadIndex(); i < rows * 32; i += 128) {
    uint32_t row = i / 32, k = i % 32;
    storeShared(start + offsetOf(rows, isTransposed, row, k), encode(value(row, k), isBF16), 1);
  }
}

// ---- A kernel with all operations

enum : uint32_t {
  noFenceAfter = 1,
  noWait = 2,
  noFenceBefore = 4,
  noProxyFence = 8,
  noDealloc = 16,
  noCommit = 32,
  noBarrierWait = 64,
  earlyReuse = 128,
  earlyRead = 256,
  addsAtFirst = 512,
  otherHalf = 1024,
  otherWarp = 2048,
  noLastFence = 4096,
};

struct Case {
  uint32_t m = 64, n = 16, lane = 0;
  bool transposesA = false, transposesB = false, isBF16 = true, negatesA = false, negatesB = false;
  bool adds = true; // whether the second product adds to the first
  uint32_t wrong = 0;

  uint32_t instruction() const {
    uint32_t format = isBF16 ? 1u << 7 | 1u << 10 : 0;
    return 1u << 4 | format | uint32_t(negatesA) << 13 | uint32_t(negatesB) << 14 |
           uint32_t(transposesA) << 15 | uint32_t(transposesB) << 16 | n / 8 << 17 | m / 16 << 24;
  }
};
const Case *current;

void prepare(const Case &c) {
  if (threadIndex() == 0) {
    for (uint32_t i = 0; i < 2; ++i)
      kinema_emulator_mbarrier_init(barrier(i), 1, 1);
    kinema_emulator_fence_mbarrier_init(2);
  }
  if (threadIndex() < 32) {
    kinema_emulator_tcgen05_alloc(shared<char>(placeOfAddress), 256, 3);
    kinema_emulator_tcgen05_relinquish(3);
  }
  put(startOfA, c.m, c.transposesA, c.isBF16, valueOfA);
  put(startOfB, c.n, c.transposesB, c.isBF16, valueOfB);
  if (!(c.wrong & noProxyFence))
    kinema_emulator_fence_proxy(0, 4);
  kinema_emulator_barrier(0, 0, 4);
}

// Makes two products with k = 16 into D.
void multiply(const Case &c, uint32_t d, uint32_t number) {
  for (uint32_t half = 0; half < 2; ++half) {
    bool adds = half ? c.adds : (c.wrong & addsAtFirst) != 0;
    kinema_emulator_tcgen05_product(asPointer(d | c.lane << 16), descriptor(startOfA + half * c.m * 32, c.m),
                                    descriptor(startOfB + half * c.n * 32, c.n), c.instruction(), adds, 5);
  }
  if (!(c.wrong & noCommit))
    kinema_emulator_tcgen05_commit(barrier(number), 0, 6);
}

// Loads n columns of 16 lanes, in parts whose widths are powers of two.
void loadPart(const Case &c, uint32_t address, uint32_t *registers) {
  for (uint32_t done = 0, groups = c.n / 8; done < groups;) {
    uint32_t some = std::bit_floor(groups - done);
    kinema_emulator_tcgen05_load(asPointer(address + 8 * done), some, registers + 4 * done, 8);
    done += some;
  }
}

// Stores what the registers of the part from this row on hold.
void storePart(const Case &c, void *to, uint32_t row, const uint32_t *registers) {
  uint32_t lane = threadIndex() % 32;
  for (uint32_t i = 0; i < c.n / 2; ++i) {
    uint32_t inPart = lane / 4 + 8 * (i % 4 / 2), column = 8 * (i / 4) + 2 * (lane % 4) + i % 2;
    storeGlobal(to, (row + inPart) * c.n + column, registers[i], 10);
  }
}

void readD(const Case &c, uint32_t d, void *to) {
  uint32_t warp = threadIndex() / 32, parts = c.m / 64;
  std::vector<uint32_t> registers(parts * c.n / 2);
  uint32_t lane = (c.wrong & otherWarp ? warp ^ 1 : warp) * 32 + (c.lane ^ (c.wrong & otherHalf ? 16 : 0));
  for (uint32_t part = 0; part < parts; ++part)
    loadPart(c, d + ((lane + 16 * part) << 16), &registers[part * c.n / 2]);
  auto store = [&] {
    for (uint32_t part = 0; part < parts; ++part)
      storePart(c, to, warp * 16 * parts + 16 * part, &registers[part * c.n / 2]);
  };
  if (c.wrong & earlyRead)
    store();
  if (!(c.wrong & noWait))
    kinema_emulator_tcgen05_wait_load(9);
  if (!(c.wrong & earlyRead))
    store();
}

// One thread makes products, all threads read them, and another thread makes the products of the same D once
// more.
void kernel(void *const *args) {
  const Case &c = *current;
  prepare(c);
  uint32_t d = loadShared<uint32_t>(placeOfAddress, 4) + 8;
  if (threadIndex() == 0)
    multiply(c, d, 0);
  if (c.wrong & earlyReuse && threadIndex() == 0)
    storeShared<uint16_t>(startOfB, 0, 7);
  if (!(c.wrong & noBarrierWait))
    kinema_emulator_mbarrier_wait_parity(barrier(), 0, 7);
  if (!(c.wrong & noFenceAfter))
    kinema_emulator_tcgen05_fence(1, 7);
  readD(c, d, args[0]);
  if (!(c.wrong & noFenceBefore))
    kinema_emulator_tcgen05_fence(0, 9);
  kinema_emulator_barrier(0, 0, 9);
  if (threadIndex() == 64) {
    kinema_emulator_tcgen05_fence(1, 9);
    multiply(c, d, 1);
  }
  if (threadIndex() >= 32 || c.wrong & noDealloc)
    return;
  kinema_emulator_mbarrier_wait_parity(barrier(1), 0, 9);
  if (!(c.wrong & noLastFence))
    kinema_emulator_tcgen05_fence(1, 9);
  kinema_emulator_tcgen05_dealloc(asPointer(d - 8), 256, 9);
}

std::optional<Violation> runCase(const Case &c, uint64_t seed, std::vector<uint32_t> &out,
                                 Arithmetic arithmetic = Arithmetic::InOrder) {
  current = &c;
  out.assign(c.m * c.n, 1);
  return runKernel(kernel, {.threads = 128, .sharedBytes = 64 * 1024, .arithmetic = arithmetic}, seed,
                   {bytesOf(out)});
}

void expectProduct(const Case &c, Arithmetic arithmetic = Arithmetic::InOrder) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    std::vector<uint32_t> out;
    auto violation = runCase(c, seed, out, arithmetic);
    ASSERT_FALSE(violation) << violation->what;
    for (uint32_t i = 0; i < c.m * c.n; ++i) {
      float sum = 0;
      for (uint32_t k = c.adds ? 0 : 16; k < 32; ++k)
        sum += valueOfA(i / c.n, k) * valueOfB(i % c.n, k);
      ASSERT_EQ(std::bit_cast<float>(out[i]), c.negatesA != c.negatesB ? -sum : sum)
          << "row " << i / c.n << " column " << i % c.n;
    }
  }
}

TEST(EmulatorTensorMemory, halfOfTheLanes) {
  for (uint32_t lane : {0, 16})
    for (uint32_t n : {8, 24, 128})
      expectProduct({.n = n, .lane = lane});
}

TEST(EmulatorTensorMemory, allLanes) {
  for (uint32_t n : {16, 48, 240})
    expectProduct({.m = 128, .n = n});
}

TEST(EmulatorTensorMemory, operands) {
  for (uint32_t m : {64, 128}) {
    expectProduct({.m = m, .n = 32, .transposesA = true});
    expectProduct({.m = m, .n = 32, .transposesB = true});
    expectProduct({.m = m, .transposesA = true, .transposesB = true, .isBF16 = false});
    expectProduct({.m = m, .isBF16 = false});
    expectProduct({.m = m, .negatesA = true});
    expectProduct({.m = m, .negatesB = true});
    expectProduct({.m = m, .adds = false});
  }
}

TEST(EmulatorTensorMemory, arithmeticOfTheLaunch) {
  expectProduct({.m = 128, .n = 32}, Arithmetic::Truncating);
  // 2^24 + 1 + 1: rounded after each product it stays 2^24; the group is added exactly.
  static auto large = [](uint32_t, uint32_t k) { return k == 0 ? 16777216.0f : k < 3 ? 1.0f : 0.0f; };
  static auto ones = [](uint32_t, uint32_t) { return 1.0f; };
  for (auto [arithmetic, expected] :
       {std::pair(Arithmetic::InOrder, 16777216u), std::pair(Arithmetic::Truncating, 16777218u)}) {
    std::vector<uint32_t> out(128 * 4);
    auto violation = runKernel(
        [](void *const *args) {
          Case c = {.n = 8};
          prepare(c);
          put(startOfA, 64, false, true, large);
          put(startOfB, 8, false, true, ones);
          kinema_emulator_fence_proxy(0, 4);
          kinema_emulator_barrier(0, 0, 4);
          uint32_t d = loadShared<uint32_t>(placeOfAddress, 4), registers[4];
          if (threadIndex() == 0) {
            kinema_emulator_tcgen05_product(asPointer(d), descriptor(startOfA, 64), descriptor(startOfB, 8),
                                            instruction(64, 8), 0, 5);
            kinema_emulator_tcgen05_commit(barrier(), 0, 6);
          }
          kinema_emulator_mbarrier_wait_parity(barrier(), 0, 7);
          kinema_emulator_tcgen05_fence(1, 7);
          kinema_emulator_tcgen05_load(asPointer(d + (threadIndex() / 32 << 21)), 1, registers, 8);
          kinema_emulator_tcgen05_wait_load(9);
          for (uint32_t i = 0; i < 4; ++i)
            storeGlobal(args[0], threadIndex() * 4 + i, uint32_t(std::bit_cast<float>(registers[i])));
          kinema_emulator_tcgen05_fence(0, 9);
          kinema_emulator_barrier(0, 0, 9);
          kinema_emulator_tcgen05_fence(1, 9);
          if (threadIndex() < 32)
            kinema_emulator_tcgen05_dealloc(asPointer(d), 256, 9);
        },
        {.threads = 128, .sharedBytes = 64 * 1024, .arithmetic = arithmetic}, 0, {bytesOf(out)});
    ASSERT_FALSE(violation) << violation->what;
    EXPECT_EQ(out, std::vector<uint32_t>(128 * 4, expected));
  }
}

TEST(EmulatorTensorMemory, registersHoldNaNsUntilTheWait) {
  Case c = {.wrong = earlyRead};
  std::vector<uint32_t> out;
  auto violation = runCase(c, 0, out);
  ASSERT_FALSE(violation) << violation->what;
  EXPECT_EQ(out, std::vector<uint32_t>(c.m * c.n, 0xFFFFFFFF));
}

void expectWrong(Case c, uint32_t wrong, const std::string &message) {
  c.wrong = wrong;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    std::vector<uint32_t> out;
    auto violation = runCase(c, seed, out);
    ASSERT_TRUE(violation) << message << ", seed " << seed;
    EXPECT_NE(violation->what.find(message), std::string::npos) << violation->what;
  }
}

TEST(EmulatorTensorMemory, whatIsForgotten) {
  const std::string afterProduct = "a tcgen05.mma of thread 0 wrote column ",
                    afterLoad = "writes columns 8 to 23 of lanes 0 to 15 of tensor memory; a tcgen05.ld of "
                                "thread ";
  expectWrong({}, noFenceAfter, afterProduct);
  expectWrong({}, noFenceAfter,
              ", at site 5, without a tcgen05.fence::after_thread_sync behind what orders the two");
  expectWrong({}, noBarrierWait, "loads columns "); // which the product has written, or has not yet
  expectWrong({}, noCommit, "waits for the mbarrier at 0, phase 0, which lacks 1 of 1 arrivals");
  expectWrong({}, noWait, afterLoad);
  expectWrong({}, noFenceBefore, afterLoad);
  expectWrong({}, noFenceBefore, "and nothing orders the two");
  expectWrong({}, noProxyFence, "without a fence.proxy.async since then");
  expectWrong({}, earlyReuse, "a tcgen05.mma of thread 0 read the byte at 32768");
  expectWrong({}, noDealloc,
              "thread 0, at site 3: the block ends, and nobody has deallocated these 256 columns");
  expectWrong({}, noLastFence,
              "deallocates columns 0 to 255 of lanes 0 to 15 of tensor memory; a tcgen05.mma of thread 64");
}

TEST(EmulatorTensorMemory, whatNobodyWrote) {
  expectWrong({}, addsAtFirst,
              "adds to columns 8 to 23 of lanes 0 to 15 of tensor memory; no product has written column 8");
  expectWrong({}, otherHalf, " of tensor memory; no product has written column ");
}

TEST(EmulatorTensorMemory, lanesOfOtherWarps) {
  expectWrong({}, otherWarp, " of tensor memory: this warp can load from lanes ");
}

// ---- Commits

// Each block of a cluster waits for the products of both.
template <uint32_t ranks> void multicast(void *const *args) {
  if (threadIndex() == 0) {
    kinema_emulator_mbarrier_init(barrier(), 2, 1);
    kinema_emulator_fence_mbarrier_init(2);
  }
  kinema_emulator_cluster_arrive(0, 3);
  kinema_emulator_cluster_wait(4);
  if (threadIndex() == 0)
    kinema_emulator_tcgen05_commit(barrier(), ranks, 5);
  kinema_emulator_mbarrier_wait_parity(barrier(), 0, 6);
  storeGlobal(args[0], blockIndex() * 32 + threadIndex(), 1.0f, 7);
  kinema_emulator_cluster_arrive(0, 8);
  kinema_emulator_cluster_wait(9);
}

constexpr Shape two = {.grid = 2, .cluster = 2};

TEST(EmulatorTensorMemory, commitsOfACluster) {
  expectRight(multicast<3>, two, std::vector<float>(64, 1.0f));
  expectCaught(multicast<1>, two, "lacks 2 of 2 arrivals");
  expectCaught(multicast<0>, two, "lacks 1 of 2 arrivals");
}

// Nobody waits for what arrives at the other block.
void commitAtTheEnd(void *const *) {
  if (threadIndex() == 0) {
    kinema_emulator_mbarrier_init(barrier(), 2, 1);
    kinema_emulator_fence_mbarrier_init(2);
  }
  kinema_emulator_cluster_arrive(0, 3);
  kinema_emulator_cluster_wait(4);
  if (threadIndex() == 0)
    kinema_emulator_tcgen05_commit(barrier(), 3, 5);
}

TEST(EmulatorTensorMemory, commitsThatComeTooLate) {
  auto violation =
      runKernel(commitAtTheEnd, two, /*seed=*/0, {}); // in which arrivals come as late as they can
  ASSERT_TRUE(violation);
  EXPECT_NE(violation->what.find("the cluster ends while this commit is on its way to another block"),
            std::string::npos)
      << violation->what;
}

TEST(EmulatorTensorMemory, wrongCommits) {
  expectCaught(
      [](void *const *) {
        kinema_emulator_mbarrier_init(barrier(), 1, 1);
        kinema_emulator_tcgen05_commit(barrier(), 0, 3);
      },
      {.threads = 1}, "a commit counts for the mbarrier at 0, but no fence.mbarrier_init follows");
  expectCaught(
      [](void *const *) {
        kinema_emulator_mbarrier_init(barrier(), 1, 1);
        kinema_emulator_fence_mbarrier_init(2);
        kinema_emulator_mbarrier_expect(barrier(), 16, 3);
        for (int i = 0; i < 2; ++i)
          kinema_emulator_tcgen05_commit(barrier(), 0, 4);
        kinema_emulator_mbarrier_wait_parity(barrier(), 0, 5);
      },
      {.threads = 1},
      "at site 4: arrives once more at the mbarrier at 0, phase 0, which lacks 0 of 1 arrivals and 16 bytes");
  expectCaught([](void *const *args) { kinema_emulator_tcgen05_commit(args[0], 0, 3); }, {.threads = 1},
               "the mbarrier of a tcgen05.commit must be in the block's shared memory, and is at 0x");
}

// ---- Allocations

void allocate(uint32_t columns, uint32_t site = 1) {
  kinema_emulator_tcgen05_alloc(shared<char>(placeOfAddress + threadIndex() / 32 * 4), columns, site);
}

TEST(EmulatorTensorMemory, allocations) {
  expectRight(
      [](void *const *args) {
        uint32_t addresses[4];
        uint32_t columns[] = {64, 128, 64, 32};
        auto take = [&](int i) {
          allocate(columns[i]);
          kinema_emulator_warp_sync(~0u, 2);
          addresses[i] = loadShared<uint32_t>(placeOfAddress, 3);
          kinema_emulator_warp_sync(~0u, 4);
        };
        take(0), take(1), take(2);
        kinema_emulator_tcgen05_dealloc(asPointer(addresses[1]), 128, 5);
        take(3); // lies where the second was
        for (int i : {0, 2, 3})
          kinema_emulator_tcgen05_dealloc(asPointer(addresses[i]), columns[i], 6);
        for (int i = 0; i < 4 && threadIndex() == 0; ++i)
          storeGlobal(args[0], i, addresses[i]);
      },
      {}, std::vector<uint32_t>{0, 64, 192, 64});
}

TEST(EmulatorTensorMemory, addressesAreRaced) {
  expectCaught(
      [](void *const *) {
        allocate(32);
        if (threadIndex() == 5)
          loadShared<uint32_t>(placeOfAddress, 2);
        kinema_emulator_warp_sync(~0u, 3);
      },
      {}, "of shared memory; "); // written by lane 0, or not yet
}

TEST(EmulatorTensorMemory, wrongAllocations) {
  expectCaught([](void *const *) { allocate(48); }, {},
               "tcgen05.alloc of 48 columns: must be a power of two from 32 to 512");
  expectCaught(
      [](void *const *) {
        allocate(256);
        allocate(512, 2);
      },
      {},
      "at site 2: tcgen05.alloc of 512 columns, and so many are not free side by side: it waits for ever");
  expectCaught(
      [](void *const *) {
        kinema_emulator_tcgen05_relinquish(1);
        allocate(32, 2);
      },
      {}, "tcgen05.alloc, and the block has made tcgen05.relinquish_alloc_permit before");
  expectCaught([](void *const *) { allocate(threadIndex() == 9 ? 64 : 32); }, {},
               "lanes 0 and 9 of a warp give different operands: 0x410, 32 and 0x410, 64");
  expectCaught([](void *const *) { kinema_emulator_tcgen05_alloc(shared<char>(18), 32, 1); }, {},
               "the target of tcgen05.alloc must be at a multiple of 4, and is at 18");
  expectCaught(
      [](void *const *) {
        if (threadIndex() == 7)
          kinema_emulator_exit(1);
        allocate(32);
      },
      {}, "only lanes 0xffffff7f of the warp take part");
  expectCaught(
      [](void *const *) {
        allocate(64);
        kinema_emulator_tcgen05_dealloc(asPointer(0), 32, 2);
      },
      {}, "tcgen05.dealloc of 32 columns at 0x0, which no tcgen05.alloc has given");
}

// ---- Wrong operands

// Makes one product in 64 columns, of whatever lies in shared memory.
template <auto product> void oneProduct(void *const *) {
  allocate(64);
  if (threadIndex() == 0)
    product();
}

template <uint32_t i, uint32_t d = 0, uint64_t a = 1ULL << 46 | 128> void productOf() {
  kinema_emulator_tcgen05_product(asPointer(d), a, 1ULL << 46 | 128, i, 0, 2);
}

constexpr uint32_t small64 = 1u << 4 | 1u << 7 | 1u << 10 | 2u << 17 | 4u << 24; // 64 x 16

TEST(EmulatorTensorMemory, wrongInstructions) {
  expectCaught(oneProduct<productOf<small64 | 1u << 3>>, {},
               "an instruction descriptor with bits that the emulator does not know: 0x8");
  expectCaught(oneProduct<productOf<small64 | 1u << 23 | 1u << 30>>, {},
               "an instruction descriptor with bits that the emulator does not know: 0x40800000");
  expectCaught(
      oneProduct<productOf<small64 ^ 1u << 4>>, {},
      "tcgen05.mma of formats 1 and 1 into format 0: must be 0 (f16) or 1 (bf16) both, into 1 (f32)");
  expectCaught(oneProduct<productOf<small64 ^ 1u << 7>>, {}, "tcgen05.mma of formats 0 and 1 into format 1");
  expectCaught(oneProduct<productOf<small64 | 1u << 8 | 1u << 11>>, {},
               "tcgen05.mma of formats 3 and 3 into format 1");
  expectCaught(oneProduct<productOf<small64 ^ 2u << 17>>, {},
               "tcgen05.mma of 64 x 0: must be 64 by a multiple of 8 or 128 by a multiple of 16, up to 256");
  expectCaught(oneProduct<productOf<small64 | 33u << 17>>, {}, "tcgen05.mma of 64 x 280");
  expectCaught(oneProduct<productOf<small64 | 1u << 24>>, {}, "tcgen05.mma of 80 x 16");
  expectCaught(oneProduct<productOf<(small64 ^ 12u << 24) | 1u << 17>>, {}, "tcgen05.mma of 128 x 24");
}

TEST(EmulatorTensorMemory, wrongPlaces) {
  expectCaught(oneProduct<productOf<small64, 8 << 16>>, {},
               "tcgen05.mma of 64 rows into tensor memory from lane 8 on: must be 0 or 16");
  expectCaught(oneProduct<productOf<small64 ^ 12u << 24, 16 << 16>>, {},
               "tcgen05.mma of 128 rows into tensor memory from lane 16 on: must be 0");
  expectCaught(oneProduct<productOf<small64, 56>>, {},
               "writes columns 56 to 71 of tensor memory, which are not all of one allocation");
  expectCaught(
      [](void *const *) {
        uint32_t registers[4];
        kinema_emulator_tcgen05_load(asPointer(0), 1, registers, 2);
      },
      {}, "loads columns 0 to 7 of tensor memory, which are not all of one allocation");
  expectCaught(
      [](void *const *) {
        uint32_t registers[4];
        allocate(32);
        kinema_emulator_tcgen05_load(asPointer(8 << 16), 1, registers, 2);
      },
      {}, "tcgen05.ld from lane 8 of tensor memory: this warp can load from lanes 0 and 16");
}

TEST(EmulatorTensorMemory, wrongDescriptors) {
  expectCaught(oneProduct<productOf<small64, 0, 128>>, {},
               "a matrix descriptor whose upper bits are 0x0: the emulator knows 0x400000000000 alone");
  expectCaught(oneProduct<productOf<small64, 0, 1ULL << 46 | 1ULL << 62 | 128>>, {},
               "a matrix descriptor whose upper bits are 0x4000400000000000");
  expectCaught(oneProduct<productOf<small64, 0, 1ULL << 46 | 1ULL << 52 | 128>>, {},
               "a matrix descriptor whose upper bits are 0x10400000000000");
  expectCaught(oneProduct<productOf<small64, 0, 1ULL << 46 | 0x2000>>, {}, "reads 16 bytes at");
}

// Products of two threads into the same columns.
TEST(EmulatorTensorMemory, productsOfTwoThreads) {
  expectCaught(
      [](void *const *) {
        allocate(64);
        if (threadIndex() < 2)
          productOf<small64>();
      },
      {}, "wrote column 0, at site 2, and nothing orders the two");
}

// A product that nobody has waited for may write still.
TEST(EmulatorTensorMemory, deallocatedWhileInUse) {
  expectCaught(
      [](void *const *) {
        allocate(64);
        if (threadIndex() == 0)
          productOf<small64>();
        kinema_emulator_warp_sync(~0u, 3);
        kinema_emulator_tcgen05_dealloc(asPointer(0), 64, 4);
      },
      {}, "deallocates columns 0 to 63 of lanes 0 to 15 of tensor memory; a tcgen05.mma of thread 0 wrote");
}

} // namespace

// Matrix operations against element-by-element definitions.
#include "test/runtime/Emulator/Machine.h"

#include <bit>
#include <cmath>
#include <functional>

using namespace kinema::emulator;

namespace {

uint16_t toBF16(float value) { return uint16_t(std::bit_cast<uint32_t>(value) >> 16); }

// Small whole numbers: products and sums are exact.
float small(uint32_t i) { return float(int(i * 2654435761u >> 20 & 7) - 3); }

// ---- ldmatrix, stmatrix

// Four 8 x 8 matrices; matrix m, row r at 16 * (8 * m + r), element c has value 100 * m + 10 * r + c.
template <uint32_t transposed> void loadKernel(void *const *args) {
  uint32_t lane = threadIndex(), registers[4];
  for (uint32_t c = 0; c < 8; ++c)
    storeShared<uint16_t>(16 * lane + 2 * c, uint16_t(100 * (lane / 8) + 10 * (lane % 8) + c), 1);
  kinema_emulator_warp_sync(~0u, 2);
  kinema_emulator_ldmatrix(shared<char>(16 * lane), 4, transposed, registers, 3);
  for (uint32_t m = 0; m < 4; ++m)
    storeGlobal(args[0], lane * 4 + m, registers[m]);
}

TEST(EmulatorMatrix, ldmatrix) {
  std::vector<uint32_t> plain(128), transposed(128);
  for (uint32_t lane = 0; lane < 32; ++lane)
    for (uint32_t m = 0; m < 4; ++m) {
      uint32_t g = lane / 4, t = lane % 4 * 2;
      plain[lane * 4 + m] = (100 * m + 10 * g + t) | (100 * m + 10 * g + t + 1) << 16;
      transposed[lane * 4 + m] = (100 * m + 10 * t + g) | (100 * m + 10 * (t + 1) + g) << 16;
    }
  expectRight(loadKernel<0>, {}, plain);
  expectRight(loadKernel<1>, {}, transposed);
}

template <uint32_t transposed> void storeKernel(void *const *args) {
  uint32_t lane = threadIndex(), registers[4];
  for (uint32_t m = 0; m < 4; ++m)
    registers[m] = (100 * m + 2 * lane) | (100 * m + 2 * lane + 1) << 16;
  kinema_emulator_stmatrix(shared<char>(16 * lane), 4, transposed, registers, 3);
  kinema_emulator_warp_sync(~0u, 4);
  for (uint32_t i = 0; i < 8; ++i)
    storeGlobal<uint32_t>(args[0], lane * 8 + i, loadShared<uint16_t>(16 * lane + 2 * i, 5));
}

TEST(EmulatorMatrix, stmatrix) {
  std::vector<uint32_t> plain(256), transposed(256);
  for (uint32_t m = 0; m < 4; ++m)
    for (uint32_t r = 0; r < 8; ++r)
      for (uint32_t c = 0; c < 8; ++c) {
        // lane g * 4 + t holds elements 2t and 2t + 1 of row g: number 8g + 2t + i of the matrix
        plain[(8 * m + r) * 8 + c] = 100 * m + 8 * r + c;
        transposed[(8 * m + r) * 8 + c] = 100 * m + 8 * c + r;
      }
  expectRight(storeKernel<0>, {}, plain);
  expectRight(storeKernel<1>, {}, transposed);
}

TEST(EmulatorMatrix, ldmatrixIsChecked) {
  expectCaught(
      [](void *const *) {
        uint32_t registers[4];
        kinema_emulator_ldmatrix(shared<char>(16 * threadIndex() + 8), 4, 0, registers, 3);
      },
      {}, "at an address that is no multiple of 16");
  expectCaught(
      [](void *const *) {
        uint32_t lane = threadIndex(), registers[4];
        for (uint32_t i = 0; i < 4; ++i)
          storeShared(16 * lane + 4 * i, i, 1);
        kinema_emulator_ldmatrix(shared<char>(16 * (31 - lane)), 4, 0, registers, 3);
      },
      {}, "of shared memory; ");
  expectCaught(
      [](void *const *) {
        uint32_t registers[4];
        if (threadIndex() == 7)
          kinema_emulator_exit(1);
        kinema_emulator_stmatrix(shared<char>(16 * threadIndex()), 4, 0, registers, 3);
      },
      {}, "only lanes 0xffffff7f of the warp take part");
}

// ---- mma.sync

enum class Type { BF16, F16, TF32 };

uint32_t encode(Type type, float value) {
  switch (type) {
  case Type::BF16:
    return toBF16(value);
  case Type::F16:
    return std::bit_cast<uint16_t>(_Float16(value));
  case Type::TF32:
    return std::bit_cast<uint32_t>(value) | 0x123; // bits that are not read
  }
  return 0;
}

// The tables of the PTX ISA: row and column of element i of A, B and C in lane `lane`.
struct Coordinates {
  uint32_t row, column;
};
Coordinates placeOfA(Type type, int k, uint32_t lane, uint32_t i) {
  uint32_t g = lane / 4, t = lane % 4;
  if (type == Type::TF32) // a0 (g, t), a1 (g + 8, t), a2 (g, t + 4), a3 (g + 8, t + 4)
    return {i % 2 ? g + 8 : g, i < 2 ? t : t + 4};
  if (k == 8) // a0, a1: row g; a2, a3: row g + 8
    return {i < 2 ? g : g + 8, t * 2 + (i & 1)};
  // m16n8k16: row g for 0 <= i < 2 and 4 <= i < 6; column + 8 for i >= 4
  return {i < 2 || (i >= 4 && i < 6) ? g : g + 8, t * 2 + (i & 1) + (i >= 4 ? 8 : 0)};
}
Coordinates placeOfB(Type type, uint32_t lane, uint32_t i) {
  uint32_t g = lane / 4, t = lane % 4;
  if (type == Type::TF32)
    return {i == 0 ? t : t + 4, g};
  return {t * 2 + (i & 1) + (i >= 2 ? 8 : 0), g};
}

template <uint32_t form> void multiplyKernel(void *const *args) {
  constexpr Type types[] = {Type::BF16, Type::BF16, Type::F16, Type::F16, Type::TF32, Type::TF32};
  constexpr int depths[] = {8, 16, 8, 16, 4, 8};
  constexpr Type type = types[form];
  constexpr int k = depths[form], pack = type == Type::TF32 ? 1 : 2;
  constexpr int wordsOfA = 16 * k / 32 / pack, wordsOfB = 8 * k / 32 / pack;
  uint32_t lane = threadIndex(), operands[10] = {}, results[4];
  for (int i = 0; i < wordsOfA * pack; ++i) {
    Coordinates at = placeOfA(type, k, lane, uint32_t(i));
    operands[i / pack] |= encode(type, small(at.row * 16 + at.column)) << 16 * (i % pack);
  }
  for (int i = 0; i < wordsOfB * pack; ++i) {
    Coordinates at = placeOfB(type, lane, uint32_t(i));
    operands[wordsOfA + i / pack] |= encode(type, small(1000 + at.row * 8 + at.column)) << 16 * (i % pack);
  }
  for (uint32_t i = 0; i < 4; ++i)
    operands[wordsOfA + wordsOfB + i] = std::bit_cast<uint32_t>(float(lane + 32 * i));
  kinema_emulator_mma(form, operands, results, 1);
  for (uint32_t i = 0; i < 4; ++i)
    storeGlobal(args[0], lane * 4 + i, std::bit_cast<float>(results[i]));
}

std::vector<float> expectedProduct(int k) {
  std::vector<float> expected(128);
  for (uint32_t lane = 0; lane < 32; ++lane)
    for (uint32_t i = 0; i < 4; ++i) {
      uint32_t row = i < 2 ? lane / 4 : lane / 4 + 8, column = lane % 4 * 2 + (i & 1);
      double sum = lane + 32 * i;
      for (int j = 0; j < k; ++j)
        sum += small(row * 16 + uint32_t(j)) * small(1000 + uint32_t(j) * 8 + column);
      expected[lane * 4 + i] = float(sum);
    }
  return expected;
}

TEST(EmulatorMatrix, products) {
  expectRight(multiplyKernel<0>, {}, expectedProduct(8));
  expectRight(multiplyKernel<1>, {}, expectedProduct(16));
  expectRight(multiplyKernel<2>, {}, expectedProduct(8));
  expectRight(multiplyKernel<3>, {}, expectedProduct(16));
  expectRight(multiplyKernel<4>, {}, expectedProduct(4));
  expectRight(multiplyKernel<5>, {}, expectedProduct(8));
}

// ---- wgmma

// How an operand lies in shared memory.
struct Layout {
  int swizzle = 0; // bytes of the span: 0 (none), 32, 64, 128
  bool transposed = false;
  uint32_t leading = 0, stride = 0; // bytes
};

// The canonical layouts as CUTLASS states them, in units of elements of 16 bits; offset in bytes of (row, k).
uint32_t canonical(const Layout &l, uint32_t row, uint32_t k) {
  uint32_t offset;
  uint32_t w = l.swizzle / 16; // units of 16 bytes in the span
  if (!l.transposed)
    offset = l.swizzle == 0 ? row % 8 * 16 + row / 8 * l.stride + k % 8 * 2 + k / 8 * l.leading
                            : row % 8 * 16 * w + row / 8 * l.stride + k * 2;
  else
    offset = l.swizzle == 0
                 ? row % 8 * 2 + row / 8 * l.stride + k % 8 * 16 + k / 8 * l.leading
                 : row % (8 * w) * 2 + row / (8 * w) * l.leading + k % 8 * 16 * w + k / 8 * l.stride;
  if (l.swizzle) { // the 16-byte unit within the span, exclusive-or the number of the 128-byte line
    uint32_t unit = offset / 16 % w, line = offset / 128 % w;
    offset = offset / (16 * w) * (16 * w) + (unit ^ line) * 16 + offset % 16;
  }
  return offset;
}

uint64_t descriptor(uint32_t offset, const Layout &l) {
  uint64_t mode = l.swizzle == 0 ? 0 : l.swizzle == 128 ? 1 : l.swizzle == 64 ? 2 : 3;
  return ((sharedBase + offset) & 0x3FFFF) >> 4 | uint64_t(l.leading >> 4) << 16 |
         uint64_t(l.stride >> 4) << 32 | mode << 62;
}

float valueOfA(uint32_t row, uint32_t k) { return small(row * 32 + k); }
float valueOfB(uint32_t column, uint32_t k) { return small(50000 + column * 32 + k); }

enum : uint32_t {
  noWait = 1,
  noProxyFence = 2,
  noWgmmaFence = 4,
  noCommit = 8,
  noBarrier = 16,
  earlyReuse = 32,
  noLastBarrier = 64
};

// Two products with k = 16 into one accumulator; the second's operands lie `nextA` and `nextB` further.
struct Case {
  uint32_t n = 8;
  Layout a, b;
  uint32_t nextA = 0, nextB = 0; // bytes
  bool registers = false;
  uint32_t flags = 0;
  uint32_t wrong = 0;
};
const Case *current;
constexpr uint32_t startOfA = 1024 - sharedBase % 1024, startOfB = 64 * 1024 - sharedBase % 1024;

constexpr uint32_t isF16 = 32; // among the flags

uint16_t encodedFor(const Case &c, float value) {
  return c.flags & isF16 ? std::bit_cast<uint16_t>(_Float16(value)) : toBF16(value);
}

void put(uint32_t start, uint32_t next, const Layout &layout, uint32_t rows,
         float (*value)(uint32_t, uint32_t)) {
  for (uint32_t i = threadIndex(); i < rows * 32; i += 128) {
    uint32_t row = i / 32, k = i % 32;
    storeShared(start + k / 16 * next + canonical(layout, row, k % 16), encodedFor(*current, value(row, k)),
                1);
  }
}

void wgmmaKernel(void *const *args) {
  const Case &c = *current;
  uint32_t thread = threadIndex();
  if (!c.registers)
    put(startOfA, c.nextA, c.a, 64, valueOfA);
  put(startOfB, c.nextB, c.b, c.n, valueOfB);
  if (!(c.wrong & noProxyFence))
    kinema_emulator_fence_proxy(0, 2);
  if (!(c.wrong & noBarrier))
    kinema_emulator_barrier(0, 0, 3);
  std::vector<uint32_t> d(c.n / 2);
  for (uint32_t i = 0; i < c.n / 2; ++i)
    d[i] = std::bit_cast<uint32_t>(float(thread + i));
  if (!(c.wrong & noWgmmaFence))
    kinema_emulator_wgmma_fence(4);
  for (uint32_t half = 0; half < 2; ++half) {
    uint64_t b = descriptor(startOfB, c.b) + (half * c.nextB >> 4);
    uint32_t flags = c.flags | uint32_t(c.a.transposed) << 3 | uint32_t(c.b.transposed) << 4 | (half ? 1 : 0);
    if (c.registers) {
      uint32_t a[4] = {};
      for (uint32_t i = 0; i < 8; ++i) {
        Coordinates at = placeOfA(Type::BF16, 16, thread % 32, i);
        a[i / 2] |= uint32_t(encodedFor(c, valueOfA(thread / 32 * 16 + at.row, half * 16 + at.column)))
                    << 16 * (i % 2);
      }
      kinema_emulator_wgmma_rs(a, b, d.data(), c.n, flags, 5);
    } else {
      kinema_emulator_wgmma(descriptor(startOfA, c.a) + (half * c.nextA >> 4), b, d.data(), c.n, flags, 5);
    }
  }
  if (!(c.wrong & noCommit))
    kinema_emulator_wgmma_commit(6);
  if (c.wrong & earlyReuse)
    storeShared<uint16_t>(startOfB + 2 * thread, 0, 7);
  if (!(c.wrong & noWait))
    kinema_emulator_wgmma_wait(0, 7);
  for (uint32_t i = 0; i < c.n / 2; ++i)
    storeGlobal(args[0], thread * c.n / 2 + i, std::bit_cast<float>(kinema_emulator_wgmma_register(d[i], 8)),
                9);
  if (!(c.wrong & noLastBarrier))
    kinema_emulator_barrier(0, 0, 9);                 // the other warps may wait still
  storeShared<uint16_t>(startOfB + 2 * thread, 0, 9); // the operands are free again
}

std::optional<Violation> runCase(const Case &c, uint64_t seed, std::vector<float> &out) {
  current = &c;
  out.assign(64 * c.n, -1);
  return runKernel(wgmmaKernel, {.threads = 128, .sharedBytes = 200 * 1024}, seed, {bytesOf(out)});
}

void expectProduct(const Case &c) {
  for (uint64_t seed : {0, 1, 2, 3, 4}) {
    std::vector<float> out;
    auto violation = runCase(c, seed, out);
    ASSERT_FALSE(violation) << violation->what;
    for (uint32_t thread = 0; thread < 128; ++thread)
      for (uint32_t i = 0; i < c.n / 2; ++i) {
        uint32_t row = thread / 32 * 16 + thread % 32 / 4 + (i / 2 % 2 ? 8 : 0);
        uint32_t column = i / 4 * 8 + thread % 4 * 2 + i % 2;
        float sum = 0;
        for (uint32_t k = 0; k < 32; ++k)
          sum += valueOfA(row, k) * valueOfB(column, k);
        bool negative = (c.flags >> 1 & 1) != (c.flags >> 2 & 1);
        ASSERT_EQ(out[thread * c.n / 2 + i], negative ? -sum : sum)
            << "thread " << thread << " register " << i;
      }
  }
}

// Without swizzle, tight: groups of 8 rows beside each other, the chunks along k after them.
Case plain(uint32_t n) {
  Case c;
  c.n = n;
  c.a = {0, false, 64 * 16, 128};
  c.b = {0, false, n * 16, 128};
  c.nextA = 2 * 64 * 16;
  c.nextB = 2 * n * 16;
  return c;
}

TEST(EmulatorWgmma, everyWidth) {
  for (uint32_t n : {8, 24, 64, 144, 256})
    expectProduct(plain(n));
}

TEST(EmulatorWgmma, ofF16) {
  Case c = plain(24);
  c.flags = isF16;
  expectProduct(c);
  c.registers = true;
  expectProduct(c);
}

TEST(EmulatorWgmma, swizzledAlongK) {
  Case c;
  c.n = 40;
  c.a = c.b = {32, false, 0, 8 * 32};
  c.nextA = c.nextB = 2048; // a multiple of the pattern's 256 bytes
  expectProduct(c);
}

// A descriptor may start within a row of the swizzled pattern: bits of the address decide.
TEST(EmulatorWgmma, shiftedStarts) {
  for (int swizzle : {64, 128}) {
    Case c;
    c.n = 40;
    c.a = c.b = {swizzle, false, 0, uint32_t(8 * swizzle)};
    c.nextA = c.nextB = 32;
    current = &c;
    std::vector<float> out(64 * c.n);
    auto violation = runKernel(
        [](void *const *args) {
          const Case &c = *current;
          uint32_t thread = threadIndex();
          for (uint32_t i = thread; i < 64 * 32; i += 128) // k up to 32 in one row of the pattern
            storeShared(startOfA + canonical(c.a, i / 32, i % 32), toBF16(valueOfA(i / 32, i % 32)), 1);
          for (uint32_t i = thread; i < c.n * 32; i += 128)
            storeShared(startOfB + canonical(c.b, i / 32, i % 32), toBF16(valueOfB(i / 32, i % 32)), 1);
          kinema_emulator_fence_proxy(0, 2);
          kinema_emulator_barrier(0, 0, 3);
          std::vector<uint32_t> d(c.n / 2);
          kinema_emulator_wgmma_fence(4);
          for (uint64_t half = 0; half < 2; ++half)
            kinema_emulator_wgmma(descriptor(startOfA, c.a) + 2 * half, descriptor(startOfB, c.b) + 2 * half,
                                  d.data(), c.n, uint32_t(half), 5);
          kinema_emulator_wgmma_commit(6);
          kinema_emulator_wgmma_wait(0, 7);
          for (uint32_t i = 0; i < c.n / 2; ++i)
            storeGlobal(args[0], thread * c.n / 2 + i,
                        std::bit_cast<float>(kinema_emulator_wgmma_register(d[i], 8)), 9);
        },
        {.threads = 128, .sharedBytes = 200 * 1024}, 0, {bytesOf(out)});
    ASSERT_FALSE(violation) << violation->what;
    float sum = 0;
    for (uint32_t k = 0; k < 32; ++k)
      sum += valueOfA(37, k) * valueOfB(19, k);
    // row 37: warp 2, lane group 5; column 19: block 2, lane 1 of the group, second of the pair
    EXPECT_EQ(out[(2 * 32 + 5 * 4 + 1) * c.n / 2 + 2 * 4 + 1], sum);
  }
}

TEST(EmulatorWgmma, rowsInnermost) {
  Case c;
  c.n = 64;
  c.a = {0, true, 64 * 16, 128}; // chunks along k after those along the rows
  c.b = {0, true, 64 * 16, 128};
  c.nextA = c.nextB = 2 * 64 * 16;
  expectProduct(c);
  for (int swizzle : {32, 64, 128}) {
    uint32_t atom = uint32_t(8 * swizzle); // bytes of 8 k
    c.a = c.b = {swizzle, true, 2 * atom, atom};
    c.nextA = c.nextB = 2 * atom * (64 / (swizzle / 2));
    expectProduct(c);
  }
}

TEST(EmulatorWgmma, operandsOfDifferentLayouts) {
  Case c;
  c.n = 64;
  c.a = {128, true, 2048, 1024};
  c.b = {0, false, 64 * 16, 128};
  c.nextA = 2048;
  c.nextB = 2 * 64 * 16;
  expectProduct(c);
}

TEST(EmulatorWgmma, registersOfA) {
  Case c = plain(48);
  c.registers = true;
  expectProduct(c);
}

TEST(EmulatorWgmma, negated) {
  Case c = plain(16);
  c.flags = 2;
  expectProduct(c);
  c.flags = 4;
  expectProduct(c);
  c.flags = 6;
  expectProduct(c);
}

void expectWrong(uint32_t wrong, const std::string &message) {
  Case c = plain(16);
  c.wrong = wrong;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    std::vector<float> out;
    auto violation = runCase(c, seed, out);
    ASSERT_TRUE(violation) << message << ", seed " << seed;
    EXPECT_NE(violation->what.find(message), std::string::npos) << violation->what;
  }
}

TEST(EmulatorWgmma, whatIsForgotten) {
  expectWrong(noWait, "reads a result of a matrix product, at site 5 without a wgmma.wait for it");
  expectWrong(noCommit, "reads a result of a matrix product, at site 5 without a wgmma.wait for it");
  expectWrong(noWgmmaFence, "the registers of D are used without a wgmma.fence");
  expectWrong(noProxyFence, "without a fence.proxy.async since then");
  expectWrong(noBarrier, "nothing orders the two");
  expectWrong(noLastBarrier, "a matrix product of warpgroup 0 read the byte at");
  expectWrong(earlyReuse, "a matrix product of warpgroup 0 read the byte at");
}

TEST(EmulatorWgmma, outOfBounds) {
  Case c = plain(16);
  c.b.leading = 160 * 1024;
  c.b.stride = 128;
  std::vector<float> out;
  current = &c;
  auto violation = runKernel(
      [](void *const *) {
        uint32_t d[8] = {};
        kinema_emulator_wgmma_fence(4);
        kinema_emulator_wgmma(descriptor(0, current->a), descriptor(startOfB, current->b), d, 16, 0, 5);
      },
      {.threads = 128, .sharedBytes = 200 * 1024}, 0, {});
  ASSERT_TRUE(violation);
  EXPECT_NE(violation->what.find("reads 16 bytes at"), std::string::npos) << violation->what;
}

TEST(EmulatorWgmma, partOfAWarpgroup) {
  expectCaught(
      [](void *const *) {
        if (threadIndex() < 96)
          kinema_emulator_wgmma_fence(4);
      },
      {.threads = 128}, "waits for its warpgroup, of which 96 threads have arrived");
}

TEST(EmulatorWgmma, threadsThatPart) {
  expectCaught(
      [](void *const *) {
        kinema_emulator_wgmma_fence(4);
        if (threadIndex() < 64)
          kinema_emulator_wgmma_fence(5);
        kinema_emulator_wgmma_commit(6);
      },
      {.threads = 128}, "threads of a warpgroup are at different operations: here and, at site");
}

} // namespace

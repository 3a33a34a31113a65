// The two arithmetics of matrix products.
#include "runtime/Emulator/Products.h"
#include "test/runtime/Emulator/Machine.h"

#include <cmath>
#include <random>

using namespace kinema::emulator;

namespace {

// Returns start + the sum of factors * 1, of one group at most.
float sumOf(Arithmetic arithmetic, float start, const std::vector<float> &factors) {
  std::vector<float> ones(factors.size(), 1.0f);
  addProduct(arithmetic, &start, factors.data(), ones.data(), 1, int(factors.size()), 1);
  return start;
}
float truncated(float start, const std::vector<float> &factors) {
  return sumOf(Arithmetic::Truncating, start, factors);
}

TEST(EmulatorProducts, groupsAreAddedBeforeTheyAreRounded) {
  std::vector<float> small(16, std::ldexp(1.0f, -25));
  EXPECT_EQ(truncated(1, small), 1 + std::ldexp(1.0f, -21)); // two bits beyond f32 are kept
  EXPECT_EQ(sumOf(Arithmetic::InOrder, 1, small), 1.0f);
}

TEST(EmulatorProducts, whatLiesBelowTheLargestIsCutOff) {
  EXPECT_EQ(truncated(1, std::vector<float>(16, std::ldexp(1.0f, -26))), 1.0f);
  EXPECT_EQ(truncated(1, std::vector<float>(16, std::ldexp(1.5f, -25))), 1 + std::ldexp(1.0f, -21));
  // The largest exponent counts even where the largest numbers cancel out.
  EXPECT_EQ(truncated(0, {std::ldexp(1.0f, 30), std::ldexp(-1.0f, 30), 1.0f}), 0.0f);
  EXPECT_EQ(truncated(0, {std::ldexp(1.0f, 25), std::ldexp(-1.0f, 25), 1.0f}), 1.0f);
}

TEST(EmulatorProducts, resultsAreCutOffTowardZero) {
  std::vector<float> halves(3, std::ldexp(1.0f, -25)); // three quarters of the last bit of 1
  EXPECT_EQ(truncated(1, halves), 1.0f);
  for (float &half : halves)
    half = -half;
  EXPECT_EQ(truncated(-1, halves), -1.0f);
  EXPECT_EQ(truncated(1, halves),
            1 - std::ldexp(1.0f, -23)); // 1 - 3 * 2^-25 lies between 1 - 2^-23 and 1 - 2^-24
}

TEST(EmulatorProducts, numbersThatAreNone) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(truncated(1, {infinity, 2}), infinity);
  EXPECT_TRUE(std::isnan(truncated(1, {infinity, -infinity})));
  EXPECT_TRUE(std::isnan(truncated(std::nanf(""), {1})));
  EXPECT_EQ(truncated(0, {0, 0}), 0.0f);
  EXPECT_EQ(truncated(0, {std::ldexp(1.0f, -149)}), std::ldexp(1.0f, -149));
}

// Both arithmetics are within what K sums may differ by, and the sums of whole numbers are the same.
TEST(EmulatorProducts, areCloseToEachOther) {
  constexpr int rows = 64, depth = 64, columns = 24;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (bool whole : {true, false}) {
    std::vector<float> a(rows * depth), b(depth * columns), inOrder(rows * columns),
        truncating(rows * columns);
    for (auto *values : {&a, &b})
      for (float &value : *values) {
        value = std::bit_cast<float>(std::bit_cast<uint32_t>(normal(random)) & 0xFFFF0000);
        value = whole ? std::round(4 * value) : value;
      }
    addProduct(Arithmetic::InOrder, inOrder.data(), a.data(), b.data(), rows, depth, columns);
    addProduct(Arithmetic::Truncating, truncating.data(), a.data(), b.data(), rows, depth, columns);
    for (int i = 0; i < rows * columns; ++i) {
      double size = 0, exact = 0;
      for (int k = 0; k < depth; ++k) {
        double product = double(a[i / columns * depth + k]) * b[k * columns + i % columns];
        exact += product;
        size += std::fabs(product);
      }
      double bound = whole ? 0 : depth / 16 * 17 * size * std::ldexp(1.0, -23);
      EXPECT_NEAR(truncating[i], exact, bound);
    }
    if (whole)
      EXPECT_EQ(inOrder, truncating);
  }
}

// A product of a warp, and a launch's choice between the two: lane 0 has row 0, columns 0 and 1.
void addsSmallNumbers(void *const *args) {
  const uint32_t one = 0x3F803F80, small = 0x32803280; // pairs of bf16: 1, 2^-26
  uint32_t operands[10] = {small, small, small, small, one, one}, results[4];
  for (int i = 6; i < 10; ++i)
    operands[i] = 0x3F800000; // 1
  kinema_emulator_mma(1, operands, results, 1);
  if (threadIndex() == 0)
    storeGlobal(args[0], 0, results[0], 2);
}

TEST(EmulatorProducts, aLaunchChoosesTheArithmetic) {
  auto run = [](Arithmetic arithmetic) {
    std::vector<float> out(1);
    auto violation = runKernel(addsSmallNumbers, {.arithmetic = arithmetic}, 0, {bytesOf(out)});
    EXPECT_FALSE(violation) << violation->what;
    return out[0];
  };
  EXPECT_EQ(run(Arithmetic::Truncating), 1.0f);
  EXPECT_EQ(run(Arithmetic::InOrder), 1 + std::ldexp(1.0f, -22)); // a warp's product is rounded once
}

} // namespace

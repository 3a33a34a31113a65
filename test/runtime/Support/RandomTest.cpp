#include "runtime/Support/Random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

using namespace kinema;

// The known answers of the authors' library Random123 (tests/kat_vectors, philox4x32 10).
TEST(Random, KnownAnswers) {
  using Words = random::Words;
  EXPECT_EQ(random::philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  uint32_t ones = 0xffffffff;
  EXPECT_EQ(random::philox({ones, ones, ones, ones}, {ones, ones}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(random::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, UniformIsInRangeWithMeanOneHalf) {
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    float value = random::uniform(7, 1, i);
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.015);
}

TEST(Random, NormalHasUnitVariance) {
  double sum = 0, squares = 0;
  for (int i = 0; i < 10000; ++i) {
    auto [a, b] = random::normals(7, 2, i);
    sum += a + b;
    squares += a * a + b * b;
  }
  EXPECT_NEAR(sum / 20000, 0, 0.03);
  EXPECT_NEAR(squares / 20000, 1, 0.04);
}

TEST(Random, BelowReachesEveryNumberAlike) {
  std::vector<int> seen(7, 0);
  for (int i = 0; i < 7000; ++i)
    ++seen.at(random::below(7, 1, 2, i));
  for (int count : seen)
    EXPECT_NEAR(count, 1000, 150);
}

TEST(Random, ShuffleIsAPermutationOfItsSeedAndStream) {
  auto shuffled = [](uint64_t seed, uint64_t stream) {
    std::vector<int> items(50);
    std::iota(items.begin(), items.end(), 0);
    random::shuffle(items, seed, stream);
    return items;
  };
  EXPECT_EQ(shuffled(1, 2), shuffled(1, 2));
  EXPECT_NE(shuffled(1, 2), shuffled(1, 3));
  EXPECT_NE(shuffled(1, 2), shuffled(2, 2));
  std::vector<int> items = shuffled(1, 2), sorted(50);
  std::sort(items.begin(), items.end());
  std::iota(sorted.begin(), sorted.end(), 0);
  EXPECT_EQ(items, sorted);
}

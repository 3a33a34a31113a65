#include "runtime/Support/Difference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace kinema;

namespace {

Difference compare(const std::vector<float> &found, const std::vector<float> &wanted,
                   const Arithmetic &arithmetic, Form form = Form::Whole, std::vector<int64_t> shape = {}) {
  if (shape.empty())
    shape = {static_cast<int64_t>(found.size())};
  return difference(merge(found, shape, form), merge(wanted, shape, form), form, arithmetic);
}

constexpr float notANumber = std::numeric_limits<float>::quiet_NaN();

} // namespace

TEST(Difference, SumsMayDifferByTheirDepth) {
  std::vector<float> wanted = {4, 1, -2};
  EXPECT_LE(compare({4, 1 + 3.9e-5f, -2}, wanted, {.depth = 10}).distance, 1);
  Difference far = compare({4, 1 + 4.5e-5f, -2 + 1}, wanted, {.depth = 10});
  EXPECT_EQ(far.different, 2);
  EXPECT_EQ(far.first, 1);
  EXPECT_EQ(far.worst, 2);
  EXPECT_EQ(compare({4, 1 + 4.5e-5f, -2}, wanted, {.depth = 1000}).different, 0);
}

TEST(Difference, BFloat16MayBeRoundedToTheNeighbour) {
  Arithmetic arithmetic{.narrow = true, .rounded = true};
  EXPECT_EQ(compare({100, 1.0078125f}, {100, 1}, arithmetic).different, 0);
  EXPECT_EQ(compare({100, 1.015625f}, {100, 1}, arithmetic).different, 1);
  EXPECT_EQ(compare({100, 1.0078125f}, {100, 1}, {}).different, 1);
}

TEST(Difference, AndSoMayF16) {
  Arithmetic arithmetic{.narrow = true, .rounded = true, .half = Half::F16};
  EXPECT_EQ(compare({100, 1.0009765625f}, {100, 1}, arithmetic).different, 0);
  EXPECT_EQ(compare({100, 1.00390625f}, {100, 1}, arithmetic).different, 1);
  EXPECT_EQ(compare({0x1p-15f + 0x1p-24f}, {0x1p-15f}, arithmetic).different, 0)
      << "small ones have fewer bits";
  EXPECT_EQ(compare({0x1p-15f + 0x1p-22f}, {0x1p-15f}, arithmetic).different, 1);
}

TEST(Difference, StatisticsOfRoundedValuesMayDifferByAPartOfOne) {
  constexpr float part = 0x1p-12f;
  EXPECT_EQ(compare({4, 1 + 3.9f * part}, {4, 1}, {.narrow = true}).different, 0);
  EXPECT_EQ(compare({4, 1 + 4.3f * part}, {4, 1}, {.narrow = true}).different, 1);
  EXPECT_EQ(compare({4, 1 + 3.9f * part}, {4, 1}, {}).different, 1);
}

TEST(Difference, SmallTensorsHaveSmallBounds) {
  EXPECT_EQ(compare({1e-9f, 2e-9f}, {1e-9f, 3e-9f}, {}).different, 1);
}

TEST(Difference, NaNsAreLikeEachOtherAlone) {
  EXPECT_EQ(compare({notANumber, 1}, {notANumber, 1}, {}).different, 0);
  Difference lost = compare({notANumber, 1}, {1, 1}, {});
  EXPECT_EQ(lost.different, 1);
  EXPECT_TRUE(std::isinf(lost.distance));
  EXPECT_EQ(compare({0, 1}, {notANumber, 1}, {}).different, 1);
}

TEST(Difference, NothingMayDifferWhereNothingIsMeasured) {
  EXPECT_EQ(compare({0, 0}, {0, 0}, {}).different, 0);
  EXPECT_EQ(compare({0, 1e-30f}, {0, 0}, {}).different, 1);
}

TEST(Difference, ResultsAreComparedAsTheyAreStored) {
  constexpr uint16_t one = 0x3F80, next = 0x3F81, afterNext = 0x3F82, large = 0x4300, lost = 0x7FC0;
  Arithmetic arithmetic{.narrow = true, .rounded = true};
  auto compareHalves = [&](std::vector<uint16_t> found, std::vector<uint16_t> wanted) {
    return difference(std::span<const uint16_t>(found), std::span<const uint16_t>(wanted), arithmetic);
  };
  EXPECT_EQ(compareHalves({one, next, lost}, {one, one, lost}).different, 0);
  Difference far = compareHalves({one, afterNext, lost}, {large, one, lost});
  EXPECT_EQ(far.different, 2);
  EXPECT_EQ(far.first, 0);
  std::vector<float> floats = {4, 1, -2}, others = {4, 1 + 4.5e-5f, -2};
  EXPECT_EQ(difference(std::span<const float>(others), floats, {.depth = 10}).distance,
            compare(others, floats, {.depth = 10}).distance);
}

TEST(Difference, PartsOfSumsAreAdded) {
  std::vector<int64_t> one = {1, 2}, three = {3, 2};
  Merged whole = merge(std::vector<float>{1, 5}, one, Form::Sums);
  Merged parts = merge(std::vector<float>{10, 2, -8, 2, -1, 1}, three, Form::Sums);
  EXPECT_EQ(parts.values, whole.values);
  EXPECT_EQ(parts.shape, (std::vector<int64_t>{2}));
  // What cancels is measured by what it is made of.
  EXPECT_EQ(parts.sizes, (std::vector<double>{19, 5}));
}

TEST(Difference, PartsOfMomentsAreMerged) {
  // 1 2 3 | 5 7 and nothing: count, mean, squared deviations of one channel.
  std::vector<int64_t> one = {1, 3, 1}, three = {3, 3, 1};
  Merged parts = merge(std::vector<float>{3, 2, 2, 0, 0, 0, 2, 6, 2}, three, Form::Moments);
  Merged whole = merge(std::vector<float>{5, 3.6f, 23.2f}, one, Form::Moments);
  EXPECT_EQ(difference(parts, whole, Form::Moments, {}).different, 0);
  EXPECT_EQ(parts.shape, (std::vector<int64_t>{3, 1}));
}

TEST(Difference, CountsAreExactAndMeansAreMeasuredBesideTheirSpread) {
  std::vector<int64_t> shape = {1, 3, 1};
  auto moments = [&](float count, float mean, float squares) {
    return merge(std::vector<float>{count, mean, squares}, shape, Form::Moments);
  };
  Arithmetic arithmetic{.narrow = true};
  Merged wanted = moments(1000, 0, 4000); // a standard deviation of 2
  EXPECT_EQ(difference(moments(1000, 0.01f, 4000), wanted, Form::Moments, arithmetic).different, 0);
  EXPECT_EQ(difference(moments(1000, 0.1f, 4000), wanted, Form::Moments, arithmetic).first, 1);
  EXPECT_EQ(difference(moments(1001, 0, 4000), wanted, Form::Moments, arithmetic).first, 0);
  EXPECT_EQ(difference(moments(1000, 0, 4100), wanted, Form::Moments, arithmetic).first, 2);
}

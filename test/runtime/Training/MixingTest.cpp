#include "runtime/Training/Mixing.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace kinema;
using ::testing::ElementsAre;

namespace {

TrainRecipe recipeOf(double mixup, double cutmix) {
  TrainRecipe recipe;
  recipe.mixup = mixup;
  recipe.cutmix = cutmix;
  return recipe;
}

// Counts clips from 0 in the hundreds and their values in the ones: [N, 1, 1, 2, 3].
std::vector<float> numberedClips(int64_t clips) {
  std::vector<float> values;
  for (int64_t clip = 0; clip < clips; ++clip)
    for (int64_t i = 0; i < 6; ++i)
      values.push_back(static_cast<float>(100 * clip + i));
  return values;
}

} // namespace

TEST(Mixing, IsAFunctionOfSeedEpochAndBatch) {
  const TrainRecipe recipe = recipeOf(0.8, 1);
  for (int64_t n = 0; n < 20; ++n) {
    const Mixing a = drawMixing(recipe, 3, n, 112, 112), b = drawMixing(recipe, 3, n, 112, 112);
    EXPECT_EQ(a.share, b.share);
    EXPECT_NE(a.share, drawMixing(recipe, 4, n, 112, 112).share);
  }
}

// The share has mean 1/2 and variance 1 / (4 (2 alpha + 1)), whatever alpha is.
TEST(Mixing, SharesFollowBeta) {
  for (double alpha : {0.01, 0.2, 0.8, 1.0, 4.0}) {
    constexpr int64_t draws = 4000;
    std::vector<double> shares;
    for (int64_t n = 0; n < draws; ++n)
      shares.push_back(drawBeta(alpha, 1, 2, n * 4096));
    const double mean = std::accumulate(shares.begin(), shares.end(), 0.0) / draws;
    double variance = 0, fourth = 0;
    for (double share : shares) {
      EXPECT_TRUE(share >= 0 && share <= 1) << share;
      variance += std::pow(share - mean, 2) / draws;
      fourth += std::pow(share - mean, 4) / draws;
    }
    const double expected = 1 / (4 * (2 * alpha + 1)), kurtosis = 3 - 6 / (2 * alpha + 3);
    EXPECT_NEAR(mean, 0.5, 4 * std::sqrt(expected / draws)) << alpha;
    EXPECT_NEAR(variance, expected, 4 * expected * std::sqrt(std::abs(kurtosis - 1) / draws) + 1e-3) << alpha;
    EXPECT_NEAR(fourth / expected / expected, kurtosis, 0.3) << alpha;
  }
}

TEST(Mixing, HappensAsOftenAsTheRecipeSays) {
  TrainRecipe recipe = recipeOf(1, 1);
  recipe.mixProbability = 0.5;
  recipe.mixSwitch = 0.25;
  int64_t blends = 0, exchanges = 0;
  for (int64_t n = 0; n < 4000; ++n) {
    const Mixing mixing = drawMixing(recipe, 0, n, 112, 112);
    blends += mixing.kind == Mixing::Kind::Blend;
    exchanges += mixing.kind == Mixing::Kind::Exchange;
  }
  EXPECT_NEAR(static_cast<double>(blends) / 4000, 0.375, 0.03);
  EXPECT_NEAR(static_cast<double>(exchanges) / 4000, 0.125, 0.03);
  EXPECT_EQ(drawMixing(recipeOf(0, 0), 0, 0, 112, 112).kind, Mixing::Kind::None);
}

// torch: x * share + x.flip(0) * (1 - share), bit for bit, of the clips that count.
TEST(Mixing, BlendsClipsWithThoseFromTheEnd) {
  std::vector<float> clips = numberedClips(4);
  const std::vector<int64_t> shape = {4, 1, 1, 2, 3};
  mixClips({.kind = Mixing::Kind::Blend, .share = 0.3, .rectangle = {}}, clips, shape, 3);
  const auto own = static_cast<float>(0.3), other = static_cast<float>(0.7);
  for (int64_t i = 0; i < 6; ++i) {
    const auto x = static_cast<float>(i), y = static_cast<float>(200 + i);
    EXPECT_EQ(clips[i], own * x + other * y);
    EXPECT_EQ(clips[6 + i], static_cast<float>(100 + i)) << "the middle one has no partner";
    EXPECT_EQ(clips[12 + i], own * y + other * x);
    EXPECT_EQ(clips[18 + i], static_cast<float>(300 + i)) << "it does not count";
  }
}

TEST(Mixing, ExchangesARectangle) {
  std::vector<float> clips = numberedClips(2);
  const std::vector<int64_t> shape = {2, 1, 1, 2, 3};
  mixClips({.kind = Mixing::Kind::Exchange, .share = 0, .rectangle = {0, 1, 1, 3}}, clips, shape, 2);
  EXPECT_THAT(clips, ElementsAre(0, 101, 102, 3, 4, 5, 100, 1, 2, 103, 104, 105));
}

// The share of labels is that of the area which is really exchanged.
TEST(Mixing, ARectangleHasItsShare) {
  for (int64_t n = 0; n < 500; ++n) {
    const Mixing mixing = drawMixing(recipeOf(0, 1), 0, n, 7, 11);
    const auto &[top, bottom, left, right] = mixing.rectangle;
    ASSERT_TRUE(0 <= top && top <= bottom && bottom <= 7 && 0 <= left && left <= right && right <= 11);
    EXPECT_DOUBLE_EQ(mixing.share, 1 - static_cast<double>((bottom - top) * (right - left)) / 77);
  }
}

TEST(Mixing, LabelsGoWithTheirClips) {
  std::vector<ClipLabels> labels = {{{4}}, {{5}}, {{6}}, {}};
  mixLabels({.kind = Mixing::Kind::Blend, .share = 0.75, .rectangle = {}}, labels, 3);
  ASSERT_EQ(labels[0].size(), 2u);
  EXPECT_EQ(labels[0][0].label, 4);
  EXPECT_EQ(labels[0][0].share, 0.75);
  EXPECT_EQ(labels[0][1].label, 6);
  EXPECT_EQ(labels[0][1].share, 0.25);
  ASSERT_EQ(labels[1].size(), 1u);
  EXPECT_EQ(labels[1][0].share, 1);
  EXPECT_EQ(labels[2][0].label, 6);
  EXPECT_TRUE(labels[3].empty());
}

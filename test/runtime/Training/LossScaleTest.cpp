#include "runtime/Training/LossScale.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

using namespace kinema;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

// Returns the scale that the next step of a training is told, which ends an update unless it is said not to.
double nextScale(LossScale &scale, bool endsUpdate = true) {
  Hyper hyper{.share = 0.5f, .apply = endsUpdate ? 1.0f : 0.0f};
  scale.tell(hyper);
  EXPECT_EQ(hyper.share * hyper.lossScale, 0.5f) << "gradients lose the scale where they are added up";
  return hyper.lossScale;
}

} // namespace

TEST(LossScale, OfABrokenUpdateIsHalvedForTheSecondOneBehindIt) {
  const TrainRecipe recipe;
  LossScale scale = LossScale::of(recipe);
  EXPECT_EQ(nextScale(scale), 65536);
  EXPECT_EQ(nextScale(scale), 65536);
  scale.found(infinite, recipe);
  EXPECT_EQ(nextScale(scale), 32768);
  scale.found(std::nan(""), recipe); // of the second update, which had the same scale as the first
  EXPECT_EQ(nextScale(scale), 32768);
  scale.found(infinite, recipe);
  EXPECT_EQ(nextScale(scale), 16384);
  scale.found(1, recipe);
  EXPECT_EQ(nextScale(scale), 16384);
  EXPECT_EQ(scale.skipped, 3);
}

TEST(LossScale, IsDoubledAfterManySoundUpdates) {
  const TrainRecipe recipe;
  LossScale scale = LossScale::of(recipe);
  for (int64_t update = 0; update < LossScale::growthInterval; ++update) {
    EXPECT_EQ(nextScale(scale), 65536);
    scale.found(1, recipe);
  }
  EXPECT_EQ(nextScale(scale), 65536);
  EXPECT_EQ(nextScale(scale), 131072);
}

TEST(LossScale, IsTheSameForAllBatchesOfAnUpdate) {
  const TrainRecipe recipe;
  LossScale scale = LossScale::of(recipe);
  nextScale(scale);
  scale.found(infinite, recipe);
  EXPECT_EQ(nextScale(scale, false), 65536);
  EXPECT_EQ(nextScale(scale), 65536);
  EXPECT_EQ(nextScale(scale, false), 32768);
}

// A training that saves a checkpoint learns earlier of its last update than one that goes on.
TEST(LossScale, DoesNotDependOnWhenAnUpdateIsHeardOf) {
  const TrainRecipe recipe;
  LossScale early = LossScale::of(recipe), late = early;
  std::vector<double> ofEarly, ofLate;
  constexpr double norms[] = {1, infinite, 1, infinite, infinite, 1, 1};
  for (size_t update = 0; update < std::size(norms); ++update) {
    ofEarly.push_back(nextScale(early));
    early.found(norms[update], recipe);
    ofLate.push_back(nextScale(late));
    if (update > 0)
      late.found(norms[update - 1], recipe);
  }
  EXPECT_EQ(ofEarly, ofLate);
  EXPECT_EQ(ofEarly.back(), 16384);
}

TEST(LossScale, StaysAsTheRecipeNamesIt) {
  TrainRecipe recipe;
  recipe.lossScale = 128;
  LossScale scale = LossScale::of(recipe);
  for (double norm : {1.0, infinite, infinite}) {
    EXPECT_EQ(nextScale(scale), 128);
    scale.found(norm, recipe);
  }
  EXPECT_EQ(nextScale(scale), 128);
}

TEST(LossScale, IsARecipesOwnFromWhereItIsGiven) {
  TrainRecipe recipe;
  LossScale scale = LossScale::of(recipe);
  recipe.lossScale = 1024;
  scale.follow(recipe);
  EXPECT_EQ(nextScale(scale), 1024);
  scale.found(infinite, recipe);
  EXPECT_EQ(nextScale(scale), 1024);
  EXPECT_EQ(nextScale(scale), 1024);
}

TEST(LossScale, CannotHelpWhereTheLeastOneDoesNot) {
  const TrainRecipe recipe;
  LossScale scale = LossScale::of(recipe);
  double told = nextScale(scale);
  for (; told > 1; told = nextScale(scale))
    EXPECT_TRUE(scale.found(infinite, recipe)) << told;
  EXPECT_FALSE(scale.found(infinite, recipe));
  EXPECT_EQ(scale.coming.size(), 2u) << "the next step may be told its scale all the same";
}

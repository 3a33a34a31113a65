#include "runtime/Training/Schedule.h"

#include <gtest/gtest.h>

using namespace kinema;

TEST(Schedule, ThePapersRecipe) {
  TrainRecipe recipe; // 0.01, 10 epochs of warm-up, then /10 every 10
  auto rate = [&](int64_t epoch, int64_t batch = 0) { return learningRate(recipe, epoch, batch, 100); };
  EXPECT_NEAR(rate(0, 0), 0.01 / 1000, 1e-12);
  EXPECT_NEAR(rate(4, 99), 0.005, 1e-12);
  EXPECT_NEAR(rate(9, 99), 0.01, 1e-12);
  EXPECT_NEAR(rate(10), 0.01, 1e-12);
  EXPECT_NEAR(rate(19, 99), 0.01, 1e-12);
  EXPECT_NEAR(rate(20), 0.001, 1e-12);
  EXPECT_NEAR(rate(30), 1e-4, 1e-12);
  EXPECT_NEAR(rate(44, 99), 1e-5, 1e-12);
}

TEST(Schedule, StepsByHand) {
  TrainRecipe recipe;
  recipe.warmup = 0;
  recipe.rate = 1;
  recipe.at = {2, 3.5};
  recipe.factor = 0.5;
  auto rate = [&](int64_t epoch, int64_t batch) { return learningRate(recipe, epoch, batch, 10); };
  EXPECT_EQ(rate(0, 0), 1);
  EXPECT_EQ(rate(1, 9), 1);
  EXPECT_EQ(rate(2, 0), 0.5);
  EXPECT_EQ(rate(3, 4), 0.5);
  EXPECT_EQ(rate(3, 5), 0.25);
}

TEST(Schedule, Constant) {
  TrainRecipe recipe;
  recipe.warmup = 0;
  recipe.every = 0;
  EXPECT_EQ(learningRate(recipe, 0, 0, 1), 0.01);
  EXPECT_EQ(learningRate(recipe, 1000, 0, 1), 0.01);
}

TEST(Schedule, WarmupLongerThanOneEpochOfOneBatch) {
  TrainRecipe recipe;
  recipe.warmup = 2;
  EXPECT_NEAR(learningRate(recipe, 0, 0, 1), 0.005, 1e-12);
  EXPECT_NEAR(learningRate(recipe, 1, 0, 1), 0.01, 1e-12);
}

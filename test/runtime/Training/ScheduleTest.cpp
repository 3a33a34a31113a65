#include "runtime/Training/Schedule.h"

#include <gmock/gmock.h>

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

// Returns the rates of the 12 steps of 3 epochs.
std::vector<double> ratesOf(TrainRecipe recipe) {
  recipe.rate = 0.1;
  recipe.epochs = 3;
  std::vector<double> rates;
  for (int64_t epoch = 0; epoch < 3; ++epoch)
    for (int64_t batch = 0; batch < 4; ++batch)
      rates.push_back(learningRate(recipe, epoch, batch, 4));
  return rates;
}

// The expected values are those of PyTorch's CosineAnnealingLR(eta_min=0.001), PolynomialLR(power=0.9) and
// OneCycleLR(pct_start=0.25, final_div_factor=100, cycle_momentum=False).
TEST(Schedule, AgreesWithPyTorch) {
  using testing::DoubleNear;
  using testing::Pointwise;
  TrainRecipe recipe;
  recipe.warmup = 0;
  recipe.schedule = "cosine";
  recipe.to = 0.01;
  EXPECT_THAT(ratesOf(recipe),
              Pointwise(DoubleNear(1e-8), {0.1, 0.09831333, 0.09336826, 0.08550179, 0.07525, 0.06331154,
                                           0.0505, 0.03768846, 0.02575, 0.01549821, 0.00763174, 0.00268667}));
  recipe.schedule = "polynomial";
  recipe.to = 0;
  recipe.power = 0.9;
  EXPECT_THAT(ratesOf(recipe), Pointwise(DoubleNear(1e-8), {0.1, 0.09246775, 0.08486661, 0.07718895,
                                                            0.06942532, 0.06156376, 0.05358867, 0.04547889,
                                                            0.03720411, 0.02871746, 0.01993719, 0.01068407}));
  recipe.schedule = "one_cycle";
  recipe.warmupSteps = 3;
  recipe.from = 0.04;
  recipe.to = 0.0004;
  EXPECT_THAT(ratesOf(recipe),
              Pointwise(DoubleNear(1e-8), {0.004, 0.052, 0.1, 0.09698584, 0.0883069, 0.07501, 0.05869894,
                                           0.04134106, 0.02503, 0.0117331, 0.00305416, 4e-05}));
}

TEST(Schedule, WarmupInStepsFromAShare) {
  TrainRecipe recipe;
  recipe.warmup = 100; // which the steps override
  recipe.warmupSteps = 6;
  recipe.from = 0.4;
  recipe.schedule = "cosine";
  const std::vector<double> rates = ratesOf(recipe);
  EXPECT_NEAR(rates[0], 0.05, 1e-12);
  EXPECT_NEAR(rates[2], 0.07, 1e-12);
  EXPECT_NEAR(rates[5], 0.1, 1e-12);
  EXPECT_NEAR(rates[6], 0.1, 1e-12);
  EXPECT_NEAR(rates[9], 0.05, 1e-12);
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

TEST(Schedule, AdamWsMeansBeginAtZero) {
  TrainRecipe recipe;
  recipe.beta1 = 0.9;
  recipe.beta2 = 0.99;
  UpdateCount count;
  Hyper first = nextHyper(recipe, count), second = nextHyper(recipe, count);
  EXPECT_FLOAT_EQ(first.meanGain, 0.1f);
  EXPECT_FLOAT_EQ(first.squareGain, 0.01f);
  EXPECT_FLOAT_EQ(first.meanScale, 10);
  EXPECT_FLOAT_EQ(first.squareScale, 10);
  EXPECT_FLOAT_EQ(second.meanScale, 1 / 0.19f);
  EXPECT_FLOAT_EQ(second.squareScale, 1 / std::sqrt(0.0199f));
  EXPECT_EQ(count.updates, 2);
}

TEST(Schedule, SeveralBatchesMakeAnUpdate) {
  TrainRecipe recipe;
  recipe.accumulate = 3;
  recipe.average = 0.75;
  UpdateCount count;
  std::vector<float> keep, apply, gain;
  for (int step = 0; step < 7; ++step) {
    Hyper hyper = nextHyper(recipe, count);
    EXPECT_FLOAT_EQ(hyper.share, 1.0f / 3);
    keep.push_back(hyper.keep);
    apply.push_back(hyper.apply);
    gain.push_back(hyper.averageGain);
  }
  EXPECT_EQ(keep, (std::vector<float>{0, 1, 1, 0, 1, 1, 0}));
  EXPECT_EQ(apply, (std::vector<float>{0, 0, 1, 0, 0, 1, 0}));
  EXPECT_EQ(gain, (std::vector<float>{1, 1, 1, 0.25, 0.25, 0.25, 0.25})) << "the first takes all";
  EXPECT_EQ(count.updates, 2);
  EXPECT_EQ(count.batches, 1);
}

TEST(Schedule, ARateIsForSoManyClips) {
  TrainRecipe recipe{.batch = 32, .accumulate = 2, .rate = 0.01, .rateBatch = 64, .warmup = 0, .every = 0};
  EXPECT_EQ(learningRate(recipe, 0, 0, 1), 0.01);
  EXPECT_DOUBLE_EQ(learningRate(recipe, 0, 0, 1, 4), 0.04);
  recipe.rateBatch = 256;
  EXPECT_DOUBLE_EQ(learningRate(recipe, 0, 0, 1), 0.0025);
  recipe.rateBatch = 0;
  EXPECT_EQ(learningRate(recipe, 0, 0, 1, 4), 0.01);
}

#include "runtime/Training/Schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace kinema {
namespace {

// Falls from 1 to 0 by half a cosine while p goes from 0 to 1.
double halfCosine(double p) { return (1 + std::cos(std::numbers::pi * p)) / 2; }

double mixed(double from, double to, double share) { return from + (to - from) * share; }

// Returns the share of the rate that is left at `done` epochs, of which `warmup` were the warm-up.
double stepped(const TrainRecipe &recipe, double done, double warmup) {
  double steps = 0;
  for (double at : recipe.at)
    steps += done >= at;
  if (recipe.at.empty() && recipe.every > 0)
    steps = std::floor((done - warmup) / recipe.every);
  return std::pow(recipe.factor, steps);
}

// Returns the share of the rate at `step` of `all`; the last step of the warm-up has all of it, and the last
// step of all has what is to be left.
double oneCycle(const TrainRecipe &recipe, double step, double warmup, double all) {
  const double top = std::max(0.0, warmup - 1);
  if (step < top)
    return mixed(1, recipe.from, halfCosine(step / top));
  const double p = all - 1 > top ? std::min(1.0, (step - top) / (all - 1 - top)) : 0;
  return mixed(recipe.to, 1, halfCosine(p));
}

} // namespace

static double fullRate(const TrainRecipe &recipe, int ranks) {
  if (recipe.rateBatch == 0)
    return recipe.rate;
  const auto clips = static_cast<double>(recipe.batch * recipe.accumulate * ranks);
  return recipe.rate * clips / static_cast<double>(recipe.rateBatch);
}

double learningRate(const TrainRecipe &recipe, int64_t epoch, int64_t batch, int64_t batches, int ranks) {
  const double rate = fullRate(recipe, ranks);
  const auto ofEpoch = static_cast<double>(batches), step = static_cast<double>(epoch * batches + batch);
  const double done = static_cast<double>(epoch) + static_cast<double>(batch) / ofEpoch;
  const double warmup =
      recipe.warmupSteps > 0 ? static_cast<double>(recipe.warmupSteps) / ofEpoch : recipe.warmup; // in epochs
  const double all = static_cast<double>(recipe.epochs);
  if (recipe.schedule == "one_cycle")
    return rate * oneCycle(recipe, step, warmup * ofEpoch, all * ofEpoch);
  if (done < warmup) {
    const double withThisStep = static_cast<double>(epoch) + static_cast<double>(batch + 1) / ofEpoch;
    return rate * mixed(recipe.from, 1, std::min(1.0, withThisStep / warmup));
  }
  if (recipe.schedule == "steps")
    return rate * stepped(recipe, done, warmup);
  const double p = all > warmup ? std::min(1.0, (done - warmup) / (all - warmup)) : 1;
  const double left = recipe.schedule == "cosine" ? halfCosine(p) : std::pow(1 - p, recipe.power);
  return rate * mixed(recipe.to, 1, left);
}

Hyper nextHyper(const TrainRecipe &recipe, UpdateCount &count) {
  const auto t = static_cast<double>(count.updates + 1);
  const bool applies = count.batches + 1 >= recipe.accumulate;
  Hyper hyper{.momentum = static_cast<float>(recipe.momentum),
              .nesterov = recipe.nesterov ? 1.0f : 0.0f,
              .decay = static_cast<float>(recipe.decay),
              .meanGain = static_cast<float>(1 - recipe.beta1),
              .squareGain = static_cast<float>(1 - recipe.beta2),
              .meanScale = static_cast<float>(1 / (1 - std::pow(recipe.beta1, t))),
              .squareScale = static_cast<float>(1 / std::sqrt(1 - std::pow(recipe.beta2, t))),
              .epsilon = static_cast<float>(recipe.epsilon),
              .trust = static_cast<float>(recipe.trust),
              .keep = count.batches > 0 ? 1.0f : 0.0f,
              .share = static_cast<float>(1 / static_cast<double>(recipe.accumulate)),
              .apply = applies ? 1.0f : 0.0f,
              .averageGain = count.updates > 0 ? static_cast<float>(1 - recipe.average) : 1.0f};
  count.updates += applies;
  count.batches = applies ? 0 : count.batches + 1;
  return hyper;
}

void setDraws(Hyper &hyper, uint64_t seed, int64_t step) {
  constexpr int64_t wholeFloats = int64_t{1} << 24;
  hyper.seed = static_cast<float>(seed % wholeFloats);
  hyper.step = static_cast<float>(step % wholeFloats);
}

} // namespace kinema

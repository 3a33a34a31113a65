// Computes what a recipe tells each step of a training: the learning rate and the numbers of SGD.
#pragma once

#include "runtime/Package/Hyper.h"
#include "runtime/Package/Recipe.h"

#include <cmath>
#include <cstdint>

namespace kinema {

// Returns the rate of a step: linear from near 0 to `rate` over the warm-up epochs, then multiplied by
// `factor` at each of the epochs `at` or, where that is empty, after every `every` epochs counted from the
// end of the warm-up. `epoch` and `batch` count from 0; an epoch has `batches`.
inline double learningRate(const TrainRecipe &recipe, int64_t epoch, int64_t batch, int64_t batches) {
  double done = static_cast<double>(epoch) + static_cast<double>(batch) / static_cast<double>(batches);
  double withThisStep =
      static_cast<double>(epoch) + static_cast<double>(batch + 1) / static_cast<double>(batches);
  if (done < recipe.warmup)
    return recipe.rate * std::fmin(1.0, withThisStep / recipe.warmup);
  double steps = 0;
  for (double at : recipe.at)
    steps += done >= at;
  if (recipe.at.empty() && recipe.every > 0)
    steps = std::floor((done - recipe.warmup) / recipe.every);
  return recipe.rate * std::pow(recipe.factor, steps);
}

// Returns what the recipe tells each step; rate, seed and number of the step are the caller's.
inline Hyper hyperOf(const TrainRecipe &recipe) {
  return {.momentum = static_cast<float>(recipe.momentum),
          .nesterov = recipe.nesterov ? 1.0f : 0.0f,
          .decay = static_cast<float>(recipe.decay)};
}

} // namespace kinema

// Computes what a recipe tells each step of a training: the learning rate and the numbers of the optimiser.
#pragma once

#include "runtime/Package/Hyper.h"
#include "runtime/Package/Recipe.h"

#include <cstdint>

namespace kinema {

// Returns the rate of a step of a training of recipe.epochs epochs. Over the warm-up it grows from
// recipe.from of `rate` to `rate`; then it follows the schedule:
//   steps       times `factor` at each of the epochs `at` or, where that is empty, after every `every` epochs
//               counted from the end of the warm-up
//   cosine      rate * (to + (1 - to) * (1 + cos(pi * p)) / 2), p being the share of the steps after the
//               warm-up that are done (Loshchilov and Hutter, "SGDR", 2017, without restarts)
//   polynomial  rate * (to + (1 - to) * (1 - p)^power)
//   one_cycle   half a cosine up and half a cosine down, both ends of which are steps (Smith and Topin,
//               "Super-Convergence", 2018; PyTorch's OneCycleLR, whose momentum stays)
// `epoch` and `batch` count from 0; an epoch has `batches`. Where recipe.rateBatch says for how many clips
// `rate` is meant, an update by so many `ranks` has it in proportion to its own (Goyal et al., "Accurate,
// Large Minibatch SGD", 2017).
double learningRate(const TrainRecipe &recipe, int64_t epoch, int64_t batch, int64_t batches, int ranks = 1);

// Counts the updates that are done, and the batches whose gradients are summed up for the next one. A batch
// of which nothing could be read counts as none.
struct UpdateCount {
  int64_t updates = 0, batches = 0;
};

// Returns what the recipe tells the next step, and counts it. Rate, seed and number of the step are the
// caller's.
Hyper nextHyper(const TrainRecipe &recipe, UpdateCount &count);

// Tells a step what its random numbers, those of dropouts, follow from: the seed, and the number of the step.
void setDraws(Hyper &hyper, uint64_t seed, int64_t step);

} // namespace kinema

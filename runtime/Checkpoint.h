// All that a training needs to go on bit for bit after it was stopped, in one safetensors file: parameters
// under their names, "momentum.NAME", and the rest as metadata.
#pragma once

#include "runtime/Metrics.h"
#include "runtime/Program.h"
#include "runtime/Recipe.h"

#include <cstdint>
#include <string>

namespace kinema {

// Where a training stands. Random numbers need no state: they are functions of the seed (in the recipe) and
// of these.
struct TrainingState {
  int64_t epoch = 0;      // of the next step, from 0
  int64_t batch = 0;      // of the next step in that epoch: the loader's position
  ClipMetrics sums;       // of the epoch so far
  double best = -1;       // the best accuracy on the test list
  int64_t bestEpoch = -1; // its epoch
};

// Writes in full or not at all.
void saveCheckpoint(Program &program, const TrainingState &state, const Recipe &recipe,
                    const std::string &path);

// Loads parameters and momentum into the program. `recipe` becomes the one the checkpoint was trained with.
// Throws Error if the file is no checkpoint or of another package.
TrainingState loadCheckpoint(Program &program, const std::string &path, Recipe &recipe);

// Whether a file's tensors are a checkpoint's; their momentum is no weight.
bool isCheckpoint(const TensorFile &file);

} // namespace kinema

// Runs a package on tensors from a file and writes its results to a file, for comparison with other
// frameworks.
#pragma once

#include "runtime/Program/Program.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kinema {

struct RunOptions {
  std::string weights; // a safetensors file; empty: initialised from the seed
  // This file holds "input" [N, C, T, H, W] float32 (for a network with several inputs, each under its name)
  // and, for a step, "labels" [N] int64 or int32, or "targets" [N, classes] where the package takes them; and
  // "class_weights" [classes] where classes weigh differently.
  std::string input;
  std::string output;
  std::string names;                           // of the weights in both files, as findNaming takes them
  int64_t steps = 0;                           // of training on this batch; 0: evaluation
  std::vector<std::string> layers;             // whose features are written too
  uint64_t seed = 1;                           // for the initialisation
  std::optional<double> rate, momentum, decay; // these replace the recipe's
};

// Writes "logits" [N, classes], or "probabilities" where the network ends in them, and "features.LAYER" [N,
// C] of each of the layers; with `steps`, from the last of them, "logits", of probabilities their logarithms,
// "loss" [], "grad.NAME" where the package was compiled to keep it, every updated parameter under its name,
// and its states as "momentum.NAME" and the like. Throws Error.
void runTensors(Program &program, const RunOptions &options);

} // namespace kinema

// `run`: tensors in, tensors out, for comparison with other frameworks.
#pragma once

#include "runtime/Program/Program.h"

#include <cstdint>
#include <optional>
#include <string>

namespace kinema {

struct RunOptions {
  std::string weights; // safetensors; empty: initialised from the seed
  // "input" [N, C, T, H, W] float32 (of a network with several: each under its name) and, for a step,
  // "labels" [N] int64 or int32.
  std::string input;
  std::string output;
  std::string names;                           // "" or "torchvision": names of the weights in both files
  bool step = false;                           // one step of SGD in training mode instead of evaluation
  uint64_t seed = 1;                           // of the initialisation
  std::optional<double> rate, momentum, decay; // instead of the recipe's
};

// Writes "logits" [N, classes]; with `step` also "loss" [], "grad.NAME" where the package was compiled to
// keep it, and every parameter as updated, under its name. Throws Error.
void runTensors(Program &program, const RunOptions &options);

} // namespace kinema

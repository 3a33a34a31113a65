// Says how a training gets on by many ranks, by the model of runtime/Training/ScaleModel.h.
#pragma once

#include "runtime/Package/Manifest.h"

#include <cstdint>
#include <string>

namespace kinema {

struct ScaleOptions {
  int64_t ranks = 0;
  std::string network = "nvlink"; // as findNetwork takes it
  std::string compress = "none";  // or bf16: how ranks send gradients
  double stepMilliseconds = 0;    // of one rank; 0: as the package's model of its target has it
};

// Prints how long a step takes with buckets of several sizes, what bounds it, and which size is best. Throws
// Error where the package is not a distributed one, or does not say how long its launches take.
void printScale(const Manifest &manifest, const ScaleOptions &options, bool asJson);

} // namespace kinema

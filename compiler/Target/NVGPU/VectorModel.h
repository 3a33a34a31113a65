// The model of time of convs of vectors and their weight gradients.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_VECTORMODEL_H
#define KINEMA_COMPILER_TARGET_NVGPU_VECTORMODEL_H

#include "compiler/Target/NVGPU/StencilModel.h"

namespace kinema::nvidia {

/// States what such a kernel asks of the machine.
struct VectorWork {
  int64_t blocks, threads;
  int64_t values; // that a thread holds: accumulators and what is multiplied
  int64_t sharedBytes;
  double instructions = 0; // of a thread, until it has its sums
  double last = 0;         // of a thread, from there on
  double loaded = 0;       // bytes of a block that have to come from memory
  double atOnce = 0;       // of these, bytes that are under way at a time
  double cached = 0;       // bytes of a block that pass through L2
  double memory = 0;       // bytes of the launch
};

/// Returns how many registers ptxas gives a thread that holds so many values.
int64_t registersOfVectors(int64_t values);

/// Returns the same for the model of all kernels.
Work workOfVectors(const VectorWork &work, const Processor &processor);

} // namespace kinema::nvidia

#endif

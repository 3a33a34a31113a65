// The model of time of stencils: instructions, counted as ptxas makes them, and what hides them.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_STENCILMODEL_H
#define KINEMA_COMPILER_TARGET_NVGPU_STENCILMODEL_H

#include "compiler/Target/NVGPU/Model.h"
#include "compiler/Target/NVGPU/StencilPlan.h"

namespace kinema::nvidia {

/// States what a stencil asks of the machine.
struct StencilWork {
  int64_t blocks, threads;
  int64_t accumulators; // of a thread
  int64_t sharedBytes;
  double chunks = 0, instructions = 0, cached = 0; // of a block: instructions of each thread, bytes
  double memory = 0;                               // bytes of the launch
};

/// Returns the blocks that share a multiprocessor, whose threads have so many registers.
int64_t residentBlocks(int64_t threads, int64_t registersOfThread, int64_t sharedBytes,
                       const Processor &processor);

/// Returns the same for the model of all kernels.
Work workOfStencil(const StencilWork &work, const Processor &processor);

/// Counts what a region computes for an element, in instructions. Numbers are rounded in pairs.
double operationsOf(mlir::Region &region);

/// Counts the instructions of a thread that bring a chunk to shared memory and transform it.
double instructionsOfChunk(const kernel::AccessRegion &prologue, const StencilRing &ring);
/// Returns the bytes that pass through L2 for a chunk: whole sectors of its rows.
double bytesOfChunk(const StencilRing &ring);

} // namespace kinema::nvidia

#endif

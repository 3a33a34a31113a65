// Writes the contractions' inner loops where the processor multiplies vectors: of f32s, or of pairs of
// bfloat16.
#ifndef KINEMA_COMPILER_TARGET_CPU_VECTORTILE_H
#define KINEMA_COMPILER_TARGET_CPU_VECTORTILE_H

#include "compiler/Target/CPU/MicroKernels.h"

namespace kinema::cpu {

/// Writes the body of a ConvTile's function: `depth` channels, or pairs, of each source block.
void emitVectorConvTile(KernelEmitter &e, Factors factors, const ConvTile &arguments, int64_t blocks,
                        int64_t depth);

/// Writes the body of a WeightGradTile's function: `depth` of the `reduce` channels of an activation block.
void emitVectorWeightGradTile(KernelEmitter &e, Factors factors, const WeightGradTile &arguments,
                              int64_t blocks, int64_t reduce, int64_t depth);

} // namespace kinema::cpu

#endif

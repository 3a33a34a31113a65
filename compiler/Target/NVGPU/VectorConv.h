// Computes a conv whose source or result has one position a clip: a product of vectors with a matrix of
// weights, whose bytes are what takes time.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_VECTORCONV_H
#define KINEMA_COMPILER_TARGET_NVGPU_VECTORCONV_H

#include "compiler/Target/NVGPU/Strategies.h"
#include "compiler/Target/NVGPU/VectorPlan.h"

namespace kinema::nvidia {

/// Returns the best schedules of a conv; none where it is no conv of vectors, or its weights do not lie in
/// vectors.
llvm::SmallVector<Candidate> vectorCandidates(kernel::ConvOp op, const Processor &processor);

/// Predicts the seconds of a conv that has such a schedule.
Prediction predictVectors(kernel::ConvOp op, const Processor &processor);

/// Returns the schedule by the parameters of the op's own (Strategy::remake).
kernel::ScheduleAttr remakeVectors(kernel::ConvOp op, const Processor &processor,
                                   ScheduleParameters &parameters);

/// Returns the schedule with a given tile, which must fit.
kernel::ScheduleAttr vectorSchedule(kernel::ConvOp op, const VectorTile &tile);

/// Writes the kernel's body. The emitter has begun its function, and its scratch is the block's shared
/// memory.
void emitVectors(kernel::ConvOp op, KernelEmitter &e);

} // namespace kinema::nvidia

#endif

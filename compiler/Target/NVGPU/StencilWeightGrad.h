// Computes the weight gradient of a depthwise conv as a stencil: gradient and activation pass through shared
// memory once, and threads slide along their rows with the sums of all taps in registers.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_STENCILWEIGHTGRAD_H
#define KINEMA_COMPILER_TARGET_NVGPU_STENCILWEIGHTGRAD_H

#include "compiler/Target/NVGPU/StencilWeightGradPlan.h"
#include "compiler/Target/NVGPU/Strategies.h"

namespace kinema::nvidia {

/// Returns the best schedules of a weight gradient; none where the conv is not depthwise, or does not lie in
/// blocks.
llvm::SmallVector<Candidate> stencilWeightGradCandidates(kernel::WeightGradOp op, const Processor &processor);

/// Predicts the seconds of a weight gradient that has such a schedule.
Prediction predictStencilWeightGrad(kernel::WeightGradOp op, const Processor &processor);

/// Returns the schedule by the parameters of the op's own (Strategy::remake).
kernel::ScheduleAttr remakeStencilWeightGrad(kernel::WeightGradOp op, const Processor &processor,
                                             ScheduleParameters &parameters);

/// Returns the schedule with a given tile, which must fit.
kernel::ScheduleAttr stencilWeightGradSchedule(kernel::WeightGradOp op, const StencilWeightGradTile &tile);

/// Writes the kernel's body. The emitter has begun its function, and its scratch is the block's shared
/// memory.
void emitStencilWeightGrad(kernel::WeightGradOp op, KernelEmitter &e);

} // namespace kinema::nvidia

#endif

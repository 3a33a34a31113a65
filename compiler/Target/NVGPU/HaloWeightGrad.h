// Computes the weight gradient of a conv on Hopper's tensor cores: a warpgroup stages gradient and activation
// through their prologues, and two or three others contract them over positions.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_HALOWEIGHTGRAD_H
#define KINEMA_COMPILER_TARGET_NVGPU_HALOWEIGHTGRAD_H

#include "compiler/Target/NVGPU/HaloWeightGradPlan.h"
#include "compiler/Target/NVGPU/Strategies.h"

namespace kinema::nvidia {

/// Returns the best schedules of a weight gradient; none where the template does not apply.
llvm::SmallVector<Candidate> haloWeightGradCandidates(kernel::WeightGradOp op, const Processor &processor);

/// Predicts the seconds of a weight gradient that has such a schedule.
Prediction predictHaloWeightGrad(kernel::WeightGradOp op, const Processor &processor);

/// Returns the schedule that the op's own parameters lead to (Strategy::remake).
kernel::ScheduleAttr remakeHaloWeightGrad(kernel::WeightGradOp op, const Processor &processor,
                                          ScheduleParameters &parameters);

/// Returns the schedule with a given tile, which must fit.
kernel::ScheduleAttr haloWeightGradSchedule(kernel::WeightGradOp op, const HaloWeightGradTile &tile);

/// Returns the plan that the op's schedule stands for.
HaloWeightGradPlan haloWeightGradPlanOf(kernel::WeightGradOp op);

/// Writes the kernel's body. The emitter has begun its function, and its scratch is the block's shared
/// memory.
void emitHaloWeightGrad(kernel::WeightGradOp op, KernelEmitter &e);

} // namespace kinema::nvidia

#endif

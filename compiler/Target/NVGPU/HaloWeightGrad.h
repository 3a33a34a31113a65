// The weight gradient of a conv on Hopper's tensor cores: a warpgroup stages gradient and activation through
// their prologues, two or three others contract them over positions.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_HALOWEIGHTGRAD_H
#define KINEMA_COMPILER_TARGET_NVGPU_HALOWEIGHTGRAD_H

#include "compiler/Target/NVGPU/HaloWeightGradPlan.h"
#include "compiler/Target/NVGPU/Strategies.h"

namespace kinema::nvidia {

/// The best schedules "sm90.halo_wgrad" of a weight gradient; none where the template does not apply.
llvm::SmallVector<Candidate> haloWeightGradCandidates(kernel::WeightGradOp op, const Processor &processor);

/// Seconds of a weight gradient that has such a schedule.
double predictHaloWeightGrad(kernel::WeightGradOp op, const Processor &processor);

/// The schedule by the parameters of the op's own (Strategy::remake).
kernel::ScheduleAttr remakeHaloWeightGrad(kernel::WeightGradOp op, const Processor &processor,
                                          ScheduleParameters &parameters);

/// The schedule with a given tile, which must fit.
kernel::ScheduleAttr haloWeightGradSchedule(kernel::WeightGradOp op, const HaloWeightGradTile &tile);

/// The plan that the op's schedule stands for.
HaloWeightGradPlan haloWeightGradPlanOf(kernel::WeightGradOp op);

/// Writes the kernel's body; the emitter has begun its function, and its scratch is the block's shared
/// memory.
void emitHaloWeightGrad(kernel::WeightGradOp op, KernelEmitter &e);

} // namespace kinema::nvidia

#endif

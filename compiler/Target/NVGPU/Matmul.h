// Multiplies matrices of channels by positions on tensor cores: one warp brings both operands by bulk copies,
// or four bring their positions, and two warpgroups contract and store.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_MATMUL_H
#define KINEMA_COMPILER_TARGET_NVGPU_MATMUL_H

#include "compiler/Target/NVGPU/MatmulPlan.h"
#include "compiler/Target/NVGPU/Strategies.h"

namespace kinema::nvidia {

/// Returns the best schedules of a product; none where the template does not apply.
llvm::SmallVector<Candidate> matmulCandidates(kernel::MatmulOp op, const Processor &processor);

/// Predicts the seconds of a product that has such a schedule.
Prediction predictMatmul(kernel::MatmulOp op, const Processor &processor);

/// Returns the schedule that the op's own parameters and grid lead to (Strategy::remake).
kernel::ScheduleAttr remakeMatmul(kernel::MatmulOp op, const Processor &processor,
                                  ScheduleParameters &parameters);

/// Returns the schedule with a given tile, which must fit.
kernel::ScheduleAttr matmulSchedule(kernel::MatmulOp op, const MatmulTile &tile);

/// Returns the plan that the op's schedule stands for.
MatmulPlan matmulPlanOf(kernel::MatmulOp op);

/// Writes the kernel's body. The emitter has begun its function, and its scratch is the block's shared
/// memory.
void emitMatmul(kernel::MatmulOp op, KernelEmitter &e);

} // namespace kinema::nvidia

#endif

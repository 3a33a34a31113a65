// Computes two convs in one kernel on Hopper's tensor cores; what lies between them is kept in shared memory
// alone.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_PAIRCONV_H
#define KINEMA_COMPILER_TARGET_NVGPU_PAIRCONV_H

#include "compiler/Target/NVGPU/PairPlan.h"
#include "compiler/Target/NVGPU/Strategies.h"

namespace kinema::nvidia {

/// Returns the best schedules of a pair; none where the template does not apply or nothing fits.
llvm::SmallVector<Candidate> pairCandidates(kernel::PairOp op, const Processor &processor);

/// Returns the bytes of shared memory that the smallest tile of a pair takes; nothing where the template does
/// not apply.
std::optional<int64_t> leastPairBytes(kernel::PairOp op);

/// Predicts the seconds of a pair that has such a schedule.
Prediction predictPair(kernel::PairOp op, const Processor &processor);

/// Returns the schedule that the op's own parameters lead to (Strategy::remake).
kernel::ScheduleAttr remakePair(kernel::PairOp op, const Processor &processor,
                                ScheduleParameters &parameters);

/// Returns the schedule with a given tile, which must fit.
kernel::ScheduleAttr pairSchedule(kernel::PairOp op, const PairTile &tile);

/// Returns the plan that the op's schedule stands for.
PairPlan pairPlanOf(kernel::PairOp op);

/// Writes the kernel's body. The emitter has begun its function, and its scratch is the block's shared
/// memory.
void emitPair(kernel::PairOp op, KernelEmitter &e);

} // namespace kinema::nvidia

#endif

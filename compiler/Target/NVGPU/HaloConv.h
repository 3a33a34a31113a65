// Computes a conv on tensor cores: some warps bring the weights and the source, some stage the source through
// the prologue, and two warpgroups contract and run the epilogue.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_HALOCONV_H
#define KINEMA_COMPILER_TARGET_NVGPU_HALOCONV_H

#include "compiler/Target/NVGPU/HaloPlan.h"
#include "compiler/Target/NVGPU/Model.h"
#include "compiler/Target/NVGPU/Strategies.h"

namespace kinema::nvidia {

/// Returns the best schedules of a conv; none where the template does not apply.
llvm::SmallVector<Candidate> haloCandidates(kernel::ConvOp op, const Processor &processor);

/// Returns what a conv that has such a schedule asks of the machine, by the model.
Work workOfHalo(kernel::ConvOp op, const Rates &rates);

/// Predicts the seconds of a conv that has such a schedule.
Prediction predictHalo(kernel::ConvOp op, const Processor &processor);

/// Returns seconds that a conv with tiles of this size takes at least, by the model, whatever else is chosen:
/// with them, the search leaves out sizes.
double boundOfHalo(kernel::ConvOp op, const HaloTile &tile, const Processor &processor);

/// Returns the schedule that the op's own parameters and grid lead to (Strategy::remake).
kernel::ScheduleAttr remakeHalo(kernel::ConvOp op, const Processor &processor,
                                ScheduleParameters &parameters);

/// Returns the schedule with a given tile, which must fit.
kernel::ScheduleAttr haloSchedule(kernel::ConvOp op, const HaloTile &tile);

/// Returns the plan that the op's schedule stands for.
HaloPlan haloPlanOf(kernel::ConvOp op);

/// Writes the kernel's body. The emitter has begun its function, and its scratch is the block's shared
/// memory.
void emitHaloConv(kernel::ConvOp op, KernelEmitter &e);

} // namespace kinema::nvidia

#endif

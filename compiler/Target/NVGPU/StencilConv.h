// Computes a depthwise conv as a stencil: the source passes through shared memory once, and threads slide
// along its rows with the sums in registers.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_STENCILCONV_H
#define KINEMA_COMPILER_TARGET_NVGPU_STENCILCONV_H

#include "compiler/Target/NVGPU/StencilPlan.h"
#include "compiler/Target/NVGPU/Strategies.h"

namespace kinema::nvidia {

/// Returns the best schedules of a conv; none where it is not depthwise, or does not lie in blocks.
llvm::SmallVector<Candidate> stencilCandidates(kernel::ConvOp op, const Processor &processor);

/// Predicts the seconds of a conv that has such a schedule.
Prediction predictStencil(kernel::ConvOp op, const Processor &processor);

/// Returns the schedule by the parameters of the op's own (Strategy::remake).
kernel::ScheduleAttr remakeStencil(kernel::ConvOp op, const Processor &processor,
                                   ScheduleParameters &parameters);

/// Returns the schedule with a given tile, which must fit.
kernel::ScheduleAttr stencilSchedule(kernel::ConvOp op, const StencilTile &tile);

/// Writes the kernel's body. The emitter has begun its function, and its scratch is the block's shared
/// memory.
void emitStencil(kernel::ConvOp op, KernelEmitter &e);

} // namespace kinema::nvidia

#endif

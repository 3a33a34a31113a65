// Computes the gradient of a pool by gathering: each position adds up what the windows over it give.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_POOLGRAD_H
#define KINEMA_COMPILER_TARGET_NVGPU_POOLGRAD_H

#include "compiler/Target/Common/KernelEmitter.h"
#include "compiler/Target/Common/ScheduleCheck.h"

#include <optional>

namespace kinema::nvidia {

/// Returns the schedule "sm90.gather"; nothing where channels do not lie in vectors or a frame's windows are
/// too many.
std::optional<kernel::ScheduleAttr> schedulePoolGrad(kernel::PoolGradOp op, const Machine &machine);
/// Returns the schedule with a given number of frames in a block.
std::optional<kernel::ScheduleAttr> schedulePoolGrad(kernel::PoolGradOp op, const Machine &machine,
                                                     int64_t frames);

/// Returns the schedule that the op's own parameters lead to (Strategy::remake).
kernel::ScheduleAttr remakePoolGrad(kernel::PoolGradOp op, const Machine &machine,
                                    ScheduleParameters &parameters);

/// Writes the kernel's body; the emitter has begun its function.
void emitPoolGrad(kernel::PoolGradOp op, KernelEmitter &e);

} // namespace kinema::nvidia

#endif

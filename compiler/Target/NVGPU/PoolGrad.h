// Computes the gradient of a pool by gathering: each position adds up what the windows over it give.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_POOLGRAD_H
#define KINEMA_COMPILER_TARGET_NVGPU_POOLGRAD_H

#include "compiler/Target/Common/KernelEmitter.h"
#include "compiler/Target/Common/ScheduleCheck.h"
#include "compiler/Target/NVGPU/Processor.h"

#include <optional>

namespace kinema::nvidia {

struct GatherParameters {
  static llvm::StringRef schedule(TensorCores tensorCores) {
    return tensorCores == TensorCores::Warpgroups ? "sm90.gather" : "nvgpu.gather";
  }
  int64_t frames; // of a block

  static void forEach(auto &self, auto visit) { visit("frames", self.frames); }
};

/// The schedule with the frames that suit the processor best; nothing where channels do not lie in vectors or
/// a frame's windows are too many.
std::optional<kernel::ScheduleAttr> schedulePoolGrad(kernel::PoolGradOp op, const Processor &processor);
/// Returns the schedule with a given number of frames a block.
std::optional<kernel::ScheduleAttr> schedulePoolGrad(kernel::PoolGradOp op, const Processor &processor,
                                                     int64_t frames);

/// Returns the schedule by the parameters of the op's own (Strategy::remake).
kernel::ScheduleAttr remakePoolGrad(kernel::PoolGradOp op, const Processor &processor,
                                    ScheduleParameters &parameters);

/// Writes the kernel's body; the emitter has begun its function.
void emitPoolGrad(kernel::PoolGradOp op, KernelEmitter &e);

} // namespace kinema::nvidia

#endif

// A conv on Hopper's tensor cores: one warp brings weights, three stage the source through the prologue, two
// warpgroups contract and run the epilogue.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_HALOCONV_H
#define KINEMA_COMPILER_TARGET_NVGPU_HALOCONV_H

#include "compiler/Target/Common/KernelEmitter.h"
#include "compiler/Target/NVGPU/HaloPlan.h"

#include <optional>

namespace kinema::nvidia {

/// The cheapest schedule "sm90.halo" of a conv; nothing where the template does not apply.
std::optional<kernel::ScheduleAttr> scheduleHaloConv(kernel::ConvOp op);

/// The schedule with a given tile, which must fit.
kernel::ScheduleAttr haloSchedule(kernel::ConvOp op, const HaloTile &tile);

/// The plan that the op's schedule stands for.
HaloPlan haloPlanOf(kernel::ConvOp op);

/// Writes the kernel's body; the emitter has begun its function. shared: !llvm.ptr<3>, the block's
/// schedule.scratch bytes, aligned to 128.
void emitHaloConv(kernel::ConvOp op, KernelEmitter &e, mlir::Value shared);

} // namespace kinema::nvidia

#endif

// The plain lowering of every kernel operation to loops: any layout, any size. It is the oracle of the
// scheduled kernels and the only lowering of what memory alone limits (maps, pools, merges, the update),
// which it vectorises.
#ifndef KINEMA_COMPILER_TARGET_CPU_REFERENCE_H
#define KINEMA_COMPILER_TARGET_CPU_REFERENCE_H

#include "compiler/Target/CPU/KernelEmitter.h"

namespace kinema::cpu {

/// The schedule "cpu.reference". Its parameter `partials` is the leading dimension of a partials result (0:
/// none).
kernel::ScheduleAttr scheduleReference(mlir::Operation *kernel);

/// Writes the kernel's body; the emitter has begun its function.
void emitReference(mlir::Operation *kernel, KernelEmitter &e);

} // namespace kinema::cpu

#endif

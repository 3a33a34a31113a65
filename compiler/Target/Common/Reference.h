// Lowers every kernel operation to plain loops, for any layout, any size and any target. It is the oracle of
// the scheduled kernels and the only lowering of what memory alone limits (maps, pools, merges, the update),
// which it vectorises. What one thread of a block computes never depends on another, and sums are taken in
// the order of their elements, so that machines with the same partition give the same bits.
#ifndef KINEMA_COMPILER_TARGET_COMMON_REFERENCE_H
#define KINEMA_COMPILER_TARGET_COMMON_REFERENCE_H

#include "compiler/Target/Common/KernelEmitter.h"

namespace kinema {

/// Returns whether the kernel has a reference lowering: all have but those in Winograd's form.
bool hasReference(mlir::Operation *kernel);

/// Returns the reference schedule for a machine, under another name if one is given. Its parameters are
/// `partials`, the leading dimension of a partials result (0: none), and `threads` of a block, where the
/// machine shares blocks among threads.
kernel::ScheduleAttr scheduleReference(mlir::Operation *kernel, const Machine &machine,
                                       llvm::StringRef name = {});

/// Writes the kernel's body; the emitter has begun its function.
void emitReference(mlir::Operation *kernel, KernelEmitter &e);

/// Replaces the leading `?` of partials by the number that the schedule leaves.
void fixPartials(mlir::Operation *kernel, kernel::ScheduleAttr schedule);

} // namespace kinema

#endif

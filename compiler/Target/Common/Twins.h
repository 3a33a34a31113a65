// Makes twins: for each launch of a planned program, launches that compute the same by the plain lowering and
// leave it elsewhere, so that the runtime can run both on the same buffers and compare what they leave.
#ifndef KINEMA_COMPILER_TARGET_COMMON_TWINS_H
#define KINEMA_COMPILER_TARGET_COMMON_TWINS_H

#include "compiler/Target/Common/Machine.h"
#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/BuiltinOps.h"

namespace kinema {

/// Removes from the kernel what is attached to it.
void dropAttached(kernel::DefOp def);

/// Leaves in the kernel only the merge that is attached to it. Its operands are the partials, as many as the
/// kernel leaves, then its inputs.
void keepAttached(kernel::DefOp def);

/// Gives each launch of the planned module its twins, in the attribute `kernel.twins`, and the arena a place
/// for what they leave. A kernel whose lowering `isPlain` already is its own twin. The twin of an attached
/// merge reads the partials that the launch itself leaves, and so comes behind it. Returns the number of
/// kernels that were made.
mlir::FailureOr<int64_t> addTwins(mlir::ModuleOp planned, const Machine &machine,
                                  llvm::function_ref<bool(mlir::Operation *)> isPlain);

} // namespace kinema

#endif

// Checks that launches, which are text that anybody may change, find what they read where they look for it.
#ifndef KINEMA_COMPILER_TRANSFORMS_VERIFYLAUNCHES_H
#define KINEMA_COMPILER_TRANSFORMS_VERIFYLAUNCHES_H

#include "mlir/IR/BuiltinOps.h"

namespace kinema {

/// Checks a module in phase `planned` or later whose kernels `verifyKernel` accepts. Succeeds if every launch
/// finds whole tensors in the layout that it wants where it reads (parameters, inputs, what `prepare` or an
/// earlier launch has left) and overwrites nothing that is still needed, and if the entry's outputs are there
/// at its end. Otherwise reports errors at the launches and outputs, or at a module without an arena.
mlir::LogicalResult verifyLaunches(mlir::ModuleOp planned);

} // namespace kinema

#endif

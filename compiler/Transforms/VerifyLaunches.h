// Launches are text that anybody may change: whether each finds what it reads where it looks for it.
#ifndef KINEMA_COMPILER_TRANSFORMS_VERIFYLAUNCHES_H
#define KINEMA_COMPILER_TRANSFORMS_VERIFYLAUNCHES_H

#include "mlir/IR/BuiltinOps.h"

namespace kinema {

/// Of a module in phase `planned` or later with kernels that `verifyKernel` takes: succeeds if every launch
/// reads tensors that lie whole, and in the layout that it wants, where it reads them (parameters, inputs,
/// what `prepare` or an earlier launch has left), overwrites nothing that lives on, and the entry's outputs
/// are there at its end. Else there are errors on the launches and outputs, or on a module without an arena.
mlir::LogicalResult verifyLaunches(mlir::ModuleOp planned);

} // namespace kinema

#endif

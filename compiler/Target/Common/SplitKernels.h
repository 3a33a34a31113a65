// Spreads kernels over nested modules that are lowered and compiled in parallel.
#ifndef KINEMA_COMPILER_TARGET_COMMON_SPLITKERNELS_H
#define KINEMA_COMPILER_TARGET_COMMON_SPLITKERNELS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace kinema {

/// Moves the kernel.defs, in order, into nested modules of `perModule` that `makePart` makes (it returns
/// their bodies), and drops all else. How they are cut depends on the program alone, and so does its machine
/// code.
void splitKernels(mlir::ModuleOp module, int64_t perModule,
                  llvm::function_ref<mlir::Block *(mlir::OpBuilder &)> makePart);

} // namespace kinema

#endif

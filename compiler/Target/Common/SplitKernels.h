// Spreads kernels over nested modules that are lowered and compiled in parallel.
#ifndef KINEMA_COMPILER_TARGET_COMMON_SPLITKERNELS_H
#define KINEMA_COMPILER_TARGET_COMMON_SPLITKERNELS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace kinema {

/// Copies the kernel.defs, in order, into nested modules of `perModule` that `makePart` makes behind all else
/// (it returns their bodies). How they are cut depends on the program alone, so that its machine code does
/// too.
void splitKernels(mlir::ModuleOp module, int64_t perModule,
                  llvm::function_ref<mlir::Block *(mlir::OpBuilder &)> makePart);

} // namespace kinema

#endif

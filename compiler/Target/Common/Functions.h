// The functions that a module in phase `target` has for its kernels, in nested modules. They are text that
// anybody may change.
#ifndef KINEMA_COMPILER_TARGET_COMMON_FUNCTIONS_H
#define KINEMA_COMPILER_TARGET_COMMON_FUNCTIONS_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace kinema {

/// Succeeds if the function returns nothing and takes these parameters; else there is an error on it.
mlir::LogicalResult verifyParameters(mlir::LLVM::LLVMFuncOp function, llvm::ArrayRef<mlir::Type> parameters);

/// Calls `verify` for each kernel and its function, the one of its name that a nested module of `parts`
/// defines, until it fails. A kernel that has none, or several, is an error.
mlir::LogicalResult
forEachFunction(mlir::ModuleOp lowered, llvm::ArrayRef<mlir::Operation *> parts,
                llvm::function_ref<mlir::LogicalResult(kernel::DefOp, mlir::LLVM::LLVMFuncOp)> verify);

/// Does this for all nested modules of a kind.
template <typename Part>
mlir::LogicalResult
forEachFunction(mlir::ModuleOp lowered,
                llvm::function_ref<mlir::LogicalResult(kernel::DefOp, mlir::LLVM::LLVMFuncOp)> verify) {
  return forEachFunction(lowered, llvm::SmallVector<mlir::Operation *>(lowered.getOps<Part>()), verify);
}

} // namespace kinema

#endif

// What the passes on whole clip functions share: finding @forward, copying it, reads at the top.
#ifndef KINEMA_COMPILER_TRANSFORMS_CLIPFUNCTIONS_H
#define KINEMA_COMPILER_TRANSFORMS_CLIPFUNCTIONS_H

#include "dialects/Clip/Clip.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace kinema {

/// The function @forward of one block and one result; an error at the module where it is missing.
mlir::FailureOr<mlir::func::FuncOp> findForward(mlir::ModuleOp module);

/// A copy of `function` behind it, named `name`.
mlir::func::FuncOp cloneFunction(mlir::func::FuncOp function, llvm::StringRef name);

/// Moves the reads to the top of the function, one a parameter, in their order. Returns them.
llvm::SmallVector<clip::ReadOp> hoistReads(mlir::func::FuncOp function);

/// The softmax that makes `value` probabilities of classes: its own, or one of those that it is an average
/// of. Null where it holds scores.
clip::SoftmaxOp softmaxBehind(mlir::Value value);

/// Makes the function return `values`.
void setResults(mlir::func::FuncOp function, mlir::ValueRange values);

/// The layer's name that a location carries, for messages; "?" where it has none.
std::string layerName(mlir::Location location);

/// Whether a network's function is one block whose arguments and results have names and fixed sizes, and what
/// is called hyper has fields; else an error at the function says what is missing.
mlir::LogicalResult verifyNames(mlir::func::FuncOp function);

} // namespace kinema

#endif

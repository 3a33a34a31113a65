// Provides what the passes on whole clip functions share: finding @forward, copying it, moving reads to the
// top.
#ifndef KINEMA_COMPILER_TRANSFORMS_CLIPFUNCTIONS_H
#define KINEMA_COMPILER_TRANSFORMS_CLIPFUNCTIONS_H

#include "dialects/Clip/Clip.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/ADT/StringSet.h"

namespace kinema {

/// Returns the function @forward, which has one block and returns the scores; its further results, if there
/// are any, are the values that the loss is of in their place. Reports an error where it is missing or
/// another one.
mlir::FailureOr<mlir::func::FuncOp> findForward(mlir::ModuleOp module);

/// Copies `function`, names the copy `name` and puts it behind the original.
mlir::func::FuncOp cloneFunction(mlir::func::FuncOp function, llvm::StringRef name);

/// Moves the reads to the top of the function, one for each parameter, and returns them in their order.
llvm::SmallVector<clip::ReadOp> hoistReads(mlir::func::FuncOp function);

/// Gives a parameter, and one of its reads, a shape with the same elements in the same order; in files it
/// keeps its own.
void reshapeParameter(clip::ParamOp param, clip::ReadOp read, mlir::RankedTensorType type);

/// Returns the softmax that makes `value` probabilities of classes, or one of those that `value` is the
/// average of. Returns null where `value` holds scores.
clip::SoftmaxOp softmaxBehind(mlir::Value value);

/// Has the function drop nothing.
void eraseDropouts(mlir::func::FuncOp function);

/// Makes the function return `values`.
void setResults(mlir::func::FuncOp function, mlir::ValueRange values);

/// Returns what the layers give in a function that the module's `clip.features` names, in their order; null
/// for a layer of which it has no operation.
llvm::SmallVector<mlir::Value> featuredValues(mlir::func::FuncOp function);

/// Adds @infer, a copy of @forward that returns the scores and, behind them, the features of the layers that
/// the module names. What the loss is of ends with the training. Reports an error where there is no such
/// layer.
mlir::FailureOr<mlir::func::FuncOp> addInference(mlir::ModuleOp module);

/// Returns the name of the layer that a location carries, for messages; "?" where it has none.
std::string layerName(mlir::Location location);

/// Returns `name`, or the first of `name2`, `name3`, ..., that is not taken, and takes it.
std::string freeName(llvm::StringSet<> &taken, const std::string &name);

/// Succeeds if a network's function is one block whose arguments and results have names and fixed sizes, and
/// if its argument hyper has fields; otherwise an error at the function says what is missing.
mlir::LogicalResult verifyNames(mlir::func::FuncOp function);

} // namespace kinema

#endif

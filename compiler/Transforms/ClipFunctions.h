// What the passes on whole clip functions share: finding @forward, copying it, reads at the top, new
// parameters.
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

/// The declaration of what `read` reads. It exists: the verifier has looked.
clip::ParamOp paramOf(clip::ReadOp read);

/// Declares a parameter behind `after`, unless there is one of that name. `init` may be null.
clip::ParamOp declareParam(clip::ParamOp after, llvm::StringRef name, mlir::RankedTensorType type,
                           llvm::StringRef role, mlir::DictionaryAttr init);

/// The softmax that makes `value` probabilities of classes: its own, or one of those that it is an average
/// of. Null where it holds scores.
clip::SoftmaxOp softmaxBehind(mlir::Value value);

/// Makes the function return `values`.
void setResults(mlir::func::FuncOp function, mlir::ValueRange values);

/// The layer's name that a location carries, for messages; "?" where it has none.
std::string layerName(mlir::Location location);

} // namespace kinema

#endif

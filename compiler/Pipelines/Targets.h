// All machines that packages are made for. Drives --target.
#ifndef KINEMA_COMPILER_PIPELINES_TARGETS_H
#define KINEMA_COMPILER_PIPELINES_TARGETS_H

#include "compiler/Target/Common/Target.h"

namespace kinema {

llvm::ArrayRef<const Target *> targets();
/// Null where there is none of this name.
const Target *targetNamed(llvm::StringRef name);
/// The target that a module in phase `fused` or later was made for; an error where it does not say so.
mlir::FailureOr<const Target *> targetOf(mlir::ModuleOp module);

} // namespace kinema

#endif

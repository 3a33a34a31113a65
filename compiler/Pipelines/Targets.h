// Lists all machines that packages are made for. The list drives --target.
#ifndef KINEMA_COMPILER_PIPELINES_TARGETS_H
#define KINEMA_COMPILER_PIPELINES_TARGETS_H

#include "compiler/Target/Common/Target.h"

namespace kinema {

llvm::ArrayRef<const Target *> targets();
/// Returns the target of this name; null where there is none.
const Target *targetNamed(llvm::StringRef name);
/// Returns the target that a module in phase `fused` or later was made for; reports an error where the module
/// does not name one.
mlir::FailureOr<const Target *> targetOf(mlir::ModuleOp module);

} // namespace kinema

#endif

// A kernel and the merge that is folded into it, each as a kernel of its own.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_FOLDED_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_FOLDED_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/BuiltinOps.h"

namespace kinema::testing {

inline kernel::DefOp defOf(mlir::ModuleOp module) { return *module.getOps<kernel::DefOp>().begin(); }

/// The kernel without what is folded into it.
void dropFolded(mlir::ModuleOp module);

/// The merge alone, of one partial. Its operands: the partial, the inputs.
void keepFolded(mlir::ModuleOp module);

} // namespace kinema::testing

#endif

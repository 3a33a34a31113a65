// The kernel of a module that has one.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_ONEKERNEL_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_ONEKERNEL_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/BuiltinOps.h"

namespace kinema::testing {

inline kernel::DefOp defOf(mlir::ModuleOp module) { return *module.getOps<kernel::DefOp>().begin(); }

} // namespace kinema::testing

#endif

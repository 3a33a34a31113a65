// Names the machines that tests of kernels compile for, in the module, as the road does.
#ifndef KINEMA_TEST_COMPILER_TARGET_COMMON_TARGETUNDERTEST_H
#define KINEMA_TEST_COMPILER_TARGET_COMMON_TARGETUNDERTEST_H

#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Kernel.h"

namespace kinema::testing {

inline constexpr char hopper[] = "sm_90a";

inline void setTarget(mlir::ModuleOp module, kernel::TargetKind kind, llvm::StringRef name) {
  module->setAttr(kernel::targetAttribute, kernel::TargetAttr::get(module.getContext(), kind, name));
}

} // namespace kinema::testing

#endif

// Says what tests may do to a kernel between its lowering and the emulator, and what they may learn of it.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_REFERENCE_BACKEND_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_REFERENCE_BACKEND_H

#include "runtime/Emulator/Profile.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>

namespace kinema::testing {

/// Gives the module that is run instead of the lowered one; empty: that one.
extern std::function<mlir::OwningOpRef<mlir::ModuleOp>(mlir::ModuleOp)> changeKernel;

/// Counts what kernels ask of memory; null: nothing is counted.
extern emulator::Profile *profileOfKernels;

} // namespace kinema::testing

#endif

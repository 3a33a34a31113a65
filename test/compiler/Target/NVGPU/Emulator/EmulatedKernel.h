// Kernels for a GPU, in the emulator.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_EMULATOR_EMULATEDKERNEL_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_EMULATOR_EMULATEDKERNEL_H

#include "test/compiler/Target/Common/KernelBuffers.h"

#include "runtime/Emulator/Profile.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <memory>

namespace kinema::testing {

/// Kernel @k of a module with schedules for sm_90a; null where it does not compile. `change` gives the module
/// that is run instead of the lowered one. What the kernel must not do is a failure; attempt n has the seed 7
/// n. Accesses are counted in `profile` if there is one.
std::unique_ptr<CompiledKernel>
compileForEmulator(mlir::ModuleOp scheduled,
                   const std::function<mlir::OwningOpRef<mlir::ModuleOp>(mlir::ModuleOp)> &change = nullptr,
                   emulator::Profile *profile = nullptr);

} // namespace kinema::testing

#endif

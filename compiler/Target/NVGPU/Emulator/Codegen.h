// Makes the code that the emulator of a GPU runs from the functions of kernels.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_EMULATOR_CODEGEN_H
#define KINEMA_COMPILER_TARGET_NVGPU_EMULATOR_CODEGEN_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace kinema::nvidia {

/// A shared object with the kernels of a module in phase `target`, retargeted. The functions are used up.
/// Errors are reported at the module.
mlir::FailureOr<std::string> compileForEmulator(mlir::ModuleOp lowered);

} // namespace kinema::nvidia

#endif

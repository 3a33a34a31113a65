// Turns kernels into the code that the emulator of a GPU runs.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_EMULATOR_CODEGEN_H
#define KINEMA_COMPILER_TARGET_NVGPU_EMULATOR_CODEGEN_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace kinema::nvidia {

/// Returns a shared object with the kernels of a planned module, lowered as for the GPU and then retargeted.
/// The module stays as it is. Errors are reported at the module.
mlir::FailureOr<std::string> compileForEmulator(mlir::ModuleOp planned);

} // namespace kinema::nvidia

#endif

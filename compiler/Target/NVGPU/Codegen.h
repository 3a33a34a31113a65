// From kernels to what a package carries for an NVIDIA GPU.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_CODEGEN_H
#define KINEMA_COMPILER_TARGET_NVGPU_CODEGEN_H

#include "compiler/Target/NVGPU/Assembler.h"

#include "mlir/IR/BuiltinOps.h"

namespace kinema::nvidia {

struct Code {
  std::string ptx;
  std::optional<Assembly> assembly; // nothing where there is no ptxas
};

/// Compiles the kernels of a planned module, which stays as it is, on the context's threads. `toolkit`: see
/// findAssembler. Errors are reported at the module.
mlir::FailureOr<Code> compileKernels(mlir::ModuleOp planned, llvm::StringRef toolkit,
                                     const Processor &processor = hopper);

} // namespace kinema::nvidia

#endif

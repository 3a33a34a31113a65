// From kernels to machine code: a shared object whose exported functions docs/package.md describes.
#ifndef KINEMA_COMPILER_TARGET_CPU_CODEGEN_H
#define KINEMA_COMPILER_TARGET_CPU_CODEGEN_H

#include "compiler/Target/Common/HostCode.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace kinema::cpu {

/// The name of the machine that all code is made for, as LLVM and the manifest spell it.
inline constexpr const char *targetName = hostTarget;

/// Compiles the kernels of a planned module, which stays as it is. Works on the context's threads; the bytes
/// do not depend on how many there are. Errors are reported at the module.
mlir::FailureOr<std::string> compileKernels(mlir::ModuleOp planned);

} // namespace kinema::cpu

#endif

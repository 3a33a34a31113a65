// From the functions of kernels to machine code: a shared object whose exported functions docs/package.md
// describes.
#ifndef KINEMA_COMPILER_TARGET_CPU_CODEGEN_H
#define KINEMA_COMPILER_TARGET_CPU_CODEGEN_H

#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/Common/CodeForm.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace kinema::cpu {

/// Compiles the kernels of a module in phase `target`, which stays as it is, for the level that its storage
/// and schedules were chosen for. Works on the context's threads; the bytes do not depend on how many there
/// are. Errors are reported at the module.
mlir::FailureOr<std::string> compileKernels(mlir::ModuleOp lowered);

/// Returns the LLVM IR or the assembly of the kernels of a module in phase `target`.
mlir::FailureOr<std::string> codeText(mlir::ModuleOp lowered, CodeForm form);

/// Succeeds if the module has for each kernel a function as docs/package.md describes it; else there are
/// errors on the kernels and functions.
mlir::LogicalResult verifyFunctions(mlir::ModuleOp lowered);

} // namespace kinema::cpu

#endif

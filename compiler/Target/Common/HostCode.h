// From modules of the LLVM dialect to machine code for the machine that hosts everything: kernels of the CPU
// target, and those of a GPU retargeted to the emulator.
#ifndef KINEMA_COMPILER_TARGET_COMMON_HOSTCODE_H
#define KINEMA_COMPILER_TARGET_COMMON_HOSTCODE_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace kinema {

/// The name of the machine that the code is made for, as LLVM and the manifest spell it.
inline constexpr char hostTarget[] = "x86-64-v3";

/// A shared object with what the nested modules export. Works on the context's threads; the bytes do not
/// depend on how many there are. Errors are reported at the module.
mlir::FailureOr<std::string> generateHostCode(mlir::ModuleOp lowered);

/// What generateHostCode reads, beside the dialects themselves.
void registerHostCode(mlir::DialectRegistry &registry);

} // namespace kinema

#endif

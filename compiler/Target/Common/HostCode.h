// From modules of the LLVM dialect to machine code for the machine that hosts everything: kernels of the CPU
// target, and those of a GPU retargeted to the emulator.
#ifndef KINEMA_COMPILER_TARGET_COMMON_HOSTCODE_H
#define KINEMA_COMPILER_TARGET_COMMON_HOSTCODE_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace kinema {

/// A processor, as LLVM spells it: "x86-64-v3", "+avx512bf16".
struct HostProcessor {
  llvm::StringRef name, features;
};
/// What every machine that Kinema runs on has: AVX2 and FMA.
inline constexpr HostProcessor leastProcessor = {"x86-64-v3", ""};

/// A shared object for the processor with what the nested modules export. Works on the context's threads; the
/// bytes do not depend on how many there are. Errors are reported at the module.
mlir::FailureOr<std::string> generateHostCode(mlir::ModuleOp lowered, HostProcessor processor);

/// What generateHostCode reads, beside the dialects themselves.
void registerHostCode(mlir::DialectRegistry &registry);

} // namespace kinema

#endif

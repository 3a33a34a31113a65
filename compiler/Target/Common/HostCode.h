// Turns modules of the LLVM dialect into machine code for the machine that hosts everything: kernels of the
// CPU target, and those of a GPU retargeted to the emulator.
#ifndef KINEMA_COMPILER_TARGET_COMMON_HOSTCODE_H
#define KINEMA_COMPILER_TARGET_COMMON_HOSTCODE_H

#include "compiler/Target/Common/CodeForm.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace kinema {

/// Names a processor, what it has beside the usual, and the system as LLVM spells them: "x86-64-v3",
/// "+avx512bf16".
struct HostProcessor {
  llvm::StringRef name, features, triple = "x86_64-unknown-linux-gnu";
};
/// Has what every x86-64 machine has that Kinema runs on: AVX2 and FMA.
inline constexpr HostProcessor leastProcessor = {"x86-64-v3", ""};

/// Says which of the two is to be quick, where one costs the other: the code, or compiling it. Results have
/// the same bits.
enum class Quick { Code, Compiling };

/// Returns a shared object for the processor with what the nested modules export. It works on the context's
/// threads; the bytes do not depend on how many there are. Errors are reported at the module.
mlir::FailureOr<std::string> generateHostCode(mlir::ModuleOp lowered, HostProcessor processor, Quick quick);

/// Returns what the nested modules become on the way to that, one after the other.
mlir::FailureOr<std::string> hostCodeText(mlir::ModuleOp lowered, HostProcessor processor, CodeForm form);

/// Registers what generateHostCode reads, beside the dialects themselves.
void registerHostCode(mlir::DialectRegistry &registry);

} // namespace kinema

#endif

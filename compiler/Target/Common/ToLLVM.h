// Brings functions of loops on flat buffers to the LLVM dialect, for any target.
#ifndef KINEMA_COMPILER_TARGET_COMMON_TOLLVM_H
#define KINEMA_COMPILER_TARGET_COMMON_TOLLVM_H

#include "mlir/IR/Operation.h"

namespace kinema {

struct ToLLVMOptions {
  unsigned indexBits = 64;
  // This rounds to bfloat16 by integer arithmetic, and keeps it in memory as integers, where the machine has
  // no instructions for it.
  bool expandBFloat16 = false;
  // The machine has instructions for 2^x and for quotients whose last two bits may be wrong; exact quotients
  // take it many. Then all of f32 are computed so.
  bool hasApproximations = false;
  llvm::ArrayRef<llvm::StringRef> keep = {}; // dialects that stay as they are
};

/// Brings what `module` holds to the LLVM dialect; its control flow must be in blocks already. Buffers become
/// bare pointers; exp, log and their like are expanded (ElementaryFunctions.h). Whatever is left over is an
/// error at that operation.
mlir::LogicalResult convertToLLVM(mlir::Operation *module, const ToLLVMOptions &options);

} // namespace kinema

#endif

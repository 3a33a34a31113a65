// Widens vectors of bfloat16 two numbers at a time.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_WIDENBFLOAT16_H
#define KINEMA_COMPILER_TARGET_NVGPU_WIDENBFLOAT16_H

#include "mlir/IR/Block.h"

namespace kinema::nvidia {

/// Rewrites arith.extf of vectors in a block as one instruction for each number: a word holds two, of which
/// one is shifted up and the other one masked. LLVM takes the words apart first, which is a third
/// instruction, and then also rounds numbers one by one that it would round in pairs.
void widenInWords(mlir::Block &block);

} // namespace kinema::nvidia

#endif

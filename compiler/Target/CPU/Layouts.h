// Says how the CPU's kernels read their weights.
#ifndef KINEMA_COMPILER_TARGET_CPU_LAYOUTS_H
#define KINEMA_COMPILER_TARGET_CPU_LAYOUTS_H

#include "compiler/Target/Common/Layouts.h"

namespace kinema::cpu {

/// O/16, I/4, T, H, W, 2, 16, 2 of vectors of 16 and blocks of 4: as blockedWeight, with two input channels
/// beside each other, which one instruction multiplies and adds up. An even number of channels makes a block.
kernel::LayoutAttr interleavedWeight(mlir::MLIRContext *context, const WeightBlocks &blocks);

/// H, W, O/8, I/4, T, 4, 8 of vectors of 8 and blocks of 4 with tiles along H and W, and T, O/8, I/4, H, W,
/// 4, 8 with tiles along T: for each point of Winograd's tiles a weight as blockedWeight has it.
kernel::LayoutAttr winogradWeight(mlir::MLIRContext *context, const WeightBlocks &blocks,
                                  const shape::Size3 &tile);

} // namespace kinema::cpu

#endif

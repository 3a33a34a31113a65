// Says how weights lie for the kernels that every target has.
#ifndef KINEMA_COMPILER_TARGET_COMMON_LAYOUTS_H
#define KINEMA_COMPILER_TARGET_COMMON_LAYOUTS_H

#include "dialects/Kernel/Kernel.h"

#include <optional>

namespace kinema {

/// The blocks of a weight [O, I / groups, T, H, W]: vectors of output channels, blocks of input channels. In
/// the weight of a data gradient the two are `exchanged`.
struct WeightBlocks {
  int64_t vector = 1;
  int64_t reduce = 1;
  bool exchanged = false;

  bool operator==(const WeightBlocks &) const = default;

  /// The axes of a weight with `rank` axes, the last five of which are O, I, T, H and W.
  int64_t vectorAxis(int64_t rank) const { return rank - (exchanged ? 4 : 5); }
  int64_t reduceAxis(int64_t rank) const { return rank - (exchanged ? 5 : 4); }
};

/// O/8, I/4, T, H, W, 4, 8 of vectors of 8 and blocks of 4: for each tap a small matrix, whose rows are
/// vectors.
kernel::LayoutAttr blockedWeight(mlir::MLIRContext *context, int64_t rank, const WeightBlocks &blocks);

/// How the reference lowering wants the weight of a conv: in vectors of `block` of the channels that the conv
/// makes or, in groups, of the output channels.
kernel::LayoutAttr referenceWeight(kernel::ConvOp op, int64_t block);

/// The blocks of a weight that lies as blockedWeight says; nothing of others.
std::optional<WeightBlocks> weightBlocksOf(mlir::RankedTensorType weight);

} // namespace kinema

#endif

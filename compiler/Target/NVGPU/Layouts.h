// Says how tensor cores read weights.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_LAYOUTS_H
#define KINEMA_COMPILER_TARGET_NVGPU_LAYOUTS_H

#include "dialects/Kernel/Kernel.h"

#include <optional>

namespace kinema::nvidia {

/// A weight [O, I, T, H, W] of which each tap is a matrix with rows of `blockChannels` contracted channels.
struct Taps {
  /// Taps of a row that share a matrix's row, which has so many channels of each: 2 where the source has few
  /// channels.
  int64_t together = 1;
  bool exchanged = false; // O is contracted: the weight of a data gradient

  bool operator==(const Taps &) const = default;
};

/// T, H, W, I/8, O, 8, with O padded to a multiple of 8. Of two taps together: T, H, W/2, I/4, O, 2, 4, with
/// an even number of such groups.
kernel::LayoutAttr tapsLayout(mlir::MLIRContext *context, int64_t rank, const Taps &taps);

/// Returns how the taps of a weight lie whose layout is tapsLayout; nothing for others.
std::optional<Taps> tapsOf(mlir::RankedTensorType weight);

/// T, H, W, O, I: a weight of a conv in groups as its gradient leaves it, where few inputs lie side by side.
kernel::LayoutAttr groupedLayout(mlir::MLIRContext *context, int64_t rank);

/// Returns how many groups of a conv share their inputs, so that the products of tensor cores contract whole
/// channel blocks of these and make whole ones, forward and backward: as few as do, or all.
int64_t groupsTogether(int64_t groups, int64_t inputsOfGroup, int64_t outputsOfGroup);

} // namespace kinema::nvidia

#endif

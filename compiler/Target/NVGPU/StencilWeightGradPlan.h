// What the weight gradient of a depthwise conv as a stencil decides before any code is written: the positions
// of a block, which walks along the frames, and how its threads share positions and taps.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_STENCILWEIGHTGRADPLAN_H
#define KINEMA_COMPILER_TARGET_NVGPU_STENCILWEIGHTGRADPLAN_H

#include "compiler/Target/NVGPU/StencilPlan.h"

namespace kinema::nvidia {

/// Holds what is chosen: positions of the gradient. A block's rows are a multiple of a thread's, and may be
/// more than there are.
struct StencilWeightGradTile {
  static constexpr llvm::StringLiteral schedule = "nvgpu.stencil_wgrad";
  int64_t frames, rows, columns; // of a block
  int64_t rowsOfThread, warps;

  static void forEach(auto &self, auto visit) {
    visit("frames", self.frames);
    visit("rows", self.rows);
    visit("columns", self.columns);
    visit("rows_of_thread", self.rowsOfThread);
    visit("warps", self.warps);
  }
};

/// Plans the sums of a block: weight[tap] += gradient[p] * activation[p + shift(tap)] over its positions p,
/// for the 8 channels of a channel block. A block walks along the activation's frames, with those of the
/// gradient that they meet. A thread takes columns of some rows, for 4 channels or 2, and has the sums of all
/// taps.
struct StencilWeightGradPlan {
  StencilWeightGradPlan(kernel::WeightGradOp op, const StencilWeightGradTile &tile);

  std::array<HaloAxis, 3> axes; // those of the forward conv
  StencilWeightGradTile tile;
  shape::Size3 kernel;
  int64_t clips, channels;
  int64_t gradientTensors, activationTensors; // that the prologues read

  StencilSpan rowSpan() const { return {axes[1], tile.rowsOfThread}; }
  int64_t rowGroups() const { return tile.rows / tile.rowsOfThread; }
  int64_t items() const { return rowGroups() * tile.columns; }
  int64_t threads() const { return tile.warps * warp; }
  int64_t taps() const { return shape::product(kernel); }
  /// Returns how many channels a thread has: 4, which is a load of 8 bytes, where its registers hold the sums
  /// of so many.
  int64_t channelsOfThread() const { return 4 * taps() <= mostAccumulators ? 4 : 2; }
  /// Returns how many threads have the channels of a position.
  int64_t threadsOfPosition() const { return blockChannels / channelsOfThread(); }
  int64_t together() const { return threads() / threadsOfPosition(); }
  int64_t accumulators() const { return channelsOfThread() * taps(); }
  /// Steps of a block: in the last ones, there are no more frames of the gradient.
  int64_t steps() const { return tile.frames + gradientRing().before; }

  StencilRing gradientRing() const;
  StencilRing activationRing() const;
  StencilGrid grid() const { return {clips, channels, axes, {tile.frames, tile.rows, tile.columns}}; }

  /// Sums of warps lie first, then the two rings.
  int64_t sumsBytes() const { return 4 * blockChannels * taps() * tile.warps; }
  int64_t gradientAt() const { return shape::roundUp(sumsBytes(), 128); }
  int64_t activationAt() const { return shape::roundUp(gradientAt() + gradientRing().bytes(), 16); }
  int64_t sharedBytes() const { return activationAt() + activationRing().bytes(); }
  bool fits(const Processor &processor) const;

  static constexpr int64_t mostAccumulators = 112; // of 255 registers
  static constexpr int64_t mostWarps = 8;
};

} // namespace kinema::nvidia

#endif

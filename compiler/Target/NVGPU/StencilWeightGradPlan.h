// What the weight gradient of a depthwise conv as a stencil decides before any code is written: the positions of
// a block, which walks along the frames, and how its threads share positions and taps.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_STENCILWEIGHTGRADPLAN_H
#define KINEMA_COMPILER_TARGET_NVGPU_STENCILWEIGHTGRADPLAN_H

#include "compiler/Target/NVGPU/StencilPlan.h"

namespace kinema::nvidia {

/// Holds what is chosen: positions of the gradient. A block's rows are a multiple of a thread's, and may be
/// more than there are.
struct StencilWeightGradTile {
  static constexpr llvm::StringLiteral schedule = "nvgpu.stencil_wgrad";
  int64_t frames, rows, columns; // of a block
  int64_t rowsOfThread;

  static void forEach(auto &self, auto visit) {
    visit("frames", self.frames);
    visit("rows", self.rows);
    visit("columns", self.columns);
    visit("rows_of_thread", self.rowsOfThread);
  }
};

/// Plans the sums of a block: weight[tap] += gradient[p] * activation[p + shift(tap)] over its positions p, for
/// the 8 channels of a channel block. A step has a frame of the gradient. A thread has the taps of one frame of
/// the window, which are the same in a warp, and takes columns of some rows of the gradient.
struct StencilWeightGradPlan {
  StencilWeightGradPlan(kernel::WeightGradOp op, const StencilWeightGradTile &tile);

  std::array<HaloAxis, 3> axes; // those of the forward conv
  StencilWeightGradTile tile;
  shape::Size3 kernel;
  int64_t clips, channels;
  int64_t gradientTensors, activationTensors; // that the prologues read

  StencilSpan rowSpan() const { return {axes[1], tile.rowsOfThread}; }
  int64_t rowGroups() const { return tile.rows / tile.rowsOfThread; }
  /// Columns of rows that the threads of one frame of the window share.
  int64_t items() const { return rowGroups() * tile.columns; }
  int64_t threadsOfFrame() const;
  int64_t threads() const { return kernel[0] * threadsOfFrame(); }
  int64_t tapsOfFrame() const { return kernel[1] * kernel[2]; }
  int64_t accumulators() const { return blockChannels * tapsOfFrame(); } // of a thread

  StencilRing gradientRing() const;
  StencilRing activationRing() const;
  StencilGrid grid() const { return {clips, channels, axes, {tile.frames, tile.rows, tile.columns}}; }

  /// Sums of warps lie first, then the two rings.
  int64_t sumsBytes() const { return 4 * accumulators() * threads() / warp; }
  int64_t gradientAt() const { return shape::roundUp(sumsBytes(), 128); }
  int64_t activationAt() const { return shape::roundUp(gradientAt() + gradientRing().bytes(), 16); }
  int64_t sharedBytes() const { return activationAt() + activationRing().bytes(); }
  bool fits(const Processor &processor) const;

  static constexpr int64_t mostThreads = 288;
};

} // namespace kinema::nvidia

#endif

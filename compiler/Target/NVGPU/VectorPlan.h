// What a conv of vectors decides before any code is written: how the threads of a block share the weights,
// each of which is read once and multiplied for several clips.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_VECTORPLAN_H
#define KINEMA_COMPILER_TARGET_NVGPU_VECTORPLAN_H

#include "compiler/Target/Common/ScheduleParameters.h"
#include "compiler/Target/NVGPU/Processor.h"
#include "dialects/Kernel/Kernel.h"

#include <optional>

namespace kinema::nvidia {

/// Says how the weights of a conv, or their gradients, lie in memory: in vectors of 8 channels.
struct WeightVectors {
  bool ofOutputs; // of O; else of I
  int64_t other;  // channels of the other kind that lie in a block together, with padding

  static constexpr int64_t width = 8;
};

/// Returns how such a tensor [..., O, I, T, H, W] lies; nothing where it does not lie in vectors.
std::optional<WeightVectors> weightVectorsOf(mlir::RankedTensorType weight);

/// Returns whether a window covers all positions of `many` at once, to which the one of `one` belongs. Then a
/// tap is a position.
bool coversAll(const shape::Window &window, mlir::RankedTensorType many, mlir::RankedTensorType one);

/// Holds what is chosen.
struct VectorTile {
  static constexpr llvm::StringLiteral schedule = "nvgpu.vectors";
  int64_t clips;   // of a block
  int64_t lanes;   // threads side by side along the channels of the result
  int64_t vectors; // that a thread loads at once, each `lanes` vectors behind the one before
  int64_t shares;  // threads that share a contraction

  static void forEach(auto &self, auto visit) {
    visit("clips", self.clips);
    visit("lanes", self.lanes);
    visit("vectors", self.vectors);
    visit("shares", self.shares);
  }
};

/// Plans the kernel of a conv whose source or result has one position a clip. A block computes some channels
/// of a position of some clips. Each of its threads has some of these channels and a share of the
/// contraction; the sums of the shares meet in shared memory.
struct VectorPlan {
  VectorPlan(kernel::ConvOp op, const VectorTile &tile);

  VectorTile tile;
  WeightVectors weight;
  bool alongResult; // the vectors of weights are of channels of the result, else of the source
  int64_t clips, positions, channels, storedChannels; // of the result
  int64_t sourcePositions, sourceChannels;
  int64_t summed; // values that the epilogue yields to be summed

  int64_t threads() const { return tile.lanes * tile.shares; }
  /// Channels of the result that a vector of weights, and that a block has.
  int64_t channelsOfVector() const { return alongResult ? WeightVectors::width : 1; }
  int64_t channelsOfBlock() const { return tile.lanes * tile.vectors * channelsOfVector(); }
  int64_t sums() const { return tile.clips * channelsOfBlock(); }
  int64_t accumulators() const { return tile.clips * tile.vectors * channelsOfVector(); }
  /// Values that a thread holds: sums, and the weights that it multiplies.
  int64_t values() const { return accumulators() + WeightVectors::width * tile.vectors; }
  /// What a contraction is cut into: one vector of weights for each channel or vector of channels of the
  /// result.
  int64_t unitsOfPosition() const {
    return alongResult ? shape::roundUp(sourceChannels, weight.other)
                       : shape::ceilDiv(sourceChannels, WeightVectors::width);
  }
  int64_t units() const { return sourcePositions * unitsOfPosition(); }

  int64_t clipGroups() const { return shape::ceilDiv(clips, tile.clips); }
  int64_t channelGroups() const { return shape::ceilDiv(storedChannels, channelsOfBlock()); }
  int64_t partials() const { return clipGroups() * positions; }
  int64_t blocks() const { return partials() * channelGroups(); }
  int64_t sharedBytes() const { return 4 * sums() * std::max(tile.shares, summed); }
  bool fits(const Processor &processor) const;

  static constexpr int64_t mostThreads = 512, mostAccumulators = 64;
};

} // namespace kinema::nvidia

#endif

// Decides about a pair of convs in one kernel before any code is written: the tile of results of a block, and
// how much of the middle it holds in shared memory.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_PAIRPLAN_H
#define KINEMA_COMPILER_TARGET_NVGPU_PAIRPLAN_H

#include "compiler/Target/NVGPU/HaloPlan.h"

namespace kinema::nvidia {

/// Holds what is chosen.
struct PairTile {
  static llvm::StringRef schedule(TensorCores tensorCores) {
    return byTensorCores(tensorCores, "", "sm90.pair", "sm100.pair");
  }
  int64_t frames, rows, columns; // results in a block, which it walks through frame by frame
  int64_t channels;              // channels of the middle that one product computes, a multiple of 8
  int64_t depth;            // contracted channels in a stage of weights, a multiple of ProductShape::depth
  int64_t feedStages = 0;   // into which the source comes; 0: as many as keep memory busy
  int64_t weightStages = 0; // of weights; 0: as many as keep L2 busy
  int64_t boxes = 0;        // 1: the copy engine brings boxes of the source, 0: copies bring its rows

  static void forEach(auto &self, auto visit) {
    visit("frames", self.frames);
    visit("rows", self.rows);
    visit("columns", self.columns);
    visit("channels", self.channels);
    visit("depth", self.depth);
    visit("feed_stages", self.feedStages);
    visit("weight_stages", self.weightStages);
    visit("boxes", self.boxes);
  }
};

/// The rings of a pair, and behind them the slots of the middle.
struct PairPipeline : PipelinePlan {
  SharedRegion slots;
  SumsPlan ofMiddle, ofResult;
};

/// Plans a block, which computes all channels of its results. The first conv makes a frame of the middle from
/// a frame of the source, with all its channels staged; the frames that the second conv's taps reach lie in a
/// ring of slots, each [middle blocks, positions, 8]. Positions are counted as in HaloPlan; the second conv,
/// whose window reaches over frames alone, finds the same positions in each slot.
struct PairPlan {
  PairPlan(kernel::PairOp op, const PairTile &tile);

  HaloPlan first; // plan for one frame of the middle
  PairTile tile;
  shape::Window second;
  int64_t middleBlocks, resultBlocks; // blocks of 8 channels
  int64_t firstTaps, middleFrames;
  std::array<int64_t, 3> results; // T, H, W

  Roles roles() const { return first.roles(); }
  int64_t slots() const { return (second.kernel[0] - 1) * second.dilation[0] + 1; }
  /// Counts the positions that the consumers compute, which is the slots' pitch between channel blocks.
  int64_t positions() const { return ProductShape::rows * HaloPlan::consumers * first.rowTiles(); }
  /// Counts the chunks of contracted channels of the second conv.
  int64_t chunks() const { return shape::ceilDiv(middleBlocks * 8, tile.depth); }
  /// Counts the channel blocks of a slot; those beyond the middle's hold zeros.
  int64_t slotBlocks() const { return chunks() * tile.depth / 8; }
  int64_t slotBytes() const { return slotBlocks() * positions() * positionBytes; }
  int64_t resultChannels() const { return resultBlocks * 8; }
  int64_t runs() const { return shape::ceilDiv(results[0], tile.frames); }
  int64_t grid() const;
  /// Counts the frames of the middle that a block of `tile.frames` results needs.
  int64_t framesOfBlock() const;

  /// Returns whether some tap of the second conv falls on a frame of the middle, for each frame of results.
  /// Else a sum would have no products, and in tensor memory nobody would make it zero.
  bool everyResultHasTaps() const;

  /// Describes how a frame of the source, with all its channels, gets to its stage.
  FeedPlan feed() const;
  static constexpr int64_t sourceStages = 2;
  /// Describes the sums of a consumer for products of so many columns.
  SumsPlan sumsPlan(int64_t columns) const {
    return {columns,           1,
            first.rowTiles(),  SumsPlan::mayJoin(first.tensorCores, first.rowTiles(), columns),
            /*firstColumn=*/0, first.operands.half};
  }
  int64_t rawStages() const {
    return nvidia::rawStages(feed().rawBytes(), framesOfBlock() * feed().parts(), tile.feedStages);
  }
  /// Counts the stages of weights that a sum of the middle takes.
  int64_t stepsOfMiddle() const { return first.chunks() * firstTaps; }
  int64_t weightStages() const;
  int64_t sourceStageBytes() const { return first.chunks() * first.sourceStageBytes(); }
  int64_t weightStageBytes() const { return tile.depth * 2 * std::max(tile.channels, resultChannels()); }
  PairPipeline pipeline() const;
  bool fits(const Processor &processor) const;
};

} // namespace kinema::nvidia

#endif

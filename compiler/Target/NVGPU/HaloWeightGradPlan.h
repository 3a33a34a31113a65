// Decides about the weight gradient of a conv on tensor cores before any code is written: which weights a
// block computes, the positions that it stages at a time, and how they pass through shared memory.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_HALOWEIGHTGRADPLAN_H
#define KINEMA_COMPILER_TARGET_NVGPU_HALOWEIGHTGRADPLAN_H

#include "compiler/Target/NVGPU/HaloPlan.h"

namespace kinema::nvidia {

/// Holds what is chosen.
struct HaloWeightGradTile {
  static llvm::StringRef schedule(TensorCores tensorCores) {
    return byTensorCores(tensorCores, "mma.halo_wgrad", "sm90.halo_wgrad", "sm100.halo_wgrad");
  }
  std::array<int64_t, 3> results; // T, H, W: positions of the gradient that are staged together
  std::array<int64_t, 3> taps;    // T, H, W: the box of the kernel that a block computes
  bool outputRows;                // the products' rows are output channels, their columns input channels
  int64_t rows;                   // channels of a block, a multiple of ProductShape::rows
  int64_t columns;                // channels of a block, a multiple of 8, at most 256
  int64_t consumers;              // warpgroups that contract, 2 or 3
  int64_t producers = 1;          // warpgroups that stage both operands, 1 or 2
  int64_t chunks;                 // parts of all positions, each with a partial of its own
  int64_t copiers = 1;            // warps that begin the copies
  int64_t feedStages = 0;         // raw ones through which operands come; 0: as many as keep memory busy
  int64_t boxes = 0;              // 1: the copy engine brings boxes of the operands of which it can, 0: rows

  static void forEach(auto &self, auto visit) {
    visit("frames", self.results[0]);
    visit("rows", self.results[1]);
    visit("columns", self.results[2]);
    visit("taps_t", self.taps[0]);
    visit("taps_h", self.taps[1]);
    visit("taps_w", self.taps[2]);
    visit("output_rows", self.outputRows);
    visit("product_rows", self.rows);
    visit("product_columns", self.columns);
    visit("consumers", self.consumers);
    visit("producers", self.producers);
    visit("copiers", self.copiers);
    visit("partials", self.chunks);
    visit("feed_stages", self.feedStages);
    visit("boxes", self.boxes);
  }
};

struct HaloWeightGradPipeline : PipelinePlan {
  SumsPlan products;
};

/// Plans the contraction of a block: D[tap][row, column] += gradient[p, ..] * activation[p + shift(tap), ..]
/// over the positions p of the activation's halo, borders included. Where p is no result, the staged gradient
/// is zero.
struct HaloWeightGradPlan {
  HaloWeightGradPlan(kernel::WeightGradOp op, const HaloWeightGradTile &tile);

  HaloWeightGradTile tile;
  std::array<HaloAxis, 3> axes; // those of a conv with the block's taps alone
  FeedOperands gradientOperands, activationOperands;
  shape::Size3 kernel, dilation;  // taps, where a pair of a row counts as one
  int64_t clips, outputs, inputs; // channels; inputs: those that are contracted with each tap
  int64_t existingInputs;         // of the inputs
  TensorCores tensorCores;        // by which is contracted
  int64_t groups;                 // that share no channels
  int64_t terms;                  // of a number, whose products are added up (#kernel.precision)
  int64_t neighbours;             // in a staged position: 2 for an input with few channels
  int64_t groupStep;              // with 2 neighbours: positions from one block of 8 inputs to the next

  static constexpr int64_t stages = 2;

  Roles roles() const {
    return {tile.producers, tile.consumers, tile.copiers, tensorCores, /*turns=*/false, terms};
  }
  int64_t rowTiles() const { return tile.rows / ProductShape::rows; }
  /// Returns the channels of the conv that are rows and columns, and how many of them exist: the last pair of
  /// taps of neighbours may have only one that does. Zeros are stored for the others.
  int64_t allRows() const { return tile.outputRows ? outputs : inputs; }
  int64_t allColumns() const { return tile.outputRows ? inputs : outputs; }
  int64_t existingRows() const { return tile.outputRows ? outputs : existingInputs; }
  int64_t existingColumns() const { return tile.outputRows ? existingInputs : outputs; }
  // In groups, a block has the columns of the groups of its rows, and of these only those count that belong
  // to the same group as a row.
  int64_t rowsOfGroup() const { return allRows() / groups; }
  int64_t columnsOfGroup() const { return allColumns() / groups; }
  /// Returns the first of the columns of a block of rows, a multiple of 8.
  int64_t firstColumn(int64_t rowBlock) const {
    return rowBlock * tile.rows / rowsOfGroup() * columnsOfGroup() / 8 * 8;
  }
  /// Counts the columns from there on that a block of rows has at most.
  int64_t columnsOfRows() const;
  /// Returns whether blocks of columns reach beyond the last channel block.
  bool columnsReachBeyond() const;
  /// Counts the results of a block that count, at most.
  int64_t resultsOfBlock() const {
    return groups == 1 ? tile.rows * tile.columns : tile.rows * std::min(tile.columns, columnsOfGroup());
  }
  int64_t boxTaps() const { return shape::product(tile.taps); }
  /// Counts the products of a block, which the consumers share in equal, consecutive parts.
  int64_t products() const { return boxTaps() * rowTiles(); }
  int64_t productsOfConsumer() const { return shape::ceilDiv(products(), tile.consumers); }
  /// Counts the registers that a consumer's thread needs for its sums: one of them at a time, if they are in
  /// tensor memory.
  int64_t registersOfSums() const {
    int64_t sums = tensorCores == TensorCores::TensorMemory ? 1 : productsOfConsumer();
    return sums * ProductShape::accumulators(tile.columns);
  }

  // These count channel blocks of 8 in a stage.
  int64_t gradientBlocks() const { return (tile.outputRows ? tile.rows : tile.columns) / 8; }
  int64_t activationBlocks() const {
    return neighbours > 1 ? 1 : (tile.outputRows ? tile.columns : tile.rows) / 8;
  }
  /// Returns the positions from one block of inputs to the next; blocks of neighbours overlap.
  int64_t inputStep() const { return neighbours > 1 ? groupStep : activationPitch(); }

  int64_t planes() const { return axes[0].planes() * axes[1].planes() * axes[2].planes(); }
  int64_t planePositions() const { return axes[0].extent() * axes[1].extent() * axes[2].extent(); }
  int64_t activationPositions() const { return planes() * planePositions(); }
  /// Returns the gradient's positions along an axis of a stage: those of a plane, but none beyond the last
  /// result along the outermost axis, since no position is counted beyond that.
  int64_t gradientExtent(int axis) const;
  int64_t gradientPositions() const { return gradientExtent(0) * gradientExtent(1) * gradientExtent(2); }
  /// Counts the positions from the first to the last result, rounded up to what an instruction contracts.
  int64_t contracted() const;
  // These count the positions of a channel block of a stage; those that nobody stages are zero.
  int64_t gradientPitch() const;
  int64_t activationPitch() const;

  // The grid has chunks, row tiles, column tiles and boxes of taps.
  int64_t boxes(int axis) const { return shape::ceilDiv(kernel[axis], tile.taps[axis]); }
  int64_t rowBlocks() const { return shape::ceilDiv(allRows(), tile.rows); }
  int64_t columnBlocks() const { return shape::ceilDiv(columnsOfRows(), tile.columns); }
  int64_t blocksOfChunk() const { return boxes(0) * boxes(1) * boxes(2) * rowBlocks() * columnBlocks(); }
  int64_t grid() const { return blocksOfChunk() * tile.chunks; }
  /// These count the tiles of positions of all clips, and how many of them a block goes through.
  int64_t positionTiles() const { return clips * axes[0].tiles() * axes[1].tiles() * axes[2].tiles(); }
  int64_t tilesOfChunk() const { return shape::ceilDiv(positionTiles(), tile.chunks); }

  /// Returns whether each chunk has positions. Else a sum would have no products, and in tensor memory nobody
  /// would make it zero.
  bool everyChunkHasTiles() const { return (tile.chunks - 1) * tilesOfChunk() < positionTiles(); }

  /// These describe how a tile of positions gets to its stage.
  FeedPlan gradientFeed() const;
  FeedPlan activationFeed() const;
  /// These describe the raw stages, which both feeds share.
  int64_t rawBytes() const;
  int64_t rawStages() const;
  int64_t rawFills() const;
  /// Returns whether copies fill a stage, so that no thread stages anything.
  bool copiesDoAll() const { return gradientFeed().copiesDoAll() && activationFeed().copiesDoAll(); }
  bool hasBoxes() const { return gradientFeed().boxes() || activationFeed().boxes(); }

  // These are bytes of a stage, of one term or of all.
  int64_t gradientTermBytes() const { return gradientBlocks() * gradientPitch() * positionBytes; }
  int64_t activationTermBytes() const { return activationBlocks() * activationPitch() * positionBytes; }
  int64_t gradientBytes() const { return terms * gradientTermBytes(); }
  int64_t stageBytes() const { return gradientBytes() + terms * activationTermBytes(); }
  /// Gives the raw ring as many stages as shared memory has room for. The plan fits.
  void deepenRing(const Processor &processor);
  /// Describes the sums of a consumer: one of each of its products.
  SumsPlan sumsPlan() const {
    int64_t count = productsOfConsumer();
    bool follow = rowTiles() % 2 == 0;
    return {tile.columns,
            1,
            count,
            follow && SumsPlan::mayJoin(tensorCores, count, tile.columns),
            /*firstColumn=*/0,
            gradientOperands.half};
  }
  /// Counts the products that the tensor cores make together of the same columns.
  int64_t productsTogether() const { return sumsPlan().together(tensorCores, 1); }
  HaloWeightGradPipeline pipeline() const;
  /// Counts the accumulators for which a thread has registers: those that are left address the products.
  int64_t mostAccumulators() const;
  /// Returns whether a block can have these warpgroups, with registers and columns for all results of a tile.
  bool hasAccumulators() const;
  bool fits(const Processor &processor) const;
};

} // namespace kinema::nvidia

#endif

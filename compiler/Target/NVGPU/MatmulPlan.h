// Decides about a product of matrices on tensor cores before any code is written: the tile of results that is
// computed together, and the ring of stages through which the operands come.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_MATMULPLAN_H
#define KINEMA_COMPILER_TARGET_NVGPU_MATMULPLAN_H

#include "compiler/Target/NVGPU/FeedPlan.h"
#include "compiler/Target/NVGPU/PipelinePlan.h"
#include "compiler/Target/NVGPU/ProductShape.h"

namespace kinema::nvidia {

/// Holds what is chosen.
struct MatmulTile {
  static llvm::StringRef schedule(TensorCores tensorCores) {
    return byTensorCores(tensorCores, "mma.matmul", "sm90.matmul", "sm100.matmul");
  }
  int64_t positions;   // of the result: the rows of products of all consumers
  int64_t channels;    // of the result: the products' columns, a multiple of 8, at most 256
  int64_t depth;       // contracted numbers of a stage, a multiple of ProductShape::depth
  int64_t stages = 2;  // of the ring
  int64_t cluster = 1; // blocks, with the same channels and clip, that share the copies of the left side
  int64_t blocks = 0;  // of the grid, a multiple of the cluster; 0: one for each tile

  static void forEach(auto &self, auto visit) {
    visit("positions", self.positions);
    visit("channels", self.channels);
    visit("depth", self.depth);
    visit("stages", self.stages);
    visit("cluster", self.cluster);
  }
};

/// A MatmulSide is one side of a product, a tensor [clips, channel blocks, positions, 8]. One of channels and
/// positions is contracted, the other one is kept: it becomes the result's.
struct MatmulSide {
  bool contractsChannels;
  int64_t blocks, positions; // of the tensor
  int64_t kept;              // of a tile
  int64_t depth;

  // A stage holds channel blocks, each a run of positions. One copy brings a run or, for the products of
  // warps, a position.
  int64_t runs() const { return (contractsChannels ? depth : kept) / blockChannels; }
  int64_t run() const { return contractsChannels ? kept : depth; }
  int64_t stagedPositions() const { return runs() * run(); }
  int64_t bytes() const { return stagedPositions() * positionBytes; }
  /// Counts the contracted blocks or positions that so many chunks have beyond those that exist.
  int64_t missing(int64_t chunks) const {
    return contractsChannels ? chunks * depth / blockChannels - blocks : chunks * depth - positions;
  }
  // These are bytes: to the next 8 contracted numbers, to the next 8 kept ones, and to the rows of the next
  // product.
  int64_t leading() const { return (contractsChannels ? run() : blockChannels) * positionBytes; }
  int64_t stride() const { return (contractsChannels ? blockChannels : run()) * positionBytes; }
  int64_t rowTileBytes() const { return ProductShape::rows / blockChannels * stride(); }
};

struct MatmulPipeline : PipelinePlan {
  SumsPlan products;
};

/// Plans the contraction D[position, channel] = sum over k of right[k, position] * left[channel, k] for each
/// clip, where `left` and `right` are the sides of kernel.matmul. Tiles of positions are numbered first, then
/// those of channels, then clips; in a cluster, there may be a tile beyond the last position.
struct MatmulPlan {
  MatmulPlan(kernel::MatmulOp op, const MatmulTile &tile);

  MatmulTile tile;
  TensorCores tensorCores; // by which is contracted
  MatmulSide left, right;
  int64_t clips, positions, channels, depth; // of the result, and contracted
  mlir::FloatType half;                      // that are multiplied

  static constexpr int64_t consumers = 2; // warpgroups
  static constexpr int64_t rowsOfConsumers = ProductShape::rows * consumers;

  /// Nothing has to be staged: one warp begins copies of runs, all four of the producers those of positions.
  Roles roles() const { return {1, consumers, copiesPositions() ? warpsOfGroup : 1, tensorCores}; }
  bool copiesPositions() const { return tensorCores == TensorCores::Warps; }

  /// Counts the tiles of a product's rows of a consumer.
  int64_t rowTiles() const { return tile.positions / rowsOfConsumers; }
  int64_t chunks() const { return shape::ceilDiv(depth, tile.depth); }
  int64_t resultBlocks() const { return shape::ceilDiv(channels, blockChannels); }
  int64_t groups() const { return tile.channels / blockChannels; } // channel blocks of a tile
  int64_t channelTiles() const { return shape::ceilDiv(resultBlocks(), groups()); }
  int64_t positionTiles() const {
    return shape::roundUp(shape::ceilDiv(positions, tile.positions), tile.cluster);
  }
  int64_t tiles() const { return clips * channelTiles() * positionTiles(); }
  int64_t grid() const { return tile.blocks ? tile.blocks : tiles(); }
  /// Counts the tiles of the block that has most.
  int64_t tilesOfBlock() const { return shape::ceilDiv(tiles(), grid()); }

  int64_t stageBytes() const { return right.bytes() + left.bytes(); } // in this order
  /// Describes the sums of a consumer.
  SumsPlan sumsPlan() const {
    return {tile.channels,     1,   rowTiles(), SumsPlan::mayJoin(tensorCores, rowTiles(), tile.channels),
            /*firstColumn=*/0, half};
  }
  /// Counts the products that the tensor cores make together of the same columns.
  int64_t productsTogether() const { return sumsPlan().together(tensorCores, rowTiles()); }
  MatmulPipeline pipeline() const;
  bool fits(const Processor &processor) const;
};

} // namespace kinema::nvidia

#endif

// Plans a tiled conv before any code is written: the blocks of the grid, what they stage, the tables of the
// register tiles, and the cycles by which a block's shape is chosen.
#ifndef KINEMA_COMPILER_TARGET_CPU_CONVPLAN_H
#define KINEMA_COMPILER_TARGET_CPU_CONVPLAN_H

#include "compiler/Target/CPU/Blocks.h"
#include "compiler/Target/CPU/MicroKernels.h"
#include "compiler/Target/CPU/Stage.h"
#include "compiler/Target/CPU/Winograd.h"

namespace kinema::cpu {

/// Returns how the conv multiplies. Bfloat16 weights are multiplied in pairs where the machine can, and in
/// matrices where the source's channels fill their rows; Winograd's points are f32.
Factors factorsOf(kernel::ConvOp op, const Machine &machine, const shape::Size3 &tile);

struct ConvPlan {
  /// Plans `op` with Winograd's tiles of this shape, or with taps if that is `noTile`, whichever form the
  /// weight of `op` has now.
  ConvPlan(kernel::ConvOp op, const Machine &machine, BlockShape block, int64_t parts,
           const shape::Size3 &tile);

  const Machine *machine;
  Factors factors;
  int64_t lanes;     // lanes of a vector, and channels of a block of the result
  shape::Size3 tile; // results of one of Winograd's tiles; `noTile`: the weight has taps
  shape::Gather gather;
  BlockCuts cuts;               // cuts of the result into blocks
  int64_t columns;              // columns of the result
  int64_t resultBlocks;         // channel blocks of the result
  int64_t sourceBlocks, reduce; // channel blocks of the source; channels, or pairs of channels, in each
  int64_t depth;                // channels, or pairs, of a source block that are used
  shape::Size3 kernel;          // size of the window
  BlockGroups groups;           // register tiles: result blocks in groups
  Shares parts;                 // shares of these groups, each in a block of the grid of its own
  StagedBox box;
  StagedBox operand; // what the register tiles read: the box, or one point of its Winograd tiles

  int64_t grid() const { return cuts.count() * parts.parts; }
  /// Returns the number of points of a Winograd tile, each of which is a contraction of its own; 1 without
  /// tiles.
  int64_t points() const { return winogradProducts(tile); }
  bool hasPoints() const { return points() > 1; }
  /// Returns the frames, rows and columns of a whole block's clip in near memory, rounded up to whole tiles.
  shape::Size3 tileSize() const;
  /// Returns the accumulators of one point, channel block and clip, along T, H and W: one for each tile.
  shape::Size3 productSize() const;
  /// Returns the pixels of a whole block.
  int64_t blockPixels() const { return cuts[0].size * shape::product(tileSize()); }
  /// Returns the accumulators of one point and channel block.
  int64_t productPixels() const { return cuts[0].size * shape::product(productSize()); }

  // Near memory holds, each part from the start of a cache line: the box, its Winograd tiles
  // [point][operand], their products [point][channel block][pixel], and the group's results
  // [channel block][pixel].
  int64_t operandAt() const { return hasPoints() ? shape::roundUp(box.elements(), 16) : 0; }
  int64_t operandStride() const { return winogradStride(operand.elements()); } // between points
  int64_t productsAt() const { return hasPoints() ? operandAt() + points() * operandStride() : tileAt(); }
  int64_t productStride() const { return winogradStride(groupWidth() * productPixels() * lanes); } // likewise
  int64_t tileAt() const {
    return hasPoints() ? operandAt() + points() * (operandStride() + productStride())
                       : shape::roundUp(box.elements(), 16);
  }
  int64_t scratchBytes() const { return 4 * (tileAt() + groupWidth() * blockPixels() * lanes); }
  /// Returns the cycles that the conv takes, over machines of several sizes (cyclesOverMachines); a rough
  /// estimate.
  double cycles(int64_t prologueReads, int64_t epilogueReads) const;

  /// Holds the tables that the register tiles read. All pixels of a class use the same taps.
  struct Tables {
    std::vector<int32_t> pixels; // pairs: position in the operand, in the products
    std::vector<int32_t> ranges; // [variant][class]: first pair and number of pairs
    std::vector<int32_t> taps;   // pairs: shift in the operand, position in a block of weights
    std::vector<int32_t>
        passes; // [pass]: class, first tap, taps, first channel block, channel blocks, accumulate
    int64_t classes = 0;
  };
  static constexpr int64_t passFields = 6;
  Tables tables() const;

private:
  /// An AxisGroup holds results of a phase along one axis that need the same taps.
  struct AxisGroup {
    std::vector<int64_t> results;
    std::vector<char> isInside; // for each tap: whether it may lie in the source
  };
  struct PixelClass {
    const shape::Phase &phase;
    AxisGroup frames, rows;
    std::vector<shape::Tap> taps;
  };
  int64_t groupWidth() const { return std::min<int64_t>(3, resultBlocks); }
  double stageCost(int64_t prologueReads) const;
  double blockCost(int64_t epilogueReads) const; // without the stage
  /// Returns how many results of a phase lie within the first `size` of a block along one axis.
  int64_t phaseCount(const shape::Phase &phase, int axis, int64_t size) const;
  /// Returns how many results of a phase, or tiles, lie in a row.
  int64_t columnCount(const shape::Phase &phase) const;
  std::vector<AxisGroup> axisGroups(const shape::Phase &phase, int axis, int64_t size) const;
  std::vector<PixelClass> classesOf(BlockShape block) const;
  static int64_t tapsUsed(const std::vector<PixelClass> &classes);
  void addPixels(Tables &tables, const PixelClass &pixels, BlockShape block) const;
  void addPasses(Tables &tables, const PixelClass &pixels, int64_t index) const;

  shape::Size3 sourceSize;
};

} // namespace kinema::cpu

#endif

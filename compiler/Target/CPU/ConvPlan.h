// What a tiled conv decides before any code is written: the blocks of the grid, what they stage, the tables
// of the register tiles, and the cost by which a block's shape is chosen.
#ifndef KINEMA_COMPILER_TARGET_CPU_CONVPLAN_H
#define KINEMA_COMPILER_TARGET_CPU_CONVPLAN_H

#include "compiler/Target/CPU/Blocks.h"
#include "compiler/Target/CPU/MicroKernels.h"
#include "compiler/Target/CPU/Stage.h"

namespace kinema::cpu {

struct ConvPlan {
  ConvPlan(kernel::ConvOp op, BlockShape block, int64_t parts);

  shape::Gather gather;
  BlockCuts cuts;               // of the result
  int64_t columns;              // of the result
  int64_t resultBlocks;         // channel blocks of the result
  int64_t sourceBlocks, reduce; // channel blocks of the source and channels in each
  int64_t depth;                // channels of a source block that are used
  shape::Size3 kernel;          // of the weight
  BlockGroups groups;           // of result blocks: register tiles
  Shares parts;                 // of the groups, each in another block of the grid
  StagedBox box;

  int64_t grid() const { return cuts.count() * parts.parts; }
  /// Pixels of a whole block.
  int64_t blockPixels() const { return cuts.rows() * columns; }
  /// Near memory for the accumulators of one group.
  int64_t tileElements() const { return std::min<int64_t>(3, resultBlocks) * blockPixels() * lanes; }
  /// The accumulators lie behind the box, on a cache line of their own.
  int64_t tileAt() const { return shape::roundUp(box.elements(), 16); }
  int64_t scratchBytes() const { return 4 * (tileAt() + tileElements()); }
  /// In cycles, over machines of several sizes; rough.
  double cost(int64_t prologueReads, int64_t epilogueReads) const;

  /// The tables, as the register tiles read them.
  struct Tables {
    std::vector<int32_t> pixels; // pairs: position in the box, in the tile
    std::vector<int32_t> ranges; // [variant][phase]: first pair and number of pairs
    std::vector<int32_t> taps;   // pairs: shift in the box, position in a block of weights
    std::vector<int32_t>
        passes; // [pass]: phase, first tap, taps, first channel block, channel blocks, accumulate
  };
  static constexpr int64_t passFields = 6;
  Tables tables() const;

private:
  double stageCost(int64_t prologueReads) const;
  double blockCost(int64_t epilogueReads) const; // without the stage
  /// Results of a phase along one axis within the first `size` of a block.
  int64_t phaseCount(const shape::Phase &phase, int axis, int64_t size) const;
  void addPixels(Tables &tables, const shape::Phase &phase, int64_t variant) const;
  void addPasses(Tables &tables, size_t phase) const;
};

} // namespace kinema::cpu

#endif

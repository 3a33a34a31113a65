// Brings what an epilogue reads at the places of a tile's results to shared memory, ahead of its turn, as
// boxes of the copy engine: no thread waits for memory then, and none keeps registers for what is under way.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_EPILOGUEFEED_H
#define KINEMA_COMPILER_TARGET_NVGPU_EPILOGUEFEED_H

#include "compiler/Target/NVGPU/FeedPlan.h"
#include "compiler/Target/NVGPU/Pipeline.h"

namespace kinema::nvidia {

inline constexpr int64_t mostEpilogueStages = 64;

/// Describes a stage of such a ring: for each operand, channel blocks of the places of a tile's results,
/// [operands, blocks of a part, T, H, W, 16 or 32 bytes], where operands begin at multiples of 128 bytes. A
/// part is some of a tile's blocks, so that copies are under way while the epilogue reads others.
struct EpilogueFeedPlan {
  std::array<int64_t, 3> results; // of a tile, along each axis
  std::array<int64_t, 3> steps;   // of the tensor, from one result to the next
  int64_t blocks;                 // of a tile
  int64_t operands = 0;           // that are read at the places of results
  int64_t wide = 0;               // of these, with positions of 32 bytes in place of 16

  /// A box spans so many positions of an axis and brings every `boxStep`-th; of the last axis it brings all.
  int64_t boxSpan(int axis) const { return (results[axis] - 1) * steps[axis] + 1; }
  int64_t boxStep(int axis) const { return axis < 2 ? steps[axis] : 1; }
  int64_t brought(int axis) const { return axis < 2 ? results[axis] : boxSpan(axis); }
  /// Counts the positions of a channel block in a stage.
  int64_t positions() const { return brought(0) * brought(1) * brought(2); }
  /// Counts the blocks of a part; the last one may reach beyond the tile.
  int64_t blocksOfPart() const;
  int64_t parts() const { return shape::ceilDiv(blocks, blocksOfPart()); }
  /// Returns the bytes of an operand with so many bytes a position in a stage.
  int64_t operandBytes(int64_t eachBytes) const;
  int64_t stageBytes() const;
  /// Returns the bytes that the boxes of a tile bring.
  int64_t boxBytes() const { return parts() * blocksOfPart() * blockBytes(); }
  /// Returns whether there is something to bring, and the copy engine has such boxes.
  bool exists() const;
  /// Returns the cycles in which the copies of a tile begin or, if that takes longer, the copy engine works
  /// on its boxes.
  double cyclesOfCopies(const Rates &rates) const;

private:
  int64_t blockBytes() const { return positions() * (operands + wide) * positionBytes; }
};

/// An EpilogueFeed writes the copies, and the loads of what they have brought.
class EpilogueFeed {
public:
  /// `blocks` counts the channel blocks of the operands, and `sizes` their positions along each axis.
  EpilogueFeed(WarpgroupEmitter &w, kernel::AccessRegion epilogue, const EpilogueFeedPlan &plan,
               int64_t blocks, const std::array<int64_t, 3> &sizes, const Ring &ring)
      : plan(plan), ring(ring), w(w), e(w.e), epilogue(epilogue), blocks(blocks), sizes(sizes) {}

  const EpilogueFeedPlan plan;
  const Ring &ring;

  /// Returns whether boxes bring this operand: it is read at the places of results.
  static bool brings(const kernel::AccessOperand &operand) { return operand.access == kernel::Access::Pixel; }
  /// Begins the copies of all parts of a tile, each as soon as its stage is empty. One thread calls it. The
  /// tile lies in clip n, begins with this channel block and, along each axis, at position `first`; `step`
  /// is that of its first part.
  void copy(mlir::Value n, mlir::Value firstBlock, const std::array<mlir::Value, 3> &first, mlir::Value step);
  /// Returns where a result lies in a channel block, by its number along each axis within the tile: in bytes
  /// of an operand in halves.
  mlir::Value placeOf(const std::array<mlir::Value, 3> &inTile);
  /// Loads the pair of channels that begins at `column` of a block of a stage, as it is stored.
  mlir::Value load(const kernel::AccessOperand &operand, mlir::Value step, int64_t block, mlir::Value place,
                   mlir::Value column);

private:
  kernel::TensorMapAttr mapOf(const kernel::AccessOperand &operand) const;
  /// Returns where an operand begins in a stage.
  int64_t offsetOf(const kernel::AccessOperand &operand) const;

  WarpgroupEmitter &w;
  KernelEmitter &e;
  kernel::AccessRegion epilogue;
  int64_t blocks;
  std::array<int64_t, 3> sizes;
  llvm::DenseMap<mlir::OpOperand *, mlir::Value> maps; // parameters that the copy engine reads
};

} // namespace kinema::nvidia

#endif

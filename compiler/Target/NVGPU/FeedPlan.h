// Decides how a part of a source gets to shared memory, before any code is written: which copies bring it,
// and how many channel blocks pass at once through the ring of raw stages on their way.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_FEEDPLAN_H
#define KINEMA_COMPILER_TARGET_NVGPU_FEEDPLAN_H

#include "compiler/Target/NVGPU/Processor.h"
#include "dialects/Kernel/Halves.h"

namespace kinema::nvidia {

inline constexpr int64_t blockChannels = 8;  // channels of a block in the blocked layout
inline constexpr int64_t positionBytes = 16; // bytes of these channels in halves

/// Returns whether a tensor is in blocks of 8 channels, in halves or f32: an element of it has the same
/// number in either type.
bool hasBlocks(mlir::RankedTensorType type);

/// Returns whether a tensor is in halves and blocks of 8 channels.
bool isBlocked(mlir::RankedTensorType type);

/// Returns how many neighbours of a row a staged position of a tensor holds: 1 where it lies in blocks of 8
/// channels, 2 for an input of f32 in one block of 4, and 0 where it cannot or should not be staged.
int64_t stagedNeighbours(mlir::RankedTensorType type);

/// Returns the bytes of a position of a channel block of a tensor. Those of tensors that can be staged are 16
/// or, of f32 in blocks of 8, 32, so that bulk copies may begin at any position.
int64_t rawPositionBytes(mlir::RankedTensorType type);

/// Returns whether a prologue can be staged with so many neighbours of a row in a position.
bool canStage(const kernel::AccessRegion &prologue, int64_t neighbours = 1);

/// Says what a prologue reads.
struct FeedOperands {
  explicit FeedOperands(const kernel::AccessRegion &prologue);

  int64_t pixels = 0;      // tensors that are read position by position
  int64_t wide = 0;        // of these, with positions of 32 bytes in place of 16
  int64_t vectors = 0;     // tensors that are read by channel
  int64_t vectorBytes = 0; // of a channel block of all of them
  int64_t operations = 0;  // of the prologue, on each element
  bool identity;           // whether the prologue yields what it reads, in halves
  mlir::FloatType half;    // that the prologue hands to products

  /// Returns the bytes of a position of all pixels.
  int64_t pixelBytes() const { return (pixels + wide) * positionBytes; }
};

/// A FeedAxis is one axis of the staged positions: planes of `extent` positions each. Position i of plane p
/// holds the source's (first + i) * step + p + low if i < filled and the source reaches there, else zero.
/// Along the last axis, a position also holds the neighbours that belong to it.
struct FeedAxis {
  int64_t planes, extent, filled;
  int64_t step;
  int64_t source;       // the source's size
  bool covered = false; // whether the source reaches every position of every tile
  bool whole = false;   // whether the positions are the source's own, all of them, in every tile
  bool ends = false;    // whether the source ends with the filled positions in every tile
  double inside = 0;    // of the source's positions that a tile wants, those that exist, on average

  /// Counts the positions from the first to the last one.
  int64_t span() const { return (extent - 1) * step + planes; }
  /// A box spans so many of the source's positions and brings every `boxStep`-th: those of a raw stage.
  int64_t boxStep() const { return planes == 1 ? step : 1; }
  int64_t boxSpan() const { return (extent * planes - 1) * boxStep() + 1; }
  /// Returns whether these are the raw stage's, and no position is left out between planes.
  bool boxesFit() const { return planes == 1 || planes == step; }
};

/// A FeedPlan describes the channel blocks of a source that one stage holds, [blocks, positions, 8 channels],
/// and behind them, where products are of terms (#kernel.precision), the same of what rounding has left.
/// They come as boxes, with the zeros around the source, by the copy engine, or as rows, by bulk copies, or,
/// for the products of warps, position by position, by copies of 16 bytes.
/// Where the prologue is the identity, they go straight to where products read them. Elsewhere they go to a
/// raw stage, [operands, blocks, raw positions, 16 or 32 bytes], where boxes begin at multiples of 128 bytes,
/// and then the channels of the vectors; from there threads run the prologue into the stage. A raw stage
/// holds some of the blocks, a part, so that copies are under way while other parts are worked on.
struct FeedPlan {
  FeedOperands operands;
  std::array<FeedAxis, 3> axes;
  int64_t blocks;                                    // of a stage
  int64_t pitch;                                     // positions from one staged block to the next
  int64_t neighbours;                                // of a row in one staged position
  int64_t threads;                                   // that run the prologue
  int64_t copiers;                                   // warps that share the copies
  int64_t terms = 1;                                 // of a staged number, 1 or 2
  TensorCores tensorCores = TensorCores::Warpgroups; // that read what is staged
  bool wantsBoxes = false;                           // rather than rows, where the copy engine has them

  /// Returns whether each copy is of 16 bytes, begun by a thread of its own, which also writes the zeros
  /// where the source does not reach.
  bool copiesPositions() const { return tensorCores == TensorCores::Warps; }
  /// Returns whether copies bring boxes. A box that goes straight to its stage must not bring what is no
  /// filled position.
  bool boxes() const;
  /// Returns whether copies fill a stage, zeros included, so that no thread stages anything.
  bool copiesDoAll() const { return direct() && (copiesPositions() || boxes()); }
  /// Counts the staged positions of a channel block.
  int64_t positions() const;
  /// Returns the bytes of the blocks of a stage, of one term.
  int64_t termBytes() const { return blocks * pitch * positionBytes; }
  /// Counts the source's positions along an axis of a raw stage, and of a block.
  int64_t rawExtent(int axis) const;
  int64_t rawPositions() const { return rawExtent(0) * rawExtent(1) * rawExtent(2); }
  /// Returns whether copies go straight to the stage.
  bool direct() const;
  /// Returns whether the source reaches every staged position, so that none has to be zero.
  bool covered() const;

  int64_t blocksOfPart() const;
  /// Counts the blocks that one box brings.
  int64_t blocksOfBox() const { return direct() && pitch != positions() ? 1 : blocksOfPart(); }
  /// Returns the bytes of a part of an operand with so many bytes a position in a raw stage.
  int64_t rawOperandBytes(int64_t eachBytes) const;
  /// Returns the bytes of a part of all pixels, behind which the vectors lie.
  int64_t rawPixelBytes() const;
  int64_t parts() const { return blocks / blocksOfPart(); }
  /// Returns the bytes of a part's raw stage: none where copies go straight to the stage.
  int64_t rawBytes() const;
  /// Counts the blocks of a part that the threads work on at the same time: so many that a thread has several
  /// positions of a block, for which it loads the vectors once, if it may have several.
  int64_t blocksTogether() const;
  /// Counts the positions, of one block or of several, that a thread loads before it stores the first one.
  int64_t piecesTogether() const;
  /// Counts the groups of such blocks whose positions a thread loads together: where it has few in each, it
  /// would wait for shared memory as often as it has blocks.
  int64_t groupsTogether() const;
  /// Counts the positions of each thread in a block, and the threads that share a block's.
  int64_t positionsOfThread() const { return positionsOfThread(blocksTogether()); }
  int64_t threadsOfBlock() const { return shape::ceilDiv(positions(), positionsOfThread()); }
  /// Returns whether each thread can keep in registers where its positions lie, if it can of `most`: ptxas
  /// spills more of them.
  bool keepsPositions(int64_t most) const { return direct() || positionsOfThread() <= most; }

  /// Returns the axis along which copies run: the last one, or one before it where those behind it are whole.
  int runAxis() const;
  /// Counts the copies of a channel block of one operand.
  int64_t copiesOfBlock() const;
  /// Counts the copies of a part of one operand.
  int64_t rowsOfPart() const { return blocksOfPart() * copiesOfBlock(); }
  int64_t copyingThreads() const { return copiers * warp; }
  /// Counts the arrivals of a part at the barrier of its stage. Every copying thread arrives, also one that
  /// has no row to copy, so that none falls behind by a phase of a barrier without being missed.
  int64_t arrivalsOfPart() const {
    if (boxes())
      return copiers; // one thread of each warp
    if (copiesPositions())
      return copyingThreads(); // each when all its copies have come
    return operands.pixels * shape::roundUp(rowsOfPart(), copyingThreads()) + operands.vectors;
  }
  /// Counts those at the barrier of a stage to which copies go straight.
  int64_t arrivalsOfStage() const { return direct() ? parts() * arrivalsOfPart() : 0; }
  /// Returns the bytes that a stage's copies read, in whole sectors of L2.
  double sectorBytes() const;

  /// Returns the bytes of a stage that pass through shared memory: what copies bring, and what threads load
  /// and store.
  double sharedBytes() const;
  /// Returns a lower bound of them for all threads and copiers, in boxes or rows.
  double leastSharedBytes() const;
  /// Returns the cycles in which the threads work on a stage, and in which its copies begin or, if that takes
  /// longer, the copy engine works on its boxes.
  double cyclesOfThreads(const Rates &rates) const;
  double cyclesOfCopies(const Rates &rates) const;

private:
  /// Counts the positions of a block that a thread may have: one where it stores zeros alone, and where the
  /// products of warps, the terms of a number or a long prologue leave no registers for several.
  int64_t mostPositions() const;
  /// Counts the positions of each thread in a block, if the threads work on so many blocks at the same time.
  int64_t positionsOfThread(int64_t blocksTogether) const {
    return shape::ceilDiv(positions(), threads / blocksTogether);
  }
  /// Returns the instructions of a thread for its positions of so many blocks, where it has as many in each.
  double instructionsOf(double blocks, int64_t positionsOfBlock) const;
  /// Returns whether a stage can have what the source has, as it is.
  bool staysAsItIs() const;
  /// Returns the bytes of a stage that products read.
  double stagedBytes() const { return double(terms) * blocks * positions() * positionBytes; }
  /// Returns the bytes that the boxes of a stage bring.
  int64_t boxBytes() const;
  int64_t rawBlockBytes() const;
  /// Counts the copies of 16 bytes of a part.
  int64_t piecesOfPart() const;
  /// Counts the source's positions that a copy brings, on average.
  double run() const;
};

/// Says, behind the word "whose", that a schedule wants boxes where there can be none.
inline constexpr llvm::StringLiteral noBoxes =
    "boxes are 1, expected 0: a tile needs something of the source that is no box";

inline constexpr int64_t mostFeedStages = 12, fewestWeightStages = 4, mostWeightStages = 16;
/// Weights that stay with a block have at most so many stages, one for each step of a tile.
inline constexpr int64_t mostStayingStages = 64;
/// Of a ring of weights, consumers have two stages at a time: the products of one are under way while those
/// of the next begin.
inline constexpr int64_t heldWeightStages = 2;

/// Returns how many raw stages of so many bytes there are, where `parts` pass through them: as many as are
/// wanted or, where that is 0, as keep memory busy.
int64_t rawStages(int64_t bytes, int64_t parts, int64_t wanted = 0);

/// Returns the most stages of a feed's ring, at least `fewest`, of which `fit` says that a block has memory
/// for them.
int64_t deepestFeed(int64_t fewest, llvm::function_ref<bool(int64_t)> fit);

/// Returns how many stages of weights of so many bytes there are: as many as are wanted or, where that is 0,
/// a power of two that keeps L2 busy.
int64_t weightStages(int64_t bytes, int64_t wanted);

/// Returns how many blocks of 8 contracted channels one copy brings of a weight that lies as tapsLayout says,
/// for a stage of `blocks` of `allBlocks` and `columns` of `allColumns`: each block of a cluster's share,
/// where they lie side by side.
constexpr int64_t blocksOfWeightCopy(int64_t allBlocks, int64_t allColumns, int64_t blocks, int64_t columns,
                                     int64_t cluster) {
  bool sideBySide = columns == allColumns && allBlocks % blocks == 0 && blocks % cluster == 0;
  return sideBySide ? blocks / cluster : 1;
}

} // namespace kinema::nvidia

#endif

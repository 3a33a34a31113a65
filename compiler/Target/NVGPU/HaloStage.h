// Stages a part of a source in shared memory, through a prologue: its positions one after the other, 16 bytes
// apart, each channel block of 8 by itself. For a source with few channels, a position holds two neighbours
// of a row with 4 channels each.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_HALOSTAGE_H
#define KINEMA_COMPILER_TARGET_NVGPU_HALOSTAGE_H

#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

namespace kinema::nvidia {

/// A StageAxis is one axis of the staged positions: planes of `extent` positions each. Position i of plane p
/// holds the source's (first + i) * step + p + low if i < filled and the source reaches there, else zero.
/// Along the last axis, a position also holds the neighbours that belong to it.
struct StageAxis {
  int64_t planes, extent, filled;
  int64_t step;
  mlir::Value low;
  int64_t source; // the source's size
  mlir::Value first;
};

/// A StageSource is a source with its prologue, whose operands are tensors [N, C, T, H, W] in blocks of
/// channels, and vectors.
struct StageSource {
  kernel::AccessRegion prologue;
  int64_t channelBlocks;
  int64_t neighbours = 1; // neighbours of a row in one staged position
};

/// Returns whether a tensor is in bfloat16 and blocks of 8 channels.
bool isBlocked(mlir::RankedTensorType type);

/// Returns how many neighbours of a row a staged position of a tensor holds: 1 where it lies in blocks of 8
/// channels, 2 for an input in one block of 4, and 0 where it cannot be staged.
int64_t stagedNeighbours(mlir::RankedTensorType type);

/// Returns whether a prologue can be staged with so many neighbours of a row in a position.
bool canStage(const kernel::AccessRegion &prologue, int64_t neighbours = 1);

/// Returns roughly the cycles in which `threads` threads stage channel blocks of so many positions.
double cyclesOfStaging(const kernel::AccessRegion &prologue, int64_t blocks, int64_t positions,
                       int64_t threads, int64_t neighbours = 1);

/// Describes channel blocks that lie side by side in shared memory.
struct StagedBlocks {
  mlir::Value firstBlock; // number in the source; zeros are staged beyond its last block
  int64_t blocks;
  mlir::Value at; // bytes from the start of shared memory
  int64_t pitch;  // positions from one block to the next
};

/// Stages channel blocks of clip `n`, with the prologue's result rounded to bfloat16. `thread` is this
/// thread's number among the `threads` that share the work.
void stageHalo(WarpgroupEmitter &w, const StageSource &source, llvm::ArrayRef<StageAxis> axes, mlir::Value n,
               const StagedBlocks &staged, mlir::Value thread, int64_t threads);

/// Is a weight in bfloat16 that lies as tapsLayout says: [taps, blocks of 8 contracted channels, columns, 8].
struct TapsWeight {
  mlir::Value buffer;
  int64_t blocks, columns;
};

/// Copies the columns [firstColumn, firstColumn + columns) of `depth` contracted channels of a tap, from
/// channel chunk * depth on, to the ring's stage of `step`, once that is empty. One thread calls it; the
/// bytes count for the stage. Beyond the weight's blocks, any numbers are copied.
void stageWeights(WarpgroupEmitter &w, const Ring &ring, mlir::Value step, const TapsWeight &weight,
                  mlir::Value tap, mlir::Value chunk, int64_t depth, mlir::Value firstColumn,
                  int64_t columns);

} // namespace kinema::nvidia

#endif

// Part of a source in shared memory: its positions one after the other, 16 bytes apart, each channel block of
// 8 by itself, staged through a prologue. Of a source with few channels, a position holds two neighbours of a
// row with 4 channels each.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_HALOSTAGE_H
#define KINEMA_COMPILER_TARGET_NVGPU_HALOSTAGE_H

#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

namespace kinema::nvidia {

/// One axis of the staged positions: planes of `extent` positions each. Position i of plane p holds the
/// source's (first + i) * step + p + low if i < filled and the source reaches there, else zero; of the last
/// axis also the neighbours that a position holds with it.
struct StageAxis {
  int64_t planes, extent, filled;
  int64_t step;
  mlir::Value low;
  int64_t source; // its size
  mlir::Value first;
};

/// A source and its prologue, whose operands are tensors [N, C, T, H, W] in blocks of channels, and vectors.
struct StageSource {
  kernel::AccessRegion prologue;
  int64_t channelBlocks;
  int64_t neighbours = 1; // of a row in a staged position
};

/// In bfloat16 and blocks of 8 channels?
bool isBlocked(mlir::RankedTensorType type);

/// How many neighbours of a row a staged position of a tensor holds: 1 of what lies in blocks of 8 channels,
/// 2 of an input in one block of 4; 0: it cannot be staged.
int64_t stagedNeighbours(mlir::RankedTensorType type);

/// Can a prologue be staged, so many neighbours of a row in a position?
bool canStage(const kernel::AccessRegion &prologue, int64_t neighbours = 1);

/// Cycles in which `threads` threads stage channel blocks of so many positions, roughly.
double cyclesOfStaging(const kernel::AccessRegion &prologue, int64_t blocks, int64_t positions,
                       int64_t threads, int64_t neighbours = 1);

/// Channel blocks side by side in shared memory.
struct StagedBlocks {
  mlir::Value firstBlock; // of the source's; zeros are staged for blocks beyond them
  int64_t blocks;
  mlir::Value at; // bytes from the start of shared memory
  int64_t pitch;  // positions from one block to the next
};

/// Stages channel blocks of clip `n`, the prologue's result rounded to bfloat16. thread: this one of the
/// `threads` that share them.
void stageHalo(WarpgroupEmitter &w, const StageSource &source, llvm::ArrayRef<StageAxis> axes, mlir::Value n,
               const StagedBlocks &staged, mlir::Value thread, int64_t threads);

/// A weight in bfloat16 that lies as tapsLayout says: [taps, blocks of 8 contracted channels, columns, 8].
struct TapsWeight {
  mlir::Value buffer;
  int64_t blocks, columns;
};

/// Copies the columns [firstColumn, firstColumn + columns) of `depth` contracted channels of a tap, from
/// channel chunk * depth on, to the ring's stage of `step`, once that is empty. For one thread; the bytes
/// count for the stage. Beyond the weight's blocks come any numbers.
void stageWeights(WarpgroupEmitter &w, const Ring &ring, mlir::Value step, const TapsWeight &weight,
                  mlir::Value tap, mlir::Value chunk, int64_t depth, mlir::Value firstColumn,
                  int64_t columns);

} // namespace kinema::nvidia

#endif

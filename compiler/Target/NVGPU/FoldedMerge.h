// A merge of partials by the last of the blocks that leave them.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_FOLDEDMERGE_H
#define KINEMA_COMPILER_TARGET_NVGPU_FOLDEDMERGE_H

#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

namespace kinema::nvidia {

struct FoldedMerge {
  kernel::FinalizeOp op;
  llvm::SmallVector<mlir::Value> operands, results; // buffers: the partials and the inputs, and the results
  mlir::Value counters, counter;                    // a buffer of zeros, and the number of that to count with
  int64_t blocks;                                   // that leave partials of the channels
  mlir::Value firstChannel;
  int64_t channels;                // from there on
  mlir::Value thread;              // of those of the block that take part
  int64_t threads, barrier;        // where they meet
  int64_t scratchAt, scratchBytes; // shared memory that nobody else needs any more
};

/// For threads whose block has stored its partials. They meet, and the block counts itself; the one that
/// comes last merges the partials of all in their order, and sets the counter back to zero.
void emitFoldedMerge(WarpgroupEmitter &w, const FoldedMerge &merge);

} // namespace kinema::nvidia

#endif

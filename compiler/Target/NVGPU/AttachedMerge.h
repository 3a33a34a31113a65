// Merges partials in the last of the blocks that leave them.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_ATTACHEDMERGE_H
#define KINEMA_COMPILER_TARGET_NVGPU_ATTACHEDMERGE_H

#include "compiler/Target/NVGPU/SharedMemory.h"
#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

namespace kinema::nvidia {

struct AttachedMerge {
  kernel::FinalizeOp op;
  llvm::SmallVector<mlir::Value> operands, results; // buffers of partials and inputs, and of the results
  mlir::Value counters, counter;                    // zero-initialised counters; this merge's index in them
  int64_t blocks;                                   // how many blocks leave partials of the channels
  mlir::Value firstChannel;
  int64_t channels;         // number of channels from there on
  mlir::Value thread;       // number among the threads of the block that take part
  int64_t threads, barrier; // how many threads take part, and the barrier where they meet
  SharedRegion scratch;     // shared memory that nobody else needs any more
};

/// The function is called by threads whose block has stored its partials. They meet, and the block counts
/// itself; the block that comes last merges the partials of all in their order, and sets the counter back to
/// zero.
void emitAttachedMerge(WarpgroupEmitter &w, const AttachedMerge &merge);

} // namespace kinema::nvidia

#endif

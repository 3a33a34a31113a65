// Computes sums and maxima over the threads of a block, in an order that the code fixes.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_COMBINETHREADS_H
#define KINEMA_COMPILER_TARGET_NVGPU_COMBINETHREADS_H

#include "compiler/Target/Common/KernelEmitter.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace kinema::nvidia {

/// Counts the bytes of shared memory that a kernel takes for that besides what its schedule says: a vector of
/// 8 f64 for each warp that a block may have.
inline constexpr int64_t combineThreadsBytes = 32 * 64;

/// Implements KernelEmitter::combineThreads for values that are f32 or f64, or vectors of them, one from each
/// thread. A warp's values are combined by a butterfly and the warps' by halving, through shared memory of
/// the module's own. All threads of the block must come here.
llvm::SmallVector<mlir::Value> combineThreads(KernelEmitter &e, mlir::gpu::GPUModuleOp module,
                                              mlir::ValueRange values, KernelEmitter::Combine combine);
/// Implements KernelEmitter::combineWarp likewise.
llvm::SmallVector<mlir::Value> combineWarp(KernelEmitter &e, mlir::ValueRange values,
                                           KernelEmitter::Combine combine);

} // namespace kinema::nvidia

#endif

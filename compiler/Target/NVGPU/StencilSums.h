// Sums and moments of a depthwise conv's results, over a thread's and then over a block's.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_STENCILSUMS_H
#define KINEMA_COMPILER_TARGET_NVGPU_STENCILSUMS_H

#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

namespace kinema::nvidia {

/// Takes what an epilogue yields besides what it stores, for 8 channels. A thread carries its state through
/// loops: count, mean and squared distances where there are moments, then plain sums.
class StencilSums {
public:
  StencilSums(KernelEmitter &e, kernel::YieldOp yield);

  /// A Result is what the epilogue yields at one position; `valid` is null where it always is a result.
  struct Result {
    llvm::SmallVector<mlir::Value> yielded;
    mlir::Value valid;
  };

  llvm::SmallVector<mlir::Value> none();
  /// Returns the state with these results, too (Chan, Golub and LeVeque, 1983).
  llvm::SmallVector<mlir::Value> with(mlir::ValueRange state, llvm::ArrayRef<Result> results);
  /// Combines the threads' states; all threads come here. Returns the rows of the partials, those of moments
  /// first: count, mean, squared distances.
  llvm::SmallVector<mlir::Value> acrossThreads(mlir::ValueRange state);
  int64_t momentRows() const { return 3 * moments; }

private:
  mlir::Value countOf(llvm::ArrayRef<Result> results);
  llvm::SmallVector<mlir::Value> withMoments(mlir::ValueRange state, llvm::ArrayRef<Result> results);
  /// Adds up term(result) of the valid results.
  mlir::Value sum(llvm::ArrayRef<Result> results, llvm::function_ref<mlir::Value(const Result &)> term);
  mlir::Value wide(mlir::Value scalar) { return e.splat(scalar, blockChannels); }
  /// Returns 1 / count, or anything where that is zero.
  mlir::Value inverse(mlir::Value count);

  KernelEmitter &e;
  int64_t stores, moments, sums;
};

} // namespace kinema::nvidia

#endif

// Places sums and moments of values: they ride with the kernels that make the values, and a kernel.finalize
// merges the partials that those leave.
#ifndef KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_REDUCTIONS_H
#define KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_REDUCTIONS_H

#include "compiler/Conversion/ClipToKernel/Storage.h"

#include "llvm/ADT/MapVector.h"

namespace kinema {

/// Lists what a kernel yields: the value that it stores, if it does, then reductions of it.
struct Outputs {
  llvm::SmallVector<mlir::Type> types;
  llvm::SmallVector<clip::ChannelReductionOp> moments = {};
  llvm::SmallVector<clip::ChannelReductionOp> sums = {};
  /// Holds, for each operation of `sums`, the row of the partials that each of its results has.
  llvm::SmallVector<llvm::SmallVector<int64_t>> rows = {};
};

class Reductions {
public:
  /// Kernels are made at the builder's place.
  Reductions(Storage &storage, mlir::OpBuilder &builder) : storage(storage), b(builder) {}

  /// Lets a region that computes `value` as `scalar` yield the reductions of it that can ride along.
  void yield(RegionBuilder &region, mlir::Value value, mlir::Value scalar, Outputs &outputs);
  /// Takes the kernel's results from number `next` on as the partials of these outputs.
  void bind(mlir::Operation *kernel, const Outputs &outputs, unsigned next);

  /// Returns whether a kernel leaves the partials of a reduction.
  bool rides(mlir::Operation *op) const { return partials.contains(op); }
  /// Merges the partials of a reduction that rides, once for all that share them, and computes the channel
  /// arithmetic that is possible then.
  void merge(mlir::Operation *op);
  /// Makes a kernel for channel arithmetic that waits for no partials.
  void compute(clip::ChannelwiseOp op);

private:
  /// Says where the merged numbers of a reduction come from.
  struct Partials {
    mlir::Value tensor;
    llvm::SmallVector<int64_t> rows;
  };

  void collectFollowers(llvm::SetVector<mlir::Operation *> &members);
  void finalize(mlir::Value tensor, llvm::ArrayRef<mlir::Operation *> roots);

  Storage &storage;
  mlir::OpBuilder &b;
  llvm::MapVector<mlir::Operation *, Partials> partials;
  llvm::DenseSet<mlir::Value> merged;         // partials that a kernel.finalize merges already
  llvm::DenseSet<mlir::Operation *> computed; // reductions and channel arithmetic that are computed already
};

} // namespace kinema

#endif

// Virtual values: clip values that are never stored but recomputed, as scalar arithmetic, by every kernel
// that reads them. A value is stored if it is an operand of the function, a parameter, or the result of a
// kernel.
#ifndef KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_EXPRESSION_H
#define KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_EXPRESSION_H

#include "dialects/Kernel/Kernel.h"

#include "llvm/ADT/SetVector.h"

namespace kinema {

/// From a clip value to the tensor that holds it in memory: all of it, or, where that is smaller, its points
/// on a lattice (see kernel::latticeStride), zero elsewhere.
using StoredValues = llvm::DenseMap<mlir::Value, mlir::Value>;

/// The stored values that a virtual one is computed from.
struct Leaves {
  llvm::SetVector<mlir::Value> tensors; // read at the element's own position
  llvm::SetVector<mlir::Value> vectors; // one value a channel, or a clip and channel
  bool joins = false;                   // combines two tensors by addition or multiplication
  bool complete = true;                 // nothing on the way lacks a stored value or an arithmetic form
};
Leaves leavesOf(mlir::Value value, const StoredValues &stored);

/// An average pool over the whole of T, H and W: its gradient is one number a clip and channel.
bool isGlobalPool(clip::WindowAttr window, mlir::RankedTensorType input);

/// A factor of [N, C, 1, 1, 1] beside a larger value: read where it is used. Products with other spread
/// factors are stored.
bool isSpreadByChannel(mlir::Value factor, mlir::Value value);

/// Writes the region of a kernel operation: scalar f32 arithmetic over the operands that it collects on the
/// way.
class RegionBuilder {
public:
  RegionBuilder(mlir::MLIRContext *context, mlir::Location location, const StoredValues &stored);

  /// Makes the next block argument stand for `value` (an accumulator, a statistic).
  mlir::Value addArgument(mlir::Value value);
  /// Says which scalar stands for `value`.
  void define(mlir::Value value, mlir::Value scalar);
  /// The scalar that computes a clip value at the current element.
  mlir::Value emit(mlir::Value value);
  /// The scalar of a channel vector.
  mlir::Value emitChannel(mlir::Value vector);
  /// The scalar of a stored value whose sizes of 1 are repeated.
  mlir::Value emitSpread(mlir::Value factor);
  mlir::Value constant(float value);
  /// Adds to what the region yields.
  void yield(kernel::Yield kind, mlir::Value scalar);

  mlir::OpBuilder b;
  mlir::Location loc;
  llvm::SmallVector<mlir::Value> operands; // stored tensors, one a trailing block argument
  llvm::SmallVector<int32_t> access;       // kernel::Access, one an operand
  llvm::SmallVector<mlir::Value> yielded;
  llvm::SmallVector<int32_t> kinds; // kernel::Yield, one a yielded value

  /// Ends the region and moves it into `target`.
  void finish(mlir::Region &target);

private:
  mlir::Value operand(mlir::Value value, kernel::Access how);
  mlir::Value compute(mlir::Operation *op);

  const StoredValues &stored;
  mlir::Region region;
  llvm::DenseMap<mlir::Value, mlir::Value> scalars;
};

} // namespace kinema

#endif

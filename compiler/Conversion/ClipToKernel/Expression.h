// Handles virtual values: clip values that are never stored but recomputed, as scalar arithmetic, by every
// kernel that reads them. A value is stored if it is an operand of the function, a parameter, or the result
// of a kernel.
#ifndef KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_EXPRESSION_H
#define KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_EXPRESSION_H

#include "dialects/Kernel/Kernel.h"

#include "llvm/ADT/SetVector.h"

namespace kinema {

/// Maps a clip value to the tensor that holds it in memory: all of it or, where the tensor is smaller, its
/// points on a lattice (see kernel::latticeStride); the value is zero elsewhere.
using StoredValues = llvm::DenseMap<mlir::Value, mlir::Value>;

/// Collects the stored values that a virtual one is computed from.
struct Leaves {
  llvm::SetVector<mlir::Value> tensors; // read at the element's own position
  llvm::SetVector<mlir::Value> vectors; // one value a channel, or a clip and channel
  bool joins = false;                   // whether it combines two tensors to one that is kept
  bool costly = false;                  // whether a kernel had better read it than compute it
  bool complete = true;                 // whether everything on the way is stored or has an arithmetic form
};
/// Finds the leaves of a value; `atHand` is a value that counts as stored.
Leaves leavesOf(mlir::Value value, const StoredValues &stored, mlir::Value atHand = {});

/// Returns the operation if each element of its result is computed from elements of the operands, else null.
clip::PointwiseOp pointwiseOf(mlir::Operation *op);

/// Returns how a pointwise operation's operand is read if it is stored: at the element's own position, or by
/// what its type has in common with the result's. An operand [N, C, 1, 1, 1] beside a larger result can be
/// read anywhere; one that is spread otherwise can be read by a map alone.
kernel::Access accessOf(mlir::Value operand, mlir::Value result);

/// Writes the region of a kernel operation: scalar f32 arithmetic over the operands that it collects on the
/// way. Arithmetic has the location of the operation that it computes, and all else that of the kernel.
class RegionBuilder {
public:
  RegionBuilder(mlir::MLIRContext *context, mlir::Location location, const StoredValues &stored);

  /// Makes the next block argument stand for `value` (an accumulator, a statistic).
  mlir::Value addArgument(mlir::Value value);
  /// Says which scalar stands for `value`.
  void define(mlir::Value value, mlir::Value scalar);
  /// Returns the scalar that computes a clip value at the current element.
  mlir::Value emit(mlir::Value value);
  /// Returns the scalar of a channel vector.
  mlir::Value emitChannel(mlir::Value vector);
  /// Returns the scalars of what a reduction sums.
  llvm::SmallVector<mlir::Value> emitSummands(clip::ChannelReductionOp op);
  /// Computes the results of an operation on channel vectors.
  void computeChannels(clip::ChannelwiseOp op);
  mlir::Value constant(float value);
  /// Adds a scalar to what the region yields.
  void yield(kernel::Yield kind, mlir::Value scalar);

  mlir::OpBuilder b;
  mlir::Location loc;
  llvm::SmallVector<mlir::Value> operands;  // stored tensors, one for each trailing block argument
  llvm::SmallVector<kernel::Access> access; // one for each operand
  llvm::SmallVector<mlir::Value> yielded;
  llvm::SmallVector<kernel::Yield> kinds; // one for each yielded value

  /// Ends the region and moves it into `target`.
  void finish(mlir::Region &target);

private:
  mlir::Value operand(mlir::Value value, kernel::Access how);
  mlir::Value operandOf(mlir::Value value, mlir::Value result);

  const StoredValues &stored;
  mlir::Region region;
  llvm::DenseMap<mlir::Value, mlir::Value> scalars;
};

} // namespace kinema

#endif

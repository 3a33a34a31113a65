// Knows which values memory holds, and makes the one decision of fusion: is a value stored, or computed again
// by each kernel that reads it? It makes no kernels.
#ifndef KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_STORAGE_H
#define KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_STORAGE_H

#include "compiler/Conversion/ClipToKernel/Expression.h"
#include "compiler/Conversion/Passes.h"

namespace kinema {

class Storage {
public:
  explicit Storage(FusionScope level) : level(level) {}

  //===-- What memory holds so far ----------------------------------------===//

  const StoredValues &held() const { return stored; }
  bool holds(mlir::Value value) const { return stored.contains(value); }
  /// Returns the tensor that holds the value; null where none does.
  mlir::Value lookup(mlir::Value value) const { return stored.lookup(value); }
  void hold(mlir::Value value, mlir::Value tensor) { stored[value] = tensor; }
  /// Returns the partials of a weight's gradient, where memory holds it as partials; else null.
  mlir::Value partialsOf(mlir::Value gradient) const { return partials.lookup(gradient); }
  void holdPartials(mlir::Value gradient, mlir::Value parts) { partials[gradient] = parts; }

  //===-- Stored or computed again ----------------------------------------===//

  /// Returns whether the kernel that reads `source` computes it, from at most two tensors. What is costly is
  /// stored, since convs compute a value once for each tile of their results that needs it. A join of two
  /// values is stored once for all who read it, unless this kernel alone reads it, once (`joinsToo`).
  bool isComputedBy(mlir::Value source, bool joinsToo) const;
  /// Returns whether the result of a pointwise operation is stored before a kernel asks for it.
  bool isStoredAtOnce(clip::PointwiseOp op) const;
  /// Returns what a kernel that makes `made` stores in its place: the end of the pointwise operations that
  /// follow, as long as each is the only one to read the value before it and its other operands are at hand.
  mlir::Value storedFor(mlir::Value made) const;
  /// Returns the type in which the gradient of a strided 1x1x1 conv is stored on its lattice, or null where
  /// all of it must be stored. It is zero but on the points that the conv reads. Where another gradient will
  /// be added to it (at a fork: a projection beside the main path), those points alone are stored, at the
  /// conv's own resolution.
  mlir::RankedTensorType latticeOf(clip::ConvDataGradOp op) const;
  /// Returns the kernel that puts `value` together, if its only reader takes these pieces of it and can take
  /// them from the kernel's operands; else null.
  kernel::PlaceOp placeReadThrough(mlir::Value value, llvm::ArrayRef<mlir::Attribute> pieces) const;
  /// Returns whether a kernel that makes the first operand of a reduction, and stores it or not, can take the
  /// sums as well.
  bool isSummedWith(clip::ChannelReductionOp op, bool stores) const;

private:
  FusionScope level;
  StoredValues stored;
  llvm::DenseMap<mlir::Value, mlir::Value> partials;
};

} // namespace kinema

#endif

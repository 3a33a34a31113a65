// Which values memory holds, and the one decision of fusion: is a value stored, or computed again by each
// kernel that reads it? No kernel is made here.
#ifndef KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_STORAGE_H
#define KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_STORAGE_H

#include "compiler/Conversion/ClipToKernel/Expression.h"
#include "compiler/Conversion/Passes.h"

namespace kinema {

class Storage {
public:
  explicit Storage(FuseLevel level) : level(level) {}

  //===-- What memory holds so far ----------------------------------------===//

  const StoredValues &held() const { return stored; }
  bool holds(mlir::Value value) const { return stored.contains(value); }
  /// The tensor that holds the value; null where none does.
  mlir::Value lookup(mlir::Value value) const { return stored.lookup(value); }
  void hold(mlir::Value value, mlir::Value tensor) { stored[value] = tensor; }
  /// The gradient of a weight, which memory holds in parts; null of others.
  mlir::Value partialsOf(mlir::Value gradient) const { return partials.lookup(gradient); }
  void holdPartials(mlir::Value gradient, mlir::Value parts) { partials[gradient] = parts; }

  //===-- Stored or computed again ----------------------------------------===//

  /// Does the kernel that reads `source` compute it, from at most two tensors? What joins two is stored once
  /// for all who read it, unless this one alone reads it once (`joinsToo`).
  bool isComputedBy(mlir::Value source, bool joinsToo) const;
  /// Is the result of a pointwise operation stored before a kernel asks for it?
  bool isStoredAtOnce(clip::PointwiseOp op) const;
  /// What a kernel that makes `made` stores in its place: the end of the pointwise operations that follow, as
  /// long as each is the only one to read and the rest of it is at hand.
  mlir::Value storedFor(mlir::Value made) const;
  /// The gradient of a strided 1x1x1 conv is zero but on the points that the conv reads. Where another
  /// gradient will add it (at a fork: a projection beside the main path), only those are stored, at the
  /// conv's own resolution: in this type. Null where all must be stored.
  mlir::RankedTensorType latticeOf(clip::ConvDataGradOp op) const;
  /// Can a kernel that makes the first operand of a reduction, and stores it or not, take the sums as well?
  bool isSummedWith(clip::ChannelReductionOp op, bool stores) const;

private:
  FuseLevel level;
  StoredValues stored;
  llvm::DenseMap<mlir::Value, mlir::Value> partials;
};

} // namespace kinema

#endif

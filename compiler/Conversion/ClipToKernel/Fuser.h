// Makes kernels of one function's clip operations, in their order.
#ifndef KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_FUSER_H
#define KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_FUSER_H

#include "compiler/Conversion/ClipToKernel/Reductions.h"

namespace kinema {

class Fuser {
public:
  Fuser(mlir::func::FuncOp function, FusionScope level)
      : b(function), storage(level), reductions(storage, b), function(function) {}

  mlir::LogicalResult run();

  // Anchors are made with these.
  mlir::OpBuilder b;
  Storage storage;
  Reductions reductions;
  RegionBuilder region(mlir::Location loc) { return {b.getContext(), loc, storage.held()}; }
  /// Makes sure that memory holds the value.
  mlir::LogicalResult require(mlir::Value value);
  mlir::LogicalResult require(mlir::ValueRange values);
  /// Makes a prologue that yields `source`, which it computes or reads.
  mlir::LogicalResult prologue(RegionBuilder &region, mlir::Value source, bool joinsToo = false);
  /// Takes the kernel's results as `value`, unless that is held already, and then as the reductions of it.
  void bind(mlir::Operation *kernel, const Outputs &outputs, mlir::Value value);

private:
  mlir::LogicalResult visit(mlir::Operation *op);
  mlir::LogicalResult visitPointwise(clip::PointwiseOp op);
  mlir::LogicalResult visitReduction(mlir::Operation *op);
  mlir::LogicalResult visitEnd(mlir::Operation *op);
  mlir::LogicalResult materialise(mlir::Value value);
  mlir::LogicalResult spread(clip::PointwiseOp op);
  void map(mlir::Location loc, mlir::Value value);

  mlir::func::FuncOp function;
};

/// Makes the kernel of an operation that has one of its own; reports an error for one that has none.
mlir::LogicalResult makeAnchor(Fuser &fuser, mlir::Operation *op);

} // namespace kinema

#endif

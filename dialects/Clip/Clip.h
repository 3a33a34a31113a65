// Declares the clip dialect: networks of operations on clips, as logical f32 tensors. See ClipDialect.td.
#ifndef KINEMA_DIALECTS_CLIP_CLIP_H
#define KINEMA_DIALECTS_CLIP_CLIP_H

#include "dialects/Shape/ShapeRules.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace kinema {

/// Returns the type of a value that is known to be a tensor.
inline mlir::RankedTensorType tensorOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

} // namespace kinema

namespace kinema::clip {

class Formula; // dialects/Clip/Formula.h

/// Marks operations whose results are stored; see ClipInterfaces.td.
template <typename Op> class KeepsResult : public mlir::OpTrait::TraitBase<Op, KeepsResult> {};
/// Marks operations that do the same with each clip; see ClipInterfaces.td.
template <typename Op> class ClipByClip : public mlir::OpTrait::TraitBase<Op, ClipByClip> {};

} // namespace kinema::clip

#include "dialects/Clip/ClipDialect.h.inc"
#include "dialects/Clip/ClipEnums.h.inc"
#include "dialects/Clip/ClipInterfaces.h.inc"
#include "dialects/Clip/Update.h"
#define GET_ATTRDEF_CLASSES
#include "dialects/Clip/ClipAttributes.h.inc"
#define GET_OP_CLASSES
#include "dialects/Clip/ClipOps.h.inc"

namespace kinema::clip {

/// Returns the T, H, W part of a [N, C, T, H, W] shape.
shape::Size3 spatialSize(mlir::RankedTensorType type);

/// Returns whether a pool goes over the whole of T, H and W.
bool isGlobalPool(WindowAttr window, mlir::RankedTensorType input);

/// Returns the extent that a matmul sums over.
int64_t matmulDepth(mlir::RankedTensorType lhs, bool transposeLhs);
/// Checks that the product of two matrices of channels by positions, clip by clip, is `result`; reports an
/// error if not.
mlir::LogicalResult verifyMatmul(mlir::Operation *op, mlir::RankedTensorType lhs, mlir::RankedTensorType rhs,
                                 mlir::RankedTensorType result, bool transposeLhs, bool transposeRhs);

/// Checks the axes and groups of a `standardise`; reports an error if they do not fit the type.
mlir::LogicalResult checkStandardise(std::optional<mlir::Location> location, mlir::RankedTensorType type,
                                     llvm::ArrayRef<int64_t> over, int64_t groups);

/// Checks that `%hyper` has the fields; reports an error if not.
mlir::LogicalResult verifyHyper(std::optional<mlir::Location> location, mlir::Type hyper,
                                llvm::ArrayRef<HyperField> fields);
/// A dropout asks for these fields.
inline constexpr HyperField dropoutFields[] = {HyperField::Seed, HyperField::Step};

/// Creates a clip.map, whose element `write` makes of those of the operands.
MapOp createMap(mlir::OpBuilder &builder, mlir::Location where, mlir::ValueRange operands,
                mlir::RankedTensorType type, bool kept,
                llvm::function_ref<mlir::Value(Formula &, mlir::ValueRange)> write);

/// Returns whether the operation's result is stored and not computed again by each that reads it: by the
/// trait KeepsResult, or because a map says so.
bool keepsResult(mlir::Operation *op);

/// Returns whether the operation does the same with each number along N, by the trait ClipByClip or because
/// it is pointwise.
bool worksClipByClip(mlir::Operation *op);

/// Returns whether `small` has the sizes of `large`, or 1.
bool spreadsOver(mlir::RankedTensorType small, mlir::RankedTensorType large);

} // namespace kinema::clip

#endif

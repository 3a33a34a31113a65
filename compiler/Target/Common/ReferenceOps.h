// The reference lowerings, one pair of functions an operation, and what they share.
#ifndef KINEMA_COMPILER_TARGET_COMMON_REFERENCEOPS_H
#define KINEMA_COMPILER_TARGET_COMMON_REFERENCEOPS_H

#include "compiler/Target/Common/Partition.h"

namespace kinema::reference {

Blocks blocksOf(kernel::ConvOp op, const Machine &machine);
Blocks blocksOf(kernel::PairOp op, const Machine &machine);
Blocks blocksOf(kernel::WeightGradOp op, const Machine &machine);
Blocks blocksOf(kernel::MapOp op, const Machine &machine);
Blocks blocksOf(kernel::PoolOp op, const Machine &machine);
Blocks blocksOf(kernel::PoolGradOp op, const Machine &machine);
Blocks blocksOf(kernel::FinalizeOp op, const Machine &machine);
Blocks blocksOf(kernel::ReduceOp op, const Machine &machine);
Blocks blocksOf(kernel::SoftmaxCrossEntropyOp op, const Machine &machine);
Blocks blocksOf(kernel::SgdOp op, const Machine &machine);
Blocks blocksOf(kernel::FoldOp op, const Machine &machine);
Blocks blocksOf(kernel::ConvertOp op, const Machine &machine);
Blocks blocksOf(kernel::PlaceOp op, const Machine &machine);
Blocks blocksOf(kernel::DropoutOp op, const Machine &machine);
Blocks blocksOf(kernel::SoftmaxOp op, const Machine &machine);
Blocks blocksOf(kernel::SoftmaxGradOp op, const Machine &machine);
Blocks blocksOf(kernel::MatmulOp op, const Machine &machine);
Blocks blocksOf(kernel::SpreadSumOp op, const Machine &machine);

void emit(kernel::ConvOp op, KernelEmitter &e);
void emit(kernel::PairOp op, KernelEmitter &e);
void emit(kernel::WeightGradOp op, KernelEmitter &e);
void emit(kernel::MapOp op, KernelEmitter &e);
void emit(kernel::PoolOp op, KernelEmitter &e);
void emit(kernel::PoolGradOp op, KernelEmitter &e);
void emit(kernel::FinalizeOp op, KernelEmitter &e);
void emit(kernel::ReduceOp op, KernelEmitter &e);
void emit(kernel::SoftmaxCrossEntropyOp op, KernelEmitter &e);
void emit(kernel::SgdOp op, KernelEmitter &e);
void emit(kernel::FoldOp op, KernelEmitter &e);
void emit(kernel::ConvertOp op, KernelEmitter &e);
void emit(kernel::PlaceOp op, KernelEmitter &e);
void emit(kernel::DropoutOp op, KernelEmitter &e);
void emit(kernel::SoftmaxOp op, KernelEmitter &e);
void emit(kernel::SoftmaxGradOp op, KernelEmitter &e);
void emit(kernel::MatmulOp op, KernelEmitter &e);
void emit(kernel::SpreadSumOp op, KernelEmitter &e);

/// The results of a merge for `width` channels from `channel` on, from the emitter's operands; its threads
/// share the partials.
llvm::SmallVector<mlir::Value> finalizeAt(kernel::FinalizeOp op, KernelEmitter &e, mlir::Value channel,
                                          int64_t width);

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
llvm::SmallVector<mlir::RankedTensorType> tensorTypes(mlir::ValueRange values);

/// How far a tensor's storage reaches along an axis of a fixed size, padding included.
int64_t storedExtent(mlir::RankedTensorType type, int64_t axis);

/// Reads the operands of a region where the region is computed.
class RegionReader {
public:
  /// `domain` is what the coordinates run over; a walk gives it another view.
  RegionReader(KernelEmitter &e, mlir::OperandRange operands, llvm::ArrayRef<int32_t> access,
               mlir::RankedTensorType domain, int64_t width, const Walk *walk = nullptr);

  /// Reads what depends on clip and channel alone.
  void enter(mlir::Value n, mlir::Value c);
  /// All operands at n, c, t, h, w, after `enter(n, c)`.
  llvm::SmallVector<mlir::Value> at(mlir::ValueRange coordinates);

private:
  struct Source {
    mlir::Value buffer;
    mlir::RankedTensorType type;
    kernel::Access access;
    mlir::Value value; // once entered
  };
  KernelEmitter &e;
  mlir::RankedTensorType domain;
  int64_t width;
  llvm::SmallVector<Source> sources;
};

/// Computes a region at every element of the walk's domain and carries out what it yields. Its arguments are
/// what `lead` computes for the element, then the operands.
void emitElements(KernelEmitter &e, const Walk &walk, mlir::Region &region, RegionReader &reader,
                  llvm::function_ref<llvm::SmallVector<mlir::Value>(const Walk::Coordinates &)> lead);

/// Sums a region's values over all positions of each clip of a walk `ofClips`, and calls `store(n, c,
/// total)`.
void emitClipSums(KernelEmitter &e, const Walk &walk, mlir::Region &region, RegionReader &reader,
                  llvm::function_ref<void(mlir::Value, mlir::Value, mlir::Value)> store);

/// The blocks of a launch that computes `items`, each worth `cost` elements, which do not depend on one
/// another.
Blocks itemBlocks(const Machine &machine, int64_t items, int64_t cost);
/// Calls `body(item)` for those of this call's part of the grid.
void forEachItem(KernelEmitter &e, int64_t items, int64_t cost, llvm::function_ref<void(mlir::Value)> body);

/// The blocks that a flat walk over `elements` is cut into.
int64_t flatGrid(const Machine &machine, int64_t elements);
Blocks flatBlocks(const Machine &machine, int64_t elements);
/// The machine's vector; of several partials, where threads share a block, what makes enough threads and what
/// the second partial is aligned to.
int64_t flatWidth(const Machine &machine, int64_t elements, int64_t partials = 1);
/// Calls `body(at, width)` so that it covers the block's piece in vectors of `width`, then single elements.
void forEachFlat(KernelEmitter &e, int64_t elements, mlir::Value block, int64_t width,
                 llvm::function_ref<void(mlir::Value, int64_t)> body);

} // namespace kinema::reference

#endif

// Declares the reference lowerings, one row for each operation, and what they share.
#ifndef KINEMA_COMPILER_TARGET_COMMON_REFERENCEOPS_H
#define KINEMA_COMPILER_TARGET_COMMON_REFERENCEOPS_H

#include "compiler/Target/Common/Partition.h"

namespace kinema::reference {

/// Says how an operation is lowered: the blocks of its launch, and what each of them does.
struct Lowering {
  mlir::TypeID op;
  Blocks (*blocks)(mlir::Operation *op, const Machine &machine);
  void (*emit)(mlir::Operation *op, KernelEmitter &e);
};

template <typename Op, Blocks (*blocks)(Op, const Machine &), void (*emit)(Op, KernelEmitter &)>
Lowering loweringOf() {
  return {mlir::TypeID::get<Op>(),
          [](mlir::Operation *op, const Machine &machine) { return blocks(mlir::cast<Op>(op), machine); },
          [](mlir::Operation *op, KernelEmitter &e) { emit(mlir::cast<Op>(op), e); }};
}

/// Adds up the lanes of a vector, in their order.
mlir::Value sumOfLanes(KernelEmitter &e, mlir::Value lanes);

/// Returns the logical coordinates of the element that is stored at a flat position.
llvm::SmallVector<mlir::Value> coordinatesOf(KernelEmitter &e, mlir::RankedTensorType type, mlir::Value at);

// Each of these has a row for an operation, at the end of the file that lowers it.
llvm::ArrayRef<Lowering> axesLowerings();
llvm::ArrayRef<Lowering> channelsLowerings();
llvm::ArrayRef<Lowering> convLowerings();
llvm::ArrayRef<Lowering> copyLowerings();
llvm::ArrayRef<Lowering> lossLowerings();
llvm::ArrayRef<Lowering> pointwiseLowerings();
llvm::ArrayRef<Lowering> poolLowerings();
llvm::ArrayRef<Lowering> reduceLowerings();
llvm::ArrayRef<Lowering> updateLowerings();

/// Returns what the partials of a merge come to for `width` channels from `channel` on, from the emitter's
/// operands; the emitter's threads share the partials.
llvm::SmallVector<mlir::Value> mergedAt(kernel::FinalizeOp op, KernelEmitter &e, mlir::Value channel,
                                        int64_t width);

/// Returns the merge's results for these channels. The thread that stores them computes them, since they may
/// be written over operands.
llvm::SmallVector<mlir::Value> finalizeAt(kernel::FinalizeOp op, KernelEmitter &e, mlir::ValueRange merged,
                                          mlir::Value channel, int64_t width);

llvm::SmallVector<mlir::RankedTensorType> tensorTypes(mlir::ValueRange values);

/// Counts the elements of a tensor in memory.
int64_t storedElements(mlir::RankedTensorType type);

/// Returns the sum of `count` flat partials of `elements`, in order, at one position.
mlir::Value sumOfPartials(KernelEmitter &e, mlir::Value buffer, int64_t count, int64_t elements,
                          mlir::Value at, int64_t width);

/// Returns the distance in memory between elements that are `step` apart along an axis; 0 where the tensor
/// lacks the axis.
int64_t strideOf(mlir::RankedTensorType type, int64_t axis, int64_t step);

/// Returns how far a tensor's storage reaches along an axis of a fixed size, padding included.
int64_t storedExtent(mlir::RankedTensorType type, int64_t axis);

/// Reads the operands of a region where the region is computed.
class RegionReader {
public:
  /// `domain` is what the coordinates run over; a walk gives the reader another view of it.
  RegionReader(KernelEmitter &e, const kernel::AccessRegion &region, mlir::RankedTensorType domain,
               int64_t width, const Walk *walk = nullptr);

  /// Reads what depends on clip and channel alone.
  void enter(mlir::Value n, mlir::Value c);
  /// Returns all operands at n, c, t, h, w, after `enter(n, c)`.
  llvm::SmallVector<mlir::Value> at(mlir::ValueRange coordinates);
  /// Returns the value of a prologue at these coordinates.
  mlir::Value value(mlir::ValueRange coordinates);
  mlir::Region &getRegion() { return region.getRegion(); }

private:
  /// Loads what the region reads of an operand at these coordinates.
  mlir::Value load(const kernel::AccessOperand &operand, mlir::ValueRange coordinates);

  KernelEmitter &e;
  kernel::AccessRegion region;
  mlir::RankedTensorType domain;
  int64_t width;
  const Walk *walk;
  llvm::SmallVector<mlir::Value> entered; // one for each operand; null for those that depend on the position
};

/// Computes a region at every element of the walk's domain and carries out what it yields. The region's
/// arguments are what `lead` computes for the element, then the operands.
void emitElements(KernelEmitter &e, const Walk &walk, RegionReader &reader,
                  llvm::function_ref<llvm::SmallVector<mlir::Value>(const Walk::Coordinates &)> lead);

/// Sums a region's values over all positions of each clip of a walk `ofClips`, and calls `store(n, c,
/// total)`.
void emitClipSums(KernelEmitter &e, const Walk &walk, RegionReader &reader,
                  llvm::function_ref<void(mlir::Value, mlir::Value, mlir::Value)> store);

/// Returns the blocks of a launch that computes `items`, each worth `cost` elements, which do not depend on
/// one another.
Blocks itemBlocks(const Machine &machine, int64_t items, int64_t cost);
/// Calls `body(item)` for the items of this call's part of the grid.
void forEachItem(KernelEmitter &e, int64_t items, int64_t cost, llvm::function_ref<void(mlir::Value)> body);

/// Returns the blocks that a flat walk over `elements` is cut into.
int64_t flatGrid(const Machine &machine, int64_t elements);
Blocks flatBlocks(const Machine &machine, int64_t elements);
/// Returns the machine's vector. For several partials, where threads share a block, it returns a narrower
/// width, which makes enough threads and to which the second partial is aligned.
int64_t flatWidth(const Machine &machine, int64_t elements, int64_t partials = 1);
/// Calls `body(at, width)` so that it covers the block's piece in vectors of `width`, then single elements.
void forEachFlat(KernelEmitter &e, int64_t elements, mlir::Value block, int64_t width,
                 llvm::function_ref<void(mlir::Value, int64_t)> body);

} // namespace kinema::reference

#endif

// The kernel dialect: one operation is one launch. See KernelDialect.td.
#ifndef KINEMA_DIALECTS_KERNEL_KERNEL_H
#define KINEMA_DIALECTS_KERNEL_KERNEL_H

#include "dialects/Kernel/AccessRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TensorEncoding.h"

#include <map>

#include "dialects/Kernel/KernelDialect.h.inc"

namespace kinema::kernel {

/// A LayoutLoop is one loop of a layout: `size` turns within the next outer loop of the same axis. The
/// outermost loop of an axis has the size 0, which stands for as many turns as the axis needs.
struct LayoutLoop {
  int64_t axis;
  int64_t size = 0;
};

/// A StorageLoop is one loop of a storage order: `size` steps of `step` along the logical axis.
struct StorageLoop {
  int64_t axis;
  int64_t size;
  int64_t step;
};

/// Says whether a result comes in parts, and of what: sums, or counts, means and squared deviations.
enum class Form { Whole, Sums, Moments };

// KernelInterfaces.td explains these traits.
template <typename Op> class MemoryBound : public mlir::OpTrait::TraitBase<Op, MemoryBound> {};
template <typename Op> class UpdatesInPlace : public mlir::OpTrait::TraitBase<Op, UpdatesInPlace> {};
template <typename Op> class MakesActivations : public mlir::OpTrait::TraitBase<Op, MakesActivations> {};

/// Returns the bytes that tensors take. Partials whose number no schedule has set yet count nothing.
int64_t bytesOf(mlir::ValueRange tensors);
/// Returns the elements of the kernel's largest operand.
int64_t largestOperand(mlir::Operation *kernel);

} // namespace kinema::kernel

#define GET_ATTRDEF_CLASSES
#include "dialects/Kernel/KernelAttributes.h.inc"
#include "dialects/Kernel/KernelInterfaces.h.inc"
#define GET_OP_CLASSES
#include "dialects/Kernel/KernelOps.h.inc"

namespace kinema::kernel {

/// Returns the schedule of a kernel; null where it has none yet, or where the operation is not launchable.
ScheduleAttr scheduleOf(mlir::Operation *kernel);

/// Returns whether a window can be computed in Winograd's tiles of `tile` results along T, H and W, where 1
/// stands for an axis whose taps stay: along the others it has 3 taps in steps of 1, and tiles 2 or 4
/// results. H and W are tiled alike.
bool winogradFits(const shape::Window &window, const shape::Size3 &tile);

/// Returns the layout of a tensor: its encoding, or row-major without one.
LayoutAttr layoutOf(mlir::RankedTensorType type);

/// Returns the channels of a block where the tensor's layout is LayoutAttr::blocked; otherwise 1.
int64_t channelBlock(mlir::RankedTensorType type);

/// Returns the stride of a `lattice` operand along an axis. Its element i stands for the domain's element
/// i * stride; the domain's other elements read zero.
int64_t latticeStride(int64_t size, int64_t coarse);

/// Returns the bytes that a tensor takes in the arena, padding included.
int64_t storedBytes(mlir::RankedTensorType type);

/// Returns what the buffer of a parameter is for.
BufferRole bufferRoleOf(clip::ParamOp param);

/// Reports at an operation that `target`, which may be null, is not one of the family's targets `names`.
void emitTargetError(mlir::Operation *at, TargetAttr target, llvm::ArrayRef<llvm::StringRef> names);

} // namespace kinema::kernel

#endif

// The kernel dialect: one operation is one launch. See KernelDialect.td.
#ifndef KINEMA_DIALECTS_KERNEL_KERNEL_H
#define KINEMA_DIALECTS_KERNEL_KERNEL_H

#include "dialects/Kernel/AccessRegion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TensorEncoding.h"

#include "dialects/Kernel/KernelDialect.h.inc"

namespace kinema::kernel {

/// One loop of a layout: `size` turns within the next outer loop of the same axis. The outermost loop of an
/// axis has the size 0: as many turns as the axis needs.
struct LayoutLoop {
  int64_t axis;
  int64_t size = 0;
};

/// One loop of a storage order: `size` steps of `step` along the logical axis.
struct StorageLoop {
  int64_t axis;
  int64_t size;
  int64_t step;
};

/// Whether a result comes in parts, and of what: sums, or counts, means and squared deviations.
enum class Form { Whole, Sums, Moments };

// See KernelInterfaces.td.
template <typename Op> class MemoryBound : public mlir::OpTrait::TraitBase<Op, MemoryBound> {};
template <typename Op> class UpdatesInPlace : public mlir::OpTrait::TraitBase<Op, UpdatesInPlace> {};
template <typename Op> class MakesActivations : public mlir::OpTrait::TraitBase<Op, MakesActivations> {};

/// The bytes that tensors take; partials whose number no schedule has set yet count nothing.
int64_t bytesOf(mlir::ValueRange tensors);
/// The elements of the largest one.
int64_t largestOperand(mlir::Operation *kernel);

} // namespace kinema::kernel

#define GET_ATTRDEF_CLASSES
#include "dialects/Kernel/KernelAttributes.h.inc"
#include "dialects/Kernel/KernelInterfaces.h.inc"
#define GET_OP_CLASSES
#include "dialects/Kernel/KernelOps.h.inc"

namespace kinema::kernel {

/// The schedule of a kernel; null of one that has none yet, and of what is no launchable operation.
ScheduleAttr scheduleOf(mlir::Operation *kernel);

/// The layout of a tensor: its encoding, or row-major without one.
LayoutAttr layoutOf(mlir::RankedTensorType type);

/// The channels of a block of a tensor whose layout is LayoutAttr::blocked; 1 of others.
int64_t channelBlock(mlir::RankedTensorType type);

/// The stride of a `lattice` operand along an axis: its element i stands for the domain's element i * stride;
/// the others read zero.
int64_t latticeStride(int64_t size, int64_t coarse);

/// The bytes that a tensor takes in the arena, padding included.
int64_t storedBytes(mlir::RankedTensorType type);

/// What the buffer of a parameter is for.
BufferRole bufferRoleOf(clip::ParamOp param);

/// Reports at an operation that `target`, which may be null, is none of a family's that there are.
void emitTargetError(mlir::Operation *at, TargetAttr target, llvm::ArrayRef<llvm::StringRef> names);

} // namespace kinema::kernel

#endif

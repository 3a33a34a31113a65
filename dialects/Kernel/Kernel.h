// The kernel dialect: one operation is one launch. See KernelDialect.td.
#ifndef KINEMA_DIALECTS_KERNEL_KERNEL_H
#define KINEMA_DIALECTS_KERNEL_KERNEL_H

#include "dialects/Clip/Clip.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include "dialects/Kernel/KernelDialect.h.inc"
#include "dialects/Kernel/KernelEnums.h.inc"

namespace kinema::kernel {

/// One loop of a storage order: `size` steps of `step` along the logical axis.
struct StorageLoop {
  int64_t axis;
  int64_t size;
  int64_t step;
};

} // namespace kinema::kernel

#define GET_ATTRDEF_CLASSES
#include "dialects/Kernel/KernelAttributes.h.inc"
#define GET_OP_CLASSES
#include "dialects/Kernel/KernelOps.h.inc"

namespace kinema::kernel {

/// The layout of a tensor: its encoding, or plain without one.
LayoutAttr layoutOf(mlir::RankedTensorType type);

/// The stride of a `lattice` operand along an axis: its element i stands for the domain's element i * stride;
/// the others read zero.
int64_t latticeStride(int64_t size, int64_t coarse);

/// The bytes that a tensor takes in the arena, padding included.
int64_t storedBytes(mlir::RankedTensorType type);

/// Reports at an operation that `target`, which may be null, is none of a family's that there are.
void emitTargetError(mlir::Operation *at, TargetAttr target, llvm::ArrayRef<llvm::StringRef> names);

} // namespace kinema::kernel

#endif

// How every tensor of a module in phase `fused` lies in memory: what all targets share.
#ifndef KINEMA_COMPILER_TARGET_COMMON_ASSIGNSTORAGE_H
#define KINEMA_COMPILER_TARGET_COMMON_ASSIGNSTORAGE_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>

namespace kinema {

/// A weight by the windows of the convs that read it, and of the kernel that makes its gradient.
struct WeightUse {
  shape::Window window;
  llvm::ArrayRef<int64_t> shape; // [O, I / groups, T, H, W]
  int64_t groups;
  bool isNarrow; // the windows slide over an input of few channels, which is in blocks of `inputBlock`
};

/// How a conv wants its weight: in which layout and, in groups, of how many groups side by side that share
/// their inputs (WidenedWeights.h).
struct WeightForm {
  WeightForm(kernel::LayoutAttr layout, int64_t together = 1) : layout(layout), together(together) {}

  kernel::LayoutAttr layout;
  int64_t together;
  bool terms = false; // by its terms, which the conv multiplies (#kernel.precision)
};

/// What a family of targets decides. Everything that is no weight is in blocks of channels.
struct StorageRules {
  static constexpr int64_t inputBlock = 4; // channels of a block of a network's input that has no more

  int64_t block = 8; // channels of a block of any other tensor
  kernel::Precision precision = kernel::Precision::FP32;
  /// Says whether kernels slide such a window over blocks of `inputBlock`; not set: all windows. Inputs under
  /// other windows are in blocks of `block`.
  std::function<bool(const shape::Window &)> slidesOverNarrow;
  /// Says how a parameter lies: as the kernels of its gradient leave it.
  std::function<kernel::LayoutAttr(const WeightUse &)> parameter;
  /// Says how the schedules of a conv want its weight. The conv's source has its layout, and the weight its
  /// type.
  std::function<WeightForm(kernel::ConvOp)> weight;
  /// Says whether the schedules of a weight gradient multiply terms; not set: none does.
  std::function<bool(kernel::WeightGradOp)> terms;
};

/// In vectors of `block` output channels and blocks of as many input channels; of inputs of few channels, and
/// in groups, of fewer.
kernel::LayoutAttr blockedParameter(mlir::MLIRContext *context, const WeightUse &use, int64_t block);

/// Gives every tensor of the module its layout and its element type, and notes the precision in the module;
/// returns how many weights are converted for a conv.
int64_t assignStorage(mlir::ModuleOp module, const StorageRules &rules);

} // namespace kinema

#endif

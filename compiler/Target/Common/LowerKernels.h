// The part of lowering kernels to functions that all targets share: each kernel.def is written by the
// strategy that its schedule names.
#ifndef KINEMA_COMPILER_TARGET_COMMON_LOWERKERNELS_H
#define KINEMA_COMPILER_TARGET_COMMON_LOWERKERNELS_H

#include "compiler/Target/Common/KernelEmitter.h"
#include "compiler/Target/Common/ScheduleCheck.h"

namespace kinema {

/// One way of writing a kernel, by its name in schedules.
struct Strategy {
  llvm::StringRef name;
  void (*emit)(mlir::Operation *kernel, KernelEmitter &e);
  /// The schedule that the parameters of the kernel's own lead to, by the code that schedules are chosen
  /// with; null where the strategy does not take the kernel or `parameters` have reported an error.
  kernel::ScheduleAttr (*remake)(mlir::Operation *kernel, const Machine &machine,
                                 ScheduleParameters &parameters);
  bool goesOnWithMerges = false; // a kernel.finalize may be folded into its kernels
};

/// What a target adds.
struct LoweringTarget {
  llvm::StringRef name; // for messages: "CPU"
  const Machine &machine;
  llvm::ArrayRef<Strategy> strategies; // besides the reference lowering
  /// Begins the kernel's function: the emitter's blocks, threads, scratch.
  void (*begin)(kernel::DefOp def, kernel::ScheduleAttr schedule, KernelEmitter &e);
};

/// Replaces the kernel by a function. Fails, with an error on the kernel, where `verifyKernel` or
/// `verifySchedule` does.
mlir::LogicalResult lowerKernel(kernel::DefOp def, const LoweringTarget &target);

} // namespace kinema

#endif

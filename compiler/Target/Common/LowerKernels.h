// Lowers kernels to functions as far as all targets do it in the same way: each kernel.def is written by the
// strategy that its schedule names.
#ifndef KINEMA_COMPILER_TARGET_COMMON_LOWERKERNELS_H
#define KINEMA_COMPILER_TARGET_COMMON_LOWERKERNELS_H

#include "compiler/Target/Common/Strategies.h"

namespace kinema {

/// A LoweringTarget holds what a target adds.
struct LoweringTarget {
  llvm::StringRef name; // for messages: "CPU"
  const Machine &machine;
  llvm::ArrayRef<Strategy> strategies; // the table of the machine
  /// Begins the kernel's function: the emitter's blocks, threads, scratch.
  void (*begin)(kernel::DefOp def, kernel::ScheduleAttr schedule, KernelEmitter &e);
};

/// Replaces the kernel by a function. Fails, with an error on the kernel, where `verifyKernel` or
/// `verifySchedule` does.
mlir::LogicalResult lowerKernel(kernel::DefOp def, const LoweringTarget &target);

} // namespace kinema

#endif

// The part of lowering kernels to functions that all targets share: each kernel.def is written by the
// strategy that its schedule names.
#ifndef KINEMA_COMPILER_TARGET_COMMON_LOWERKERNELS_H
#define KINEMA_COMPILER_TARGET_COMMON_LOWERKERNELS_H

#include "compiler/Target/Common/KernelEmitter.h"
#include "compiler/Target/Common/Measurements.h"
#include "compiler/Target/Common/ScheduleCheck.h"

#include <functional>

namespace kinema {

/// One way of carrying kernels out on a machine: a row of its target's table. Which kernels it takes, how it
/// writes them, how long they last.
struct Strategy {
  llvm::StringRef name; // in schedules
  void (*emit)(mlir::Operation *kernel, KernelEmitter &e);
  /// The schedule that the parameters of the kernel's own lead to, by the code that schedules are chosen
  /// with; null where the strategy does not take the kernel or `parameters` have reported an error.
  std::function<kernel::ScheduleAttr(mlir::Operation *kernel, ScheduleParameters &parameters)> remake;
  /// The best few schedules of a kernel, the quickest first; none where the strategy does not take it.
  std::function<llvm::SmallVector<Candidate>(mlir::Operation *kernel)> candidates;
  /// Seconds of a kernel that has a schedule of this strategy; empty where there is no model of the machine.
  std::function<double(mlir::Operation *kernel)> predict = {};
  bool goesOnWithMerges = false; // a kernel.finalize may be folded into its kernels
  /// Brings the operands of a kernel into the form in which the chosen schedule reads them, by operations in
  /// front of it, before the kernel gets the schedule; empty where they lie so already.
  void (*settle)(mlir::Operation *kernel, kernel::ScheduleAttr schedule) = nullptr;
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

// Lowers kernels to functions as far as all targets do it in the same way: each kernel.def is written by the
// strategy that its schedule names.
#ifndef KINEMA_COMPILER_TARGET_COMMON_LOWERKERNELS_H
#define KINEMA_COMPILER_TARGET_COMMON_LOWERKERNELS_H

#include "compiler/Target/Common/KernelEmitter.h"
#include "compiler/Target/Common/Measurements.h"
#include "compiler/Target/Common/ScheduleCheck.h"

#include <functional>

namespace kinema {

/// Is one way of carrying kernels out on a machine, a row of its target's table: which kernels it takes, how
/// it writes them, how long they last.
struct Strategy {
  llvm::StringRef name; // the name in schedules
  void (*emit)(mlir::Operation *kernel, KernelEmitter &e);
  /// Returns the schedule that the kernel's own parameters lead to, by the code with which schedules are
  /// chosen; null where the strategy does not take the kernel or `parameters` have reported an error.
  std::function<kernel::ScheduleAttr(mlir::Operation *kernel, ScheduleParameters &parameters)> remake;
  /// Returns the best few schedules of a kernel, the quickest first; none where the strategy does not take
  /// it.
  std::function<llvm::SmallVector<Candidate>(mlir::Operation *kernel)> candidates;
  /// Predicts the seconds of a kernel that has a schedule of this strategy; empty where the machine has no
  /// model.
  std::function<double(mlir::Operation *kernel)> predict = {};
  bool goesOnWithMerges = false; // a kernel.finalize may be folded into its kernels
  /// Brings the operands of a kernel into the form in which the chosen schedule reads them, by operations in
  /// front of it, before the kernel gets the schedule; empty where they lie so already.
  void (*settle)(mlir::Operation *kernel, kernel::ScheduleAttr schedule) = nullptr;
};

/// Holds what a target adds.
struct LoweringTarget {
  llvm::StringRef name; // for messages: "CPU"
  const Machine &machine;
  llvm::ArrayRef<Strategy> strategies; // besides the reference lowering
  /// Begins the kernel's function: sets the emitter's blocks, threads and scratch.
  void (*begin)(kernel::DefOp def, kernel::ScheduleAttr schedule, KernelEmitter &e);
};

/// Replaces the kernel by a function. Fails, with an error on the kernel, where `verifyKernel` or
/// `verifySchedule` does.
mlir::LogicalResult lowerKernel(kernel::DefOp def, const LoweringTarget &target);

} // namespace kinema

#endif

// Checks schedules, which are text that anybody may change. Before a target makes code of one, it reads the
// parameters again, within the ranges that it can carry out, and computes what follows from them.
#ifndef KINEMA_COMPILER_TARGET_COMMON_SCHEDULECHECK_H
#define KINEMA_COMPILER_TARGET_COMMON_SCHEDULECHECK_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/BuiltinOps.h"

namespace kinema {

struct LoweringTarget;

/// Reads those parts of a kernel's schedule that were chosen. What is missing or outside its range is an
/// error on the kernel, after which `failed` is true and values are the least of their ranges.
class ScheduleParameters {
public:
  explicit ScheduleParameters(mlir::Operation *kernel);

  /// Reads the parameter, which lies in [least, most]; with a step it is a multiple of that, or `most`.
  int64_t read(llvm::StringRef name, int64_t least, int64_t most, int64_t step = 1);
  /// Reads the grid, where it is chosen and does not follow from the parameters.
  int64_t readGrid(int64_t least, int64_t most, int64_t step);
  /// Reports that the parameters do not go together: "... has the schedule NAME, whose " and what the caller
  /// adds.
  mlir::InFlightDiagnostic fault();
  bool failed() const { return wrong; }

private:
  int64_t inRange(llvm::StringRef name, int64_t value, int64_t least, int64_t most, int64_t step);

  mlir::Operation *kernel;
  kernel::ScheduleAttr schedule;
  bool wrong = false;
};

/// Succeeds if the target can carry the kernel out as its schedule says, and if the schedule's grid, scratch
/// and parameters, and the number of partials that the kernel leaves, are those that the target computes.
/// Else an error on the kernel says what was expected.
mlir::LogicalResult verifySchedule(mlir::Operation *kernel, const LoweringTarget &target);

/// Succeeds if the kernel.def holds one operation on its arguments, in their order, with what is folded into
/// it; else reports an error.
mlir::LogicalResult verifyKernel(kernel::DefOp def);

/// Both for all kernels of a module in phase `fused` or later.
mlir::LogicalResult verifySchedules(mlir::ModuleOp module, const LoweringTarget &target);

/// Returns whether `maker`, which leaves the partials that `merge` reads, can go on with the merge: nobody
/// else reads them, and all else that the merge reads is there before.
bool canGoOnWith(mlir::Operation *maker, kernel::FinalizeOp merge);

} // namespace kinema

#endif

// Checks schedules, which are text that anybody may change. Before a target makes code of one, it reads the
// parameters again, within the ranges that it can carry out, and computes what follows from them.
#ifndef KINEMA_COMPILER_TARGET_COMMON_SCHEDULECHECK_H
#define KINEMA_COMPILER_TARGET_COMMON_SCHEDULECHECK_H

#include "compiler/Target/Common/ScheduleParameters.h"

#include "mlir/IR/BuiltinOps.h"

namespace kinema {

struct LoweringTarget;
struct Strategy;

/// Returns the schedule that the kernel's own leads to by the strategy, which has the same parameters and
/// grid, and the scratch that follows from them; null after an error on the kernel.
kernel::ScheduleAttr completedSchedule(mlir::Operation *kernel, const Strategy &strategy);

/// Succeeds if the target can carry the kernel out as its schedule says, and if the schedule's grid, scratch
/// and parameters, and the number of partials that the kernel leaves, are those that the target computes.
/// Else an error on the kernel says what was expected.
mlir::LogicalResult verifySchedule(mlir::Operation *kernel, const LoweringTarget &target);

/// Succeeds if the kernel.def holds one operation on its arguments, in their order, with what is attached to
/// it; else reports an error.
mlir::LogicalResult verifyKernel(kernel::DefOp def);

/// Both for all kernels of a module in phase `fused` or later.
mlir::LogicalResult verifySchedules(mlir::ModuleOp module, const LoweringTarget &target);

/// Returns whether `maker`, which leaves the partials that `merge` reads, can go on with the merge: nobody
/// else reads them, and all else that the merge reads is there before.
bool canGoOnWith(mlir::Operation *maker, kernel::FinalizeOp merge);

} // namespace kinema

#endif

// Finds the kernels of a planned module to which somebody has given other schedules than the compiler would.
#ifndef KINEMA_COMPILER_PIPELINES_EDITEDSCHEDULES_H
#define KINEMA_COMPILER_PIPELINES_EDITEDSCHEDULES_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace kinema {

struct EditedSchedule {
  std::string signature;           // dialects/Kernel/Signature.h
  std::vector<std::string> layers; // whose launches run kernels of this signature
  kernel::ScheduleAttr schedule;
};

/// Returns the kernels of `edited` with schedules that no kernel of the same signature has in `byModel`,
/// which is the same network as the compiler plans it; both are in phase `planned`. It is an error if a
/// kernel has no like in `byModel`, or if kernels of one signature were edited in different ways, since a
/// file of schedules has one for each signature.
llvm::Expected<std::vector<EditedSchedule>> editedSchedules(mlir::ModuleOp edited, mlir::ModuleOp byModel);

} // namespace kinema

#endif

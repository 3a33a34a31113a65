#include "compiler/Target/Common/LowerKernels.h"

#include "compiler/Target/Common/Reference.h"

using namespace mlir;
using namespace kinema;

static LogicalResult checkSizes(kernel::DefOp def) {
  for (Type type : llvm::concat<const Type>(def.getOperandTypes(), def.getResultTypes()))
    if (auto tensor = dyn_cast<RankedTensorType>(type); !tensor || !tensor.hasStaticShape())
      return def.getKernel()->emitOpError("has the type ") << type << ", whose size is not fixed";
  return success();
}

LogicalResult kinema::lowerKernel(kernel::DefOp def, const LoweringTarget &target) {
  Operation *kernel = def.getKernel();
  auto schedule = kernel->getAttrOfType<kernel::ScheduleAttr>("schedule");
  if (!schedule)
    return kernel->emitOpError("has no schedule; run the pass that assigns them first");
  auto emit = emitReference;
  if (schedule.getName() != target.machine.reference) {
    auto found =
        llvm::find_if(target.strategies, [&](const Strategy &s) { return s.name == schedule.getName(); });
    if (found == target.strategies.end())
      return kernel->emitOpError("has the schedule ")
             << schedule.getName() << ", which the " << target.name << " target does not know";
    emit = found->emit;
  }
  if (failed(checkSizes(def)))
    return failure();
  OpBuilder builder(def);
  KernelEmitter emitter(builder, kernel->getLoc(), target.machine);
  target.begin(def, schedule, emitter);
  emit(kernel, emitter);
  def.erase();
  return success();
}

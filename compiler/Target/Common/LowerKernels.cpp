#include "compiler/Target/Common/LowerKernels.h"

using namespace mlir;
using namespace kinema;

LogicalResult kinema::lowerKernel(kernel::DefOp def, const LoweringTarget &target) {
  if (failed(verifyKernel(def)) || failed(verifySchedule(def.getKernel(), target)))
    return failure();
  Operation *kernel = def.getKernel();
  auto schedule = kernel::scheduleOf(kernel);
  OpBuilder builder(def);
  KernelEmitter emitter(builder, kernel->getLoc(), target.machine);
  target.begin(def, schedule, emitter);
  strategyNamed(target.strategies, schedule.getName())->emit(kernel, emitter);
  def.erase();
  return success();
}

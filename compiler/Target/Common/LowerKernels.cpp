#include "compiler/Target/Common/LowerKernels.h"

#include "compiler/Target/Common/Reference.h"

using namespace mlir;
using namespace kinema;

LogicalResult kinema::lowerKernel(kernel::DefOp def, const LoweringTarget &target) {
  if (failed(verifyKernel(def)) || failed(verifySchedule(def.getKernel(), target)))
    return failure();
  Operation *kernel = def.getKernel();
  auto schedule = kernel::scheduleOf(kernel);
  auto found =
      llvm::find_if(target.strategies, [&](const Strategy &s) { return s.name == schedule.getName(); });
  auto emit = found == target.strategies.end() ? emitReference : found->emit;
  OpBuilder builder(def);
  KernelEmitter emitter(builder, kernel->getLoc(), target.machine);
  target.begin(def, schedule, emitter);
  emit(kernel, emitter);
  def.erase();
  return success();
}

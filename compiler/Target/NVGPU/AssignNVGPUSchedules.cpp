// Pass assign-nvgpu-schedules.
#include "compiler/Target/Common/Reference.h"
#include "compiler/Target/NVGPU/Machine.h"
#include "compiler/Target/NVGPU/Passes.h"

namespace kinema {
#define GEN_PASS_DEF_ASSIGNNVGPUSCHEDULES
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {
struct AssignNVGPUSchedules : kinema::impl::AssignNVGPUSchedulesBase<AssignNVGPUSchedules> {
  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (!isa<kernel::KernelDialect>(op->getDialect()) || op->getNumResults() == 0)
        return;
      auto schedule = scheduleReference(op, nvidia::machine);
      op->setAttr("schedule", schedule);
      fixPartials(op, schedule);
      ++plain;
    });
  }
};
} // namespace

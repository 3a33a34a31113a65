// Pass assign-nvgpu-schedules.
#include "compiler/Target/Common/Reference.h"
#include "compiler/Target/NVGPU/Machine.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Target/NVGPU/Strategies.h"

namespace kinema {
#define GEN_PASS_DEF_ASSIGNNVGPUSCHEDULES
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {
struct AssignNVGPUSchedules : kinema::impl::AssignNVGPUSchedulesBase<AssignNVGPUSchedules> {
  using Base::Base;

  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (!isa<kernel::KernelDialect>(op->getDialect()) || op->getNumResults() == 0)
        return;
      auto schedule = nvidia::candidatesFor(op, reference).front().schedule;
      plain += schedule.getName() == nvidia::machine.reference;
      op->setAttr("schedule", schedule);
      fixPartials(op, schedule);
    });
  }
};
} // namespace

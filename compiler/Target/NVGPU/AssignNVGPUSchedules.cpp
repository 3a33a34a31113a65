// Pass assign-nvgpu-schedules.
#include "compiler/Target/Common/Reference.h"
#include "compiler/Target/NVGPU/HaloConv.h"
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
  using Base::Base;

  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (!isa<kernel::KernelDialect>(op->getDialect()) || op->getNumResults() == 0)
        return;
      auto schedule = scheduled(op);
      if (!schedule) {
        schedule = scheduleReference(op, nvidia::machine);
        ++plain;
      }
      op->setAttr("schedule", *schedule);
      fixPartials(op, *schedule);
    });
  }

  std::optional<kernel::ScheduleAttr> scheduled(Operation *op) {
    auto conv = dyn_cast<kernel::ConvOp>(op);
    return conv && !reference ? nvidia::scheduleHaloConv(conv) : std::nullopt;
  }
};
} // namespace

// Pass assign-nvgpu-schedules.
#include "compiler/Target/Common/Reference.h"
#include "compiler/Target/NVGPU/Machine.h"
#include "compiler/Target/NVGPU/Measurements.h"
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
    std::optional<nvidia::Measurements> given;
    if (!measurements.empty()) {
      auto read = nvidia::Measurements::read(measurements);
      if (!read) {
        getOperation().emitError(llvm::toString(read.takeError()));
        return signalPassFailure();
      }
      given = std::move(*read);
    }
    assign(given ? *given : nvidia::Measurements::builtIn());
  }

private:
  void assign(const nvidia::Measurements &measured) {
    getOperation().walk([&](Operation *op) {
      if (!isa<kernel::KernelDialect>(op->getDialect()) || op->getNumResults() == 0)
        return;
      auto candidates = nvidia::candidatesFor(op, reference);
      size_t number = std::min<size_t>(std::max<int64_t>(choice, 0), candidates.size() - 1);
      auto schedule = (choice < 0 ? measured.choose(op, candidates) : candidates[number]).schedule;
      plain += schedule.getName() == nvidia::machine.reference;
      op->setAttr("schedule", schedule);
      fixPartials(op, schedule);
    });
  }
};
} // namespace

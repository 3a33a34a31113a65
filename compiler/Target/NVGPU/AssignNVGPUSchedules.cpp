// Pass assign-nvgpu-schedules.
#include "compiler/Target/Common/Reference.h"
#include "compiler/Target/NVGPU/Machine.h"
#include "compiler/Target/NVGPU/Measurements.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Target/NVGPU/Strategies.h"

#include "mlir/IR/Threading.h"

namespace kinema {
#define GEN_PASS_DEF_ASSIGNNVGPUSCHEDULES
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

static bool hasStaticShape(Type type) { return cast<ShapedType>(type).hasStaticShape(); }

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
  kernel::ScheduleAttr choose(Operation *op, const nvidia::Measurements &measured) {
    auto candidates = nvidia::candidatesFor(op, reference);
    size_t number = std::min<size_t>(std::max<int64_t>(choice, 0), candidates.size() - 1);
    return (choice < 0 ? measured.choose(op, candidates) : candidates[number]).schedule;
  }

  /// What reads partials comes after those who leave them, when their number is known; all else at once.
  void assign(const nvidia::Measurements &measured) {
    SmallVector<Operation *> kernels;
    getOperation().walk([&](Operation *op) {
      if (isa<kernel::KernelDialect>(op->getDialect()) && op->getNumResults() > 0)
        kernels.push_back(op);
    });
    std::vector<kernel::ScheduleAttr> schedules(kernels.size());
    parallelFor(&getContext(), 0, kernels.size(), [&](size_t i) {
      if (llvm::all_of(kernels[i]->getOperandTypes(), hasStaticShape))
        schedules[i] = choose(kernels[i], measured);
    });
    for (auto [op, schedule] : llvm::zip_equal(kernels, schedules)) {
      if (!schedule)
        schedule = choose(op, measured);
      plain += schedule.getName() == nvidia::machine.reference;
      op->setAttr("schedule", schedule);
      fixPartials(op, schedule);
    }
  }
};
} // namespace

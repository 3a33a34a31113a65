// Pass assign-nvgpu-schedules.
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
    const nvidia::Processor *processor = nvidia::processorOf(getOperation());
    if (!processor)
      return signalPassFailure();
    auto chooser = ScheduleChooser::make(measurements, choice, processor->name);
    if (!chooser) {
      getOperation().emitError(llvm::toString(chooser.takeError()));
      return signalPassFailure();
    }
    assign(*chooser, *processor);
  }

private:
  /// Assigns the schedules, to a kernel that reads partials after the kernel that leaves them, since their
  /// number is known only then.
  void assign(const ScheduleChooser &chooser, const nvidia::Processor &processor) {
    SmallVector<Operation *> kernels;
    getOperation().walk([&](Operation *op) {
      if (isa<kernel::LaunchableOp>(op))
        kernels.push_back(op);
    });
    SmallVector<Strategy> table = nvidia::strategies(processor);
    ArrayRef<Strategy> strategies = reference ? referenceAlone(table) : table;
    auto choose = [&](Operation *op) { return chooser.choose(op, candidatesOf(op, strategies)); };
    std::vector<std::optional<ScheduleChoice>> choices(kernels.size());
    parallelFor(&getContext(), 0, kernels.size(), [&](size_t i) {
      if (llvm::all_of(kernels[i]->getOperandTypes(), hasStaticShape))
        choices[i] = choose(kernels[i]);
    });
    for (auto [op, choice] : llvm::zip_equal(kernels, choices)) {
      if (!choice)
        choice = choose(op);
      plain += choice->schedule.getName() == processor.machine.reference;
      choice->applyTo(op);
    }
  }
};
} // namespace

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
    auto chooser =
        ScheduleChooser::make(reference ? "" : measurements.getValue(), choice, processor->name, candidates);
    if (!chooser) {
      getOperation().emitError(llvm::toString(chooser.takeError()));
      return signalPassFailure();
    }
    assign(*chooser, *processor);
  }

private:
  /// Chooses for the kernels that do not read partials, for those that are alike once.
  llvm::StringMap<std::optional<ScheduleChoice>>
  chooseEach(ArrayRef<Operation *> kernels, function_ref<ScheduleChoice(Operation *)> choose) {
    llvm::StringMap<std::optional<ScheduleChoice>> choices;
    SmallVector<std::pair<Operation *, std::optional<ScheduleChoice> *>> kinds;
    for (Operation *op : kernels)
      if (llvm::all_of(op->getOperandTypes(), hasStaticShape))
        if (auto [entry, isNew] = choices.try_emplace(choiceKeyOf(op)); isNew)
          kinds.emplace_back(op, &entry->second);
    parallelFor(&getContext(), 0, kinds.size(), [&](size_t i) { *kinds[i].second = choose(kinds[i].first); });
    return choices;
  }

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
    llvm::StringMap<std::optional<ScheduleChoice>> choices = chooseEach(kernels, choose);
    for (Operation *op : kernels) {
      auto found = choices.find(choiceKeyOf(op));
      auto choice = found == choices.end() ? choose(op) : found->second;
      plain += choice->schedule.getName() == processor.machine.reference;
      if (failed(apply(*choice, op, strategies)))
        return signalPassFailure(); // kernels behind it may depend on how many partials it leaves
    }
  }
};
} // namespace

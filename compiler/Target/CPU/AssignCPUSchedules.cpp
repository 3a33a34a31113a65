// Implements the pass assign-cpu-schedules.
#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/CPU/Strategies.h"
#include "compiler/Target/Common/Reference.h"

namespace kinema {
#define GEN_PASS_DEF_ASSIGNCPUSCHEDULES
#include "compiler/Target/CPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {

struct AssignCPUSchedules : kinema::impl::AssignCPUSchedulesBase<AssignCPUSchedules> {
  using AssignCPUSchedulesBase::AssignCPUSchedulesBase;

  void runOnOperation() override {
    auto chooser = ScheduleChooser::make(measurements, choice);
    if (!chooser) {
      getOperation().emitError(llvm::toString(chooser.takeError()));
      return signalPassFailure();
    }
    const cpu::Level *found = cpu::levelOf(getOperation());
    if (!found)
      return signalPassFailure();
    machine = &found->machine;
    if (!reference)
      strategies = cpu::strategies(*machine);
    // Convs come first: their schedules say in which form weights are made.
    getOperation().walk([&](kernel::ConvOp op) { assign(op, *chooser); });
    getOperation().walk([&](kernel::LaunchableOp op) {
      if (!isa<kernel::ConvOp>(op))
        assign(op, *chooser);
    });
  }

private:
  const Machine *machine = nullptr;
  SmallVector<Strategy> strategies;

  void assign(Operation *op, const ScheduleChooser &chooser) {
    for (const Strategy &strategy : strategies)
      if (auto candidates = strategy.candidates(op); !candidates.empty()) {
        ScheduleChoice choice = chooser.choose(op, candidates);
        if (strategy.settle)
          strategy.settle(op, choice.schedule);
        choice.applyTo(op);
        ++tiled;
        return;
      }
    ++plain;
    chooser.choose(op, {{scheduleReference(op, *machine), 0}}).applyTo(op);
  }
};

} // namespace

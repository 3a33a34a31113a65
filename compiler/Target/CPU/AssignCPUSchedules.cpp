// Implements the pass assign-cpu-schedules.
#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/CPU/Strategies.h"

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
    const cpu::Level *found = cpu::levelOf(getOperation());
    if (!found)
      return signalPassFailure();
    auto chooser =
        ScheduleChooser::make(reference ? "" : measurements.getValue(), choice, found->name, candidates);
    if (!chooser) {
      getOperation().emitError(llvm::toString(chooser.takeError()));
      return signalPassFailure();
    }
    SmallVector<Strategy> table = cpu::strategies(*found);
    ArrayRef<Strategy> strategies = reference ? referenceAlone(table) : table;
    bool failed = false;
    auto assign = [&](Operation *op) {
      if (failed) // kernels behind one that failed may depend on how many partials it leaves
        return;
      ScheduleChoice choice = chooser->choose(op, candidatesOf(op, strategies));
      ++(choice.schedule.getName() == found->machine.reference ? plain : tiled);
      failed = mlir::failed(apply(std::move(choice), op, strategies));
    };
    // Convs come first: their schedules say in which form weights are made.
    getOperation().walk([&](kernel::ConvOp op) { assign(op); });
    getOperation().walk([&](kernel::LaunchableOp op) {
      if (!isa<kernel::ConvOp>(op))
        assign(op);
    });
    if (failed)
      signalPassFailure();
  }
};

} // namespace

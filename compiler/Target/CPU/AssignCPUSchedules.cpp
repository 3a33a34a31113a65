// Pass assign-cpu-schedules.
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
    getOperation().walk([&](Operation *op) {
      if (isa<kernel::LaunchableOp>(op))
        assign(op, *chooser);
    });
  }

  const Machine *machine = nullptr;

  SmallVector<Strategy> strategies;

  SmallVector<Candidate> tiles(Operation *op) {
    for (const Strategy &strategy : strategies)
      if (auto found = strategy.candidates(op); !found.empty())
        return found;
    return {};
  }

  void assign(Operation *op, const ScheduleChooser &chooser) {
    if (kernel::scheduleOf(op)) { // by use-winograd
      ++tiled;
      return;
    }
    auto candidates = tiles(op);
    ++(candidates.empty() ? plain : tiled);
    if (candidates.empty())
      candidates = {{scheduleReference(op, *machine), 0}};
    chooser.choose(op, candidates).applyTo(op);
  }
};

} // namespace

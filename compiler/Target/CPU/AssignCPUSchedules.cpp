// Pass assign-cpu-schedules.
#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/GroupConvTile.h"
#include "compiler/Target/CPU/GroupWeightGrad.h"
#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/CPU/PairWeights.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/CPU/WeightGradTile.h"
#include "compiler/Target/CPU/Winograd.h"
#include "compiler/Target/Common/Reference.h"

#include "llvm/ADT/TypeSwitch.h"

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
    const cpu::Level *found = cpu::levelNamed(level, getOperation());
    if (!found)
      return signalPassFailure();
    machine = &found->machine;
    getOperation().walk([&](Operation *op) {
      if (isa<kernel::KernelDialect>(op->getDialect()) && op->getNumResults() > 0)
        assign(op, *chooser);
    });
  }

  const Machine *machine = nullptr;

  SmallVector<Candidate> tiles(Operation *op) {
    using Candidates = SmallVector<Candidate>;
    if (reference)
      return {};
    bool winograd = cpu::allowsWinograd(getOperation());
    return TypeSwitch<Operation *, Candidates>(op)
        .Case([&](kernel::ConvOp conv) {
          return conv.getGroups() == 1 ? cpu::convTileCandidates(conv, *machine, conv.getWinograd())
                                       : cpu::groupConvTileCandidates(conv, *machine);
        })
        .Case([&](kernel::WeightGradOp wgrad) {
          return wgrad.getGroups() == 1 ? cpu::weightGradTileCandidates(wgrad, *machine, winograd)
                                        : cpu::groupWeightGradCandidates(wgrad, *machine);
        })
        .Case([&](kernel::WinogradOp winograd) {
          auto schedule = cpu::winogradWeightSchedule(winograd, *machine);
          return schedule ? Candidates{{*schedule, 0}} : Candidates();
        })
        .Case([&](kernel::ConvertOp convert) {
          auto schedule = cpu::pairWeightsSchedule(convert, *machine);
          return schedule ? Candidates{{*schedule, 0}} : Candidates();
        })
        .Default([](Operation *) { return Candidates(); });
  }

  void assign(Operation *op, const ScheduleChooser &chooser) {
    if (op->hasAttr("schedule")) { // by use-winograd
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

#include "compiler/Target/CPU/Strategies.h"

#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/GroupConvTile.h"
#include "compiler/Target/CPU/GroupWeightGrad.h"
#include "compiler/Target/CPU/PairWeights.h"
#include "compiler/Target/CPU/WeightGradTile.h"
#include "compiler/Target/CPU/Winograd.h"
#include "compiler/Target/CPU/WinogradWeight.h"

using namespace mlir;
using namespace kinema;

using Candidates = SmallVector<Candidate>;

static Candidates groupConvCandidates(kernel::ConvOp op, const Machine &machine) {
  return op.getGroups() > 1 ? cpu::groupConvTileCandidates(op, machine) : Candidates();
}

static Candidates weightGradCandidates(kernel::WeightGradOp op, const Machine &machine) {
  bool winograd = cpu::allowsWinograd(op->getParentOfType<ModuleOp>());
  return op.getGroups() == 1 ? cpu::weightGradTileCandidates(op, machine, winograd) : Candidates();
}

static Candidates groupWeightGradCandidates(kernel::WeightGradOp op, const Machine &machine) {
  return op.getGroups() > 1 ? cpu::groupWeightGradCandidates(op, machine) : Candidates();
}

/// The one schedule that `scheduleOf` makes, if it takes the operation.
template <auto scheduleOf, typename Op> static Candidates only(Op op, const Machine &machine) {
  auto schedule = scheduleOf(op, machine);
  return schedule ? Candidates{{*schedule, 0}} : Candidates();
}

template <auto scheduleOf, typename Op>
static kernel::ScheduleAttr remakeOnly(Op op, const Machine &machine, ScheduleParameters &) {
  return scheduleOf(op, machine).value_or(kernel::ScheduleAttr());
}

/// A row of an operation that has one schedule.
template <typename Op, auto emit, auto scheduleOf>
static Strategy onlyStrategyOf(StringRef name, const Machine &machine) {
  return strategyOf<Op, emit, remakeOnly<scheduleOf, Op>, only<scheduleOf, Op>>(name, machine);
}

SmallVector<Strategy> cpu::strategies(const Machine &machine) {
  Strategy convTile =
      strategyOf<kernel::ConvOp, emitConvTile, remakeConvTile, convCandidates>("cpu.tile", machine);
  convTile.settle = [](Operation *kernel, kernel::ScheduleAttr schedule) {
    settleConvWeight(cast<kernel::ConvOp>(kernel), schedule);
  };
  return {
      convTile,
      strategyOf<kernel::WeightGradOp, emitWeightGradTile, remakeWeightGradTile, weightGradCandidates>(
          "cpu.wgrad_tile", machine),
      strategyOf<kernel::ConvOp, emitGroupConvTile, remakeGroupConvTile, groupConvCandidates>(
          "cpu.group_tile", machine),
      strategyOf<kernel::WeightGradOp, emitGroupWeightGrad, remakeGroupWeightGrad,
                 ::groupWeightGradCandidates>("cpu.group_wgrad", machine),
      onlyStrategyOf<kernel::WinogradOp, emitWinogradWeight, winogradWeightSchedule>("cpu.winograd", machine),
      onlyStrategyOf<kernel::ConvertOp, emitPairWeights, pairWeightsSchedule>("cpu.pairs", machine),
      referenceStrategy(machine),
  };
}

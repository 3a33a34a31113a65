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

/// A row of the functions of one operation.
template <auto emit, auto remake, auto candidates, typename Op>
static Strategy rowOf(StringRef name, const Machine &machine) {
  return {name, [](Operation *op, KernelEmitter &e) { emit(cast<Op>(op), e); },
          [&machine](Operation *op, ScheduleParameters &parameters) {
            auto kernel = dyn_cast<Op>(op);
            return kernel ? remake(kernel, machine, parameters) : kernel::ScheduleAttr();
          },
          [&machine](Operation *op) {
            auto kernel = dyn_cast<Op>(op);
            return kernel ? candidates(kernel, machine) : Candidates();
          }};
}

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
template <auto emit, auto scheduleOf, typename Op>
static Strategy onlyRowOf(StringRef name, const Machine &machine) {
  return rowOf<emit, remakeOnly<scheduleOf, Op>, only<scheduleOf, Op>, Op>(name, machine);
}

SmallVector<Strategy> cpu::strategies(const Machine &machine) {
  Strategy convTile =
      rowOf<emitConvTile, remakeConvTile, convCandidates, kernel::ConvOp>("cpu.tile", machine);
  convTile.settle = [](Operation *kernel, kernel::ScheduleAttr schedule) {
    settleConvWeight(cast<kernel::ConvOp>(kernel), schedule);
  };
  return {
      convTile,
      rowOf<emitWeightGradTile, remakeWeightGradTile, weightGradCandidates, kernel::WeightGradOp>(
          "cpu.wgrad_tile", machine),
      rowOf<emitGroupConvTile, remakeGroupConvTile, groupConvCandidates, kernel::ConvOp>("cpu.group_tile",
                                                                                         machine),
      rowOf<emitGroupWeightGrad, remakeGroupWeightGrad, ::groupWeightGradCandidates, kernel::WeightGradOp>(
          "cpu.group_wgrad", machine),
      onlyRowOf<emitWinogradWeight, winogradWeightSchedule, kernel::WinogradOp>("cpu.winograd", machine),
      onlyRowOf<emitPairWeights, pairWeightsSchedule, kernel::ConvertOp>("cpu.pairs", machine),
  };
}

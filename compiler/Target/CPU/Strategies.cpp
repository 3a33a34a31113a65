#include "compiler/Target/CPU/Strategies.h"

#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/GroupConvTile.h"
#include "compiler/Target/CPU/GroupWeightGrad.h"
#include "compiler/Target/CPU/InterleaveWeights.h"
#include "compiler/Target/CPU/MatmulTile.h"
#include "compiler/Target/CPU/Model.h"
#include "compiler/Target/CPU/WeightGradTile.h"
#include "compiler/Target/CPU/Winograd.h"
#include "compiler/Target/CPU/WinogradWeight.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

using Candidates = SmallVector<Candidate>;

static Candidates groupConvCandidates(kernel::ConvOp op, const Level &level) {
  return op.getGroups() > 1 ? groupConvTileCandidates(op, level) : Candidates();
}

static Candidates weightGradCandidates(kernel::WeightGradOp op, const Level &level) {
  bool winograd = allowsWinograd(op->getParentOfType<ModuleOp>());
  return op.getGroups() == 1 ? weightGradTileCandidates(op, level, winograd) : Candidates();
}

static Candidates groupWeightCandidates(kernel::WeightGradOp op, const Level &level) {
  return op.getGroups() > 1 ? groupWeightGradCandidates(op, level) : Candidates();
}

//===-- What there is one schedule for ------------------------------------===//

static double predictPoints(kernel::WinogradOp op, kernel::ScheduleAttr, const Level &level) {
  return secondsOfPoints(level.rates, tensorOf(op.getResult()));
}

static double predictInterleave(kernel::ConvertOp op, kernel::ScheduleAttr schedule, const Level &level) {
  return secondsOfStream(level.rates, kernel::trafficOf(op), schedule.getGrid());
}

/// The one schedule that `scheduleOf` makes, if it takes the operation.
template <auto scheduleOf, auto predict, typename Op> static Candidates only(Op op, const Level &level) {
  auto schedule = scheduleOf(op, level.machine);
  return schedule ? Candidates{{*schedule, predict(op, *schedule, level)}} : Candidates();
}

template <auto scheduleOf, typename Op>
static kernel::ScheduleAttr remakeOnly(Op op, const Level &level, ScheduleParameters &) {
  return scheduleOf(op, level.machine).value_or(kernel::ScheduleAttr());
}

template <auto predict, typename Op> static double predictOnly(Op op, const Level &level) {
  return predict(op, kernel::scheduleOf(op), level);
}

/// A row of an operation that has one schedule.
template <typename Op, auto emit, auto scheduleOf, auto predict>
static Strategy onlyStrategyOf(StringRef name, const Level &level) {
  return strategyOf<Op, emit, remakeOnly<scheduleOf, Op>, only<scheduleOf, predict, Op>,
                    predictOnly<predict, Op>>(name, level);
}

static double predictReference(Operation *op, kernel::ScheduleAttr schedule, const Rates &rates) {
  auto seconds = op->hasTrait<kernel::MemoryBound>() ? secondsOfStream : secondsOfLoops;
  return seconds(rates, kernel::trafficOf(op), schedule.getGrid());
}

//===-- The table ---------------------------------------------------------===//

SmallVector<Strategy> cpu::strategies(const Level &level) {
  Strategy convTile =
      strategyOf<kernel::ConvOp, emitConvTile, remakeConvTile, convCandidates, predictConvTile>(
          ConvTileParameters::schedule, level);
  convTile.settle = [](Operation *kernel, kernel::ScheduleAttr schedule) {
    settleConvWeight(cast<kernel::ConvOp>(kernel), schedule);
  };
  static constexpr llvm::StringLiteral settledBy[] = {"winograd", "winograd_frames"};
  convTile.settledBy = settledBy;
  return {
      convTile,
      strategyOf<kernel::WeightGradOp, emitWeightGradTile, remakeWeightGradTile, weightGradCandidates,
                 predictWeightGradTile>(WeightGradParameters::schedule, level),
      strategyOf<kernel::ConvOp, emitGroupConvTile, remakeGroupConvTile, groupConvCandidates,
                 predictGroupConvTile>(GroupConvParameters::schedule, level),
      strategyOf<kernel::WeightGradOp, emitGroupWeightGrad, remakeGroupWeightGrad, groupWeightCandidates,
                 predictGroupWeightGrad>(GroupWeightGradParameters::schedule, level),
      strategyOf<kernel::MatmulOp, emitMatmulTile, remakeMatmulTile, matmulTileCandidates, predictMatmulTile>(
          MatmulTileParameters::schedule, level),
      onlyStrategyOf<kernel::WinogradOp, emitWinogradWeight, winogradWeightSchedule, predictPoints>(
          winogradWeightName, level),
      onlyStrategyOf<kernel::ConvertOp, emitInterleaveWeights, interleaveWeightsSchedule, predictInterleave>(
          interleaveWeightsName, level),
      referenceStrategy(level.machine,
                        [&level](Operation *op, kernel::ScheduleAttr schedule) {
                          return predictReference(op, schedule, level.rates);
                        }),
  };
}

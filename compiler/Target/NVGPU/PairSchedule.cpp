// Decides which pairs of convs the template takes, and chooses their tiles by a model of the time.
#include "compiler/Target/Common/EvenSizes.h"
#include "compiler/Target/NVGPU/Layouts.h"
#include "compiler/Target/NVGPU/Model.h"
#include "compiler/Target/NVGPU/PairConv.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;

/// Returns whether a weight is as products of such halves read it.
static bool isTaps(Value weight, FloatType half) {
  auto type = cast<RankedTensorType>(weight.getType());
  auto taps = tapsOf(type);
  return taps && !taps->exchanged && type.getElementType() == half;
}

static bool readsBlocks(const kernel::AccessRegion &region) {
  return llvm::all_of(region, [](kernel::AccessOperand operand) {
    return operand.access != Access::Pixel || isBlocked(operand.getType());
  });
}

static bool isSupported(kernel::PairOp op) {
  FloatType half = kernel::halfOf(op.prologue());
  shape::Window first = op.getFirstWindow().getWindow(), second = op.getSecondWindow().getWindow();
  bool inFrame =
      first.kernel[0] == 1 && first.stride[0] == 1 && first.padLow[0] == 0 && first.padHigh[0] == 0;
  bool acrossFrames = second.stride[0] <= (second.kernel[0] - 1) * second.dilation[0] + 1;
  for (int axis : {1, 2})
    acrossFrames &= second.kernel[axis] == 1 && second.stride[axis] == 1 && second.padLow[axis] == 0 &&
                    second.padHigh[axis] == 0;
  return inFrame && acrossFrames && isTaps(op.getFirstWeight(), half) && isTaps(op.getSecondWeight(), half) &&
         isBlocked(op.getResultType()) && canStage(op.prologue()) && readsBlocks(op.epilogue());
}

static Work workOf(kernel::PairOp op, const PairPlan &plan, const kernel::Traffic &traffic,
                   const Rates &rates) {
  const HaloPlan &first = plan.first;
  double middleFrames = plan.framesOfBlock(), frames = std::min(plan.tile.frames, plan.results[0]);
  double tiles = first.rowTiles() * HaloPlan::consumers;
  double firstProducts = tiles * first.channelTiles() * plan.firstTaps * first.chunks() *
                         (plan.tile.depth / ProductShape::depth);
  double secondProducts =
      tiles * plan.second.kernel[0] * plan.chunks() * (plan.tile.depth / ProductShape::depth);
  double depth = first.chunks() * plan.tile.depth, results = plan.tile.rows * plan.tile.columns;

  Work work{plan.grid()};
  auto togetherOf = [&](int64_t columns) {
    return plan.sumsPlan(columns).together(first.tensorCores, first.rowTiles());
  };
  auto cyclesOf = [&](int64_t columns) {
    return cyclesOfProduct(rates, first.tensorCores, columns, togetherOf(columns));
  };
  work.matrix = middleFrames * firstProducts * cyclesOf(plan.tile.channels) +
                frames * secondProducts * cyclesOf(plan.resultChannels());
  FeedPlan feed = plan.feed();
  work.staging = middleFrames * feed.cyclesOfThreads(rates);
  auto bytesOf = [&](int64_t columns) {
    return bytesOfProduct(first.tensorCores, columns, togetherOf(columns));
  };
  work.shared = middleFrames * (firstProducts * bytesOf(plan.tile.channels) + feed.sharedBytes()) +
                frames * secondProducts * bytesOf(plan.resultChannels());
  work.source = {middleFrames * feed.sectorBytes(),
                 double(feed.direct() ? (PairPlan::sourceStages - 1) * plan.sourceStageBytes()
                                      : (plan.rawStages() - 1) * feed.rawBytes()),
                 rates.copyLatency};
  work.steps = middleFrames * first.channelTiles() * first.chunks() * plan.firstTaps +
               frames * plan.second.kernel[0] * plan.chunks();
  work.copying = middleFrames * feed.cyclesOfCopies(rates) +
                 work.steps * (rates.stageCycles + plan.tile.depth / blockChannels * rates.electedCopyCycles);
  work.weights = {
      2 * middleFrames * depth * plan.firstTaps * plan.middleBlocks * 8.0 +
          2 * frames * plan.resultChannels() * plan.second.kernel[0] * plan.chunks() * plan.tile.depth,
      double((plan.weightStages() - heldWeightStages) * plan.weightStageBytes()), rates.cachedLatency};
  work.cached =
      work.source.bytes + work.weights.bytes +
      2 * frames * plan.resultChannels() * results * (1 + double(op.epilogue().count(Access::Pixel)));
  double positions = plan.positions();
  work.after =
      cyclesOfEpilogue(rates, positions * middleFrames * plan.middleBlocks * 8,
                       op.getMiddleOperands().size()) +
      cyclesOfEpilogue(rates, positions * frames * plan.resultChannels(), op.getEpilogueOperands().size());
  work.memory = nvidia::bytesOf(traffic);
  return work;
}

Prediction kinema::nvidia::predictPair(kernel::PairOp op, const Processor &processor) {
  return predictionOf(processor.rates, workOf(op, pairPlanOf(op), kernel::trafficOf(op), processor.rates));
}

static kernel::ScheduleAttr scheduleOf(kernel::PairOp op, const PairPlan &plan) {
  auto tile = plan.tile;
  tile.feedStages = plan.rawStages();
  tile.weightStages = plan.weightStages();
  return makeSchedule(op, PairTile::schedule(plan.first.tensorCores),
                      {plan.grid(), plan.pipeline().memory.bytes(), std::nullopt, plan.roles().threads()},
                      tile);
}

kernel::ScheduleAttr kinema::nvidia::remakePair(kernel::PairOp op, const Processor &processor,
                                                ScheduleParameters &parameters) {
  if (!isSupported(op))
    return {};
  constexpr int64_t block = 8, mostDepth = 64;
  PairPlan whole(op, {1, 1, 1, block, ProductShape::depth});
  int64_t channels = whole.middleBlocks * block;
  PairTile tile;
  parameters.read(tile);
  parameters.check(tile.frames, 1, whole.results[0]);
  parameters.check(tile.rows, 1, whole.results[1]);
  parameters.check(tile.columns, 1, whole.results[2]);
  parameters.check(tile.channels, block, std::min(channels, ProductShape::mostColumns), block);
  parameters.check(tile.depth, ProductShape::depth, mostDepth, ProductShape::depth);
  parameters.check(tile.feedStages, 0, mostFeedStages);
  parameters.check(tile.weightStages, heldWeightStages, mostWeightStages);
  parameters.check(tile.boxes, 0, 1);
  if (channels % tile.channels)
    parameters.fault() << "channels are " << tile.channels << ", expected a part of the middle's "
                       << channels;
  if (parameters.failed())
    return {};
  PairPlan plan(op, tile);
  if (tile.boxes && !plan.feed().boxes())
    parameters.fault() << noBoxes;
  else if (!plan.fits(processor))
    parameters.fault() << "tiles take more shared memory or registers than a block has";
  return parameters.failed() ? kernel::ScheduleAttr() : scheduleOf(op, plan);
}

/// Calls `consider` for each tile that may be worth a look.
static void forEachTile(const PairPlan &whole, function_ref<void(const PairTile &)> consider) {
  constexpr int64_t mostPositions = 256;
  for (int64_t rows : evenSizes(whole.results[1]))
    for (int64_t columns : evenSizes(whole.results[2]))
      for (int64_t parts = 1; parts <= whole.middleBlocks && rows * columns <= mostPositions; ++parts)
        for (int64_t depth : {16, 32, 48, 64})
          if (whole.middleBlocks % parts == 0 && whole.middleBlocks / parts * 8 <= ProductShape::mostColumns)
            consider({whole.results[0], rows, columns, whole.middleBlocks / parts * 8, depth});
}

SmallVector<Candidate> kinema::nvidia::pairCandidates(kernel::PairOp op, const Processor &processor) {
  if (!isSupported(op))
    return {};
  Best best;
  kernel::Traffic traffic = kernel::trafficOf(op);
  forEachTile(PairPlan(op, {1, 1, 1, 8, ProductShape::depth}), [&](PairTile tile) {
    tile.boxes = 1;
    tile.boxes = PairPlan(op, tile).feed().boxes();
    PairPlan plan(op, tile);
    if (!plan.fits(processor))
      plan.tile.weightStages = fewestWeightStages;
    if (!plan.fits(processor))
      return;
    for (int64_t frames : evenSizes(plan.results[0])) {
      plan.tile.frames = frames;
      best.consider(secondsOf(processor.rates, workOf(op, plan, traffic, processor.rates)),
                    [&] { return scheduleOf(op, plan); });
    }
  });
  return best.take();
}

std::optional<int64_t> kinema::nvidia::leastPairBytes(kernel::PairOp op) {
  std::optional<int64_t> least;
  if (isSupported(op))
    forEachTile(PairPlan(op, {1, 1, 1, 8, ProductShape::depth}), [&](const PairTile &tile) {
      PairPlan plan(op, tile);
      plan.tile.weightStages = fewestWeightStages;
      int64_t bytes = plan.pipeline().memory.bytes();
      least = std::min(least.value_or(bytes), bytes);
    });
  return least;
}

kernel::ScheduleAttr kinema::nvidia::pairSchedule(kernel::PairOp op, const PairTile &tile) {
  return scheduleOf(op, PairPlan(op, tile));
}

PairPlan kinema::nvidia::pairPlanOf(kernel::PairOp op) {
  return PairPlan(op, parametersOf<PairTile>(*op.getSchedule()));
}

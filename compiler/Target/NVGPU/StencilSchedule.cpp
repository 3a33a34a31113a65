// Decides which convs are stencils, and chooses their tiles by a model of the time.
#include "compiler/Target/Common/EvenSizes.h"
#include "compiler/Target/Common/Layouts.h"
#include "compiler/Target/NVGPU/FeedPlan.h"
#include "compiler/Target/NVGPU/StencilConv.h"
#include "compiler/Target/NVGPU/StencilModel.h"
#include "compiler/Target/NVGPU/StencilStage.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;
using kernel::Yield;

static kernel::YieldOp yieldOf(kernel::ConvOp op) {
  return cast<kernel::YieldOp>(op.getEpilogue().front().getTerminator());
}

static bool isSupported(kernel::ConvOp op) {
  int64_t channels = op.getResultType().getDimSize(1);
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  auto blocks = weightBlocksOf(weight);
  bool isDepthwise = int64_t(op.getGroups()) == channels && op.getSourceType().getDimSize(1) == channels;
  if (!isDepthwise || op.readsPoints() || weight.getElementType() != kernel::halfOf(op.prologue()) ||
      !blocks || *blocks != WeightBlocks{blockChannels, 1} || !canStageStencil(op.prologue()) ||
      yieldOf(op).countOf(Yield::Moments) > 1)
    return false;
  for (kernel::AccessOperand operand : op.epilogue())
    if (!operand.isByChannel() && kernel::channelBlock(operand.getType()) != blockChannels)
      return false;
  return llvm::all_of(op.getResultTypes(), [](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return tensor.getRank() != 5 || kernel::channelBlock(tensor) == blockChannels;
  });
}

static kernel::ScheduleAttr scheduleOf(kernel::ConvOp op, const StencilPlan &plan) {
  return makeSchedule(op, {plan.grid().blocks(), plan.sharedBytes(), plan.grid().partials(), plan.threads()},
                      plan.tile);
}

//===-- The model ---------------------------------------------------------===//

static constexpr double lanes = blockChannels;

/// Counts the instructions of a thread that computes its columns of frames and rows, as ptxas makes them.
static double instructionsOfItem(kernel::ConvOp op, const StencilPlan &plan) {
  constexpr double load = 1 + lanes, ofWeight = 2, ofTap = 5, ofItem = 60, ofTensor = 6;
  StencilSpan frames = plan.frameSpan(), rows = plan.rowSpan();
  double taps = double(plan.kernel[2]) / plan.axes[2].phases.size(); // in the mean over phases
  double products = lanes * frames.products.size() * rows.products.size();
  double sums =
      products + load * frames.sources * rows.sources + ofWeight * plan.kernel[0] * plan.kernel[1] + ofTap;
  auto yield = yieldOf(op);
  double operations = operationsOf(op.getEpilogue()) + 3 * yield.countOf(Yield::Moments) +
                      yield.countOf(Yield::Sum) + op.epilogue().count(Access::Pixel) + 0.5;
  double tensors = op.epilogue().count(Access::Pixel) + yield.countOf(Yield::Store);
  double results = double(frames.results.size()) * rows.results.size();
  return taps * sums + ofItem + results * (lanes * operations + ofTensor * tensors);
}

static Work workOf(kernel::ConvOp op, const StencilPlan &plan, const Processor &processor,
                   const kernel::Traffic &traffic) {
  StencilRing ring = plan.ring();
  StencilWork work{plan.grid().blocks(), plan.threads(), plan.accumulators(), plan.sharedBytes()};
  double rounds = shape::ceilDiv(plan.items(), plan.threads());
  work.chunks = plan.steps() + ring.before;
  work.instructions = plan.steps() * rounds * instructionsOfItem(op, plan) +
                      work.chunks * instructionsOfChunk(op.prologue(), ring);
  work.cached = work.chunks * bytesOfChunk(ring);
  work.memory = bytesOf(traffic);
  return workOfStencil(work, processor);
}

Prediction kinema::nvidia::predictStencil(kernel::ConvOp op, const Processor &processor) {
  StencilPlan plan(op, parametersOf<StencilTile>(*op.getSchedule()));
  return predictionOf(processor.rates, workOf(op, plan, processor, kernel::trafficOf(op)));
}

//===-- The search --------------------------------------------------------===//

SmallVector<Candidate> kinema::nvidia::stencilCandidates(kernel::ConvOp op, const Processor &processor) {
  constexpr int64_t mostFrames = 4, mostRows = 8; // of a thread
  if (!isSupported(op))
    return {};
  StencilPlan plan(op, {1, 1, 1, 1, 1});
  kernel::Traffic traffic = kernel::trafficOf(op);
  const Rates &rates = processor.rates;
  Best best;
  for (int64_t ofThread = 1; ofThread <= std::min(mostFrames, resultsOf(plan.axes[0])); ++ofThread)
    for (int64_t rowsOfThread = 1; rowsOfThread <= std::min(mostRows, resultsOf(plan.axes[1]));
         ++rowsOfThread)
      for (int64_t frames : evenSizes(shape::roundUp(resultsOf(plan.axes[0]), ofThread), ofThread))
        for (int64_t rows : evenSizes(shape::roundUp(resultsOf(plan.axes[1]), rowsOfThread), rowsOfThread))
          for (int64_t columns : evenSizes(resultsOf(plan.axes[2]))) {
            plan.tile = {frames, rows, columns, ofThread, rowsOfThread};
            if (plan.fits(processor) && plan.grid().partials() <= processor.machine.partials)
              best.consider(secondsOf(rates, workOf(op, plan, processor, traffic)),
                            [&] { return scheduleOf(op, plan); });
          }
  return best.take();
}

kernel::ScheduleAttr kinema::nvidia::remakeStencil(kernel::ConvOp op, const Processor &processor,
                                                   ScheduleParameters &parameters) {
  if (!isSupported(op))
    return {};
  StencilPlan plan(op, {1, 1, 1, 1, 1});
  StencilTile tile;
  parameters.read(tile);
  parameters.check(tile.framesOfThread, 1, resultsOf(plan.axes[0]));
  parameters.check(tile.rowsOfThread, 1, resultsOf(plan.axes[1]));
  if (parameters.failed())
    return {};
  parameters.check(tile.frames, tile.framesOfThread,
                   shape::roundUp(resultsOf(plan.axes[0]), tile.framesOfThread), tile.framesOfThread);
  parameters.check(tile.rows, tile.rowsOfThread, shape::roundUp(resultsOf(plan.axes[1]), tile.rowsOfThread),
                   tile.rowsOfThread);
  parameters.check(tile.columns, 1, resultsOf(plan.axes[2]));
  if (parameters.failed())
    return {};
  plan.tile = tile;
  if (!plan.fits(processor))
    parameters.fault() << "tiles take more shared memory or registers than a block has";
  return parameters.failed() ? kernel::ScheduleAttr() : scheduleOf(op, plan);
}

kernel::ScheduleAttr kinema::nvidia::stencilSchedule(kernel::ConvOp op, const StencilTile &tile) {
  return scheduleOf(op, StencilPlan(op, tile));
}

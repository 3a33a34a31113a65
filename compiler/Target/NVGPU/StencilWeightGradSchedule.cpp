// Decides which weight gradients are stencils, and chooses their tiles by a model of the time.
#include "compiler/Target/Common/EvenSizes.h"
#include "compiler/Target/Common/Layouts.h"
#include "compiler/Target/NVGPU/StencilModel.h"
#include "compiler/Target/NVGPU/StencilStage.h"
#include "compiler/Target/NVGPU/StencilWeightGrad.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

static bool isSupported(kernel::WeightGradOp op) {
  auto gradient = op.getGradientType(), activation = op.getActivationType();
  auto result = cast<RankedTensorType>(op.getResult().getType());
  auto blocks = weightBlocksOf(result);
  return gradient && activation && int64_t(op.getGroups()) == gradient.getDimSize(1) &&
         activation.getDimSize(1) == gradient.getDimSize(1) && result.getElementType().isF32() && blocks &&
         *blocks == WeightBlocks{blockChannels, 1} && canStageStencil(op.gradient()) &&
         canStageStencil(op.activation());
}

static kernel::ScheduleAttr scheduleOf(kernel::WeightGradOp op, const StencilWeightGradPlan &plan) {
  return makeSchedule(op, {plan.grid().blocks(), plan.sharedBytes(), plan.grid().partials(), plan.threads()},
                      plan.tile);
}

/// Counts the instructions of a thread that adds the products of a column of rows in a step, as ptxas makes
/// them.
static double instructionsOfItem(const StencilWeightGradPlan &plan) {
  constexpr double ofItem = 20;
  double lanes = plan.channelsOfThread(), load = 1 + lanes;
  StencilSpan rows = plan.rowSpan();
  double products = lanes * rows.products.size() * plan.kernel[0] * plan.kernel[2];
  double activation = double(rows.sources) * plan.kernel[2] * plan.axes[0].sourceStep;
  return ofItem + products + load * (rows.results.size() * plan.kernel[0] + activation);
}

static Work workOf(kernel::WeightGradOp op, const StencilWeightGradPlan &plan, const Processor &processor,
                   const kernel::Traffic &traffic) {
  constexpr double ofSum = 30; // instructions that add up the channels of a tap in a warp
  StencilRing gradient = plan.gradientRing(), activation = plan.activationRing();
  StencilWork work{plan.grid().blocks(), plan.threads(), plan.accumulators(), plan.sharedBytes()};
  double rounds = shape::ceilDiv(plan.items(), plan.together());
  work.chunks = plan.steps();
  work.instructions =
      work.chunks * (rounds * instructionsOfItem(plan) + instructionsOfChunk(op.activation(), activation)) +
      plan.tile.frames * instructionsOfChunk(op.gradient(), gradient) + ofSum * plan.taps();
  work.cached = plan.tile.frames * bytesOfChunk(gradient) + work.chunks * bytesOfChunk(activation);
  // Partials are written here and read by the kernel that adds them up.
  double partials = 4.0 * plan.grid().partials() * plan.channels * shape::product(plan.kernel);
  work.memory = traffic.reads + 2 * partials;
  return workOfStencil(work, processor);
}

Prediction kinema::nvidia::predictStencilWeightGrad(kernel::WeightGradOp op, const Processor &processor) {
  StencilWeightGradPlan plan(op, parametersOf<StencilWeightGradTile>(*op.getSchedule()));
  return predictionOf(processor.rates, workOf(op, plan, processor, kernel::trafficOf(op)));
}

/// Considers all numbers of warps that have something to do.
static void considerWarps(kernel::WeightGradOp op, StencilWeightGradPlan &plan, const Processor &processor,
                          const kernel::Traffic &traffic, Best &best) {
  int64_t most = std::min(plan.mostWarps, shape::ceilDiv(plan.threadsOfPosition() * plan.items(), warp));
  for (plan.tile.warps = 1; plan.tile.warps <= most; ++plan.tile.warps)
    if (plan.fits(processor))
      best.consider(secondsOf(processor.rates, workOf(op, plan, processor, traffic)),
                    [&] { return scheduleOf(op, plan); });
}

SmallVector<Candidate> kinema::nvidia::stencilWeightGradCandidates(kernel::WeightGradOp op,
                                                                   const Processor &processor) {
  constexpr int64_t mostRows = 14; // of a thread
  if (!isSupported(op))
    return {};
  StencilWeightGradPlan plan(op, {1, 1, 1, 1, 1});
  kernel::Traffic traffic = kernel::trafficOf(op);
  int64_t allRows = resultsOf(plan.axes[1]);
  Best best;
  for (int64_t ofThread = 1; ofThread <= std::min(mostRows, allRows); ++ofThread)
    for (int64_t frames : evenSizes(resultsOf(plan.axes[0])))
      for (int64_t rows : evenSizes(shape::roundUp(allRows, ofThread), ofThread))
        for (int64_t columns : evenSizes(resultsOf(plan.axes[2]))) {
          plan.tile = {frames, rows, columns, ofThread, 1};
          if (plan.grid().partials() <= processor.machine.partials)
            considerWarps(op, plan, processor, traffic, best);
        }
  return best.take();
}

kernel::ScheduleAttr kinema::nvidia::remakeStencilWeightGrad(kernel::WeightGradOp op,
                                                             const Processor &processor,
                                                             ScheduleParameters &parameters) {
  if (!isSupported(op))
    return {};
  StencilWeightGradPlan plan(op, {1, 1, 1, 1, 1});
  StencilWeightGradTile tile;
  parameters.read(tile);
  int64_t rows = resultsOf(plan.axes[1]);
  parameters.check(tile.frames, 1, resultsOf(plan.axes[0]));
  parameters.check(tile.rowsOfThread, 1, rows);
  parameters.check(tile.warps, 1, plan.mostWarps);
  parameters.check(tile.columns, 1, resultsOf(plan.axes[2]));
  if (!parameters.failed())
    parameters.check(tile.rows, tile.rowsOfThread, shape::roundUp(rows, tile.rowsOfThread),
                     tile.rowsOfThread);
  if (parameters.failed())
    return {};
  plan.tile = tile;
  if (!plan.fits(processor))
    parameters.fault() << "tiles take more shared memory or registers than a block has";
  return parameters.failed() ? kernel::ScheduleAttr() : scheduleOf(op, plan);
}

kernel::ScheduleAttr kinema::nvidia::stencilWeightGradSchedule(kernel::WeightGradOp op,
                                                               const StencilWeightGradTile &tile) {
  return scheduleOf(op, StencilWeightGradPlan(op, tile));
}

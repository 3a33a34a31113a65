// Decides which convs are convs of vectors, and chooses their tiles by a model of the time.
#include "compiler/Target/Common/EvenSizes.h"
#include "compiler/Target/Common/ReferenceOps.h"
#include "compiler/Target/NVGPU/VectorConv.h"
#include "compiler/Target/NVGPU/VectorModel.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Yield;

static bool isSupported(kernel::ConvOp op, const Processor &processor) {
  bool forward = op.getDirection() == kernel::Direction::Forward;
  RankedTensorType source = op.getSourceType(), result = op.getResultType();
  auto vectors = weightVectorsOf(tensorOf(op.getWeight()));
  auto yield = cast<kernel::YieldOp>(op.getEpilogue().front().getTerminator());
  if (op.getGroups() != 1 || op.readsPoints() || !vectors || yield.countOf(Yield::Moments) > 1 ||
      !coversAll(op.getWindow().getWindow(), forward ? source : result, forward ? result : source))
    return false;
  bool alongSource = vectors->ofOutputs != forward;
  if (alongSource &&
      reference::channelWidth(processor.machine, reference::tensorTypes(op.getPrologueOperands())) !=
          WeightVectors::width)
    return false;
  return llvm::all_of(op.getResultTypes(), [&](Type type) {
    return reference::storedChannels(cast<RankedTensorType>(type)) ==
           shape::roundUp(result.getDimSize(1), WeightVectors::width);
  });
}

static kernel::ScheduleAttr scheduleOf(kernel::ConvOp op, const VectorPlan &plan) {
  return makeSchedule(op, {plan.blocks(), plan.sharedBytes(), plan.partials(), plan.threads()}, plan.tile);
}

//===-- The model ---------------------------------------------------------===//

/// Returns the bytes that an element of a region's operands takes, altogether.
static double bytesOfElement(const kernel::AccessRegion &region) {
  double bytes = 0;
  for (kernel::AccessOperand operand : region)
    if (!operand.isByChannel())
      bytes += operand.getType().getElementTypeBitWidth() / 8.0;
  return bytes;
}

static Work workOf(kernel::ConvOp op, const VectorPlan &plan, const Processor &processor, double memory) {
  constexpr double width = WeightVectors::width, ofUnit = 12, ofLoad = 3, ofResult = 30;
  double weightBytes = width * tensorOf(op.getWeight()).getElementTypeBitWidth() / 8;
  double rounds = shape::ceilDiv(plan.units(), plan.tile.shares);
  double elements = plan.alongResult ? 1 : width; // of the source in a unit
  double ofClip =
      op.prologue().size() * ofLoad + elements * operationsOf(op.getPrologue()) + width * plan.tile.vectors;
  double steps = ofUnit + plan.tile.vectors * (ofLoad + width) + plan.tile.clips * ofClip;
  double ofShares = 2.0 * plan.accumulators() + 2.0 * plan.tile.shares * plan.sums() / plan.threads();
  double results = shape::ceilDiv(plan.sums(), plan.threads());
  VectorWork work{plan.blocks(), plan.threads(), plan.values(), plan.sharedBytes()};
  work.instructions = rounds * steps;
  work.last = ofShares + results * (ofResult + operationsOf(op.getEpilogue()));
  work.loaded = rounds * plan.threads() * plan.tile.vectors * weightBytes;
  work.atOnce = double(plan.threads()) * plan.tile.vectors * weightBytes;
  work.cached =
      work.loaded + double(plan.units()) * elements * plan.tile.clips * bytesOfElement(op.prologue());
  work.memory = memory;
  return workOfVectors(work, processor);
}

Prediction kinema::nvidia::predictVectors(kernel::ConvOp op, const Processor &processor) {
  VectorPlan plan(op, parametersOf<VectorTile>(*op.getSchedule()));
  return predictionOf(processor.rates, workOf(op, plan, processor, bytesOf(kernel::trafficOf(op))));
}

//===-- The search --------------------------------------------------------===//

SmallVector<Candidate> kinema::nvidia::vectorCandidates(kernel::ConvOp op, const Processor &processor) {
  if (!isSupported(op, processor))
    return {};
  VectorPlan plan(op, {1, 1, 1, 1});
  double memory = bytesOf(kernel::trafficOf(op));
  Best best;
  for (int64_t clips : evenSizes(plan.clips))
    for (int64_t vectors : {1, 2, 4})
      for (int64_t lanes : {1, 2, 4, 8, 16, 32})
        for (int64_t shares = 1; shares * lanes <= VectorPlan::mostThreads; shares *= 2) {
          plan.tile = {clips, lanes, vectors, shares};
          bool isIdle = shares >= 2 * plan.units() || plan.channelsOfBlock() >= 2 * plan.storedChannels;
          // Threads side by side read a sector of memory or more.
          bool isApart = !plan.alongResult && lanes < WeightVectors::width;
          if (plan.fits(processor) && !isApart && (!isIdle || plan.threads() == warp))
            best.consider(secondsOf(processor.rates, workOf(op, plan, processor, memory)),
                          [&] { return scheduleOf(op, plan); });
        }
  return best.take();
}

kernel::ScheduleAttr kinema::nvidia::remakeVectors(kernel::ConvOp op, const Processor &processor,
                                                   ScheduleParameters &parameters) {
  if (!isSupported(op, processor))
    return {};
  VectorTile tile;
  parameters.read(tile);
  parameters.check(tile.clips, 1, std::min(op.getResultType().getDimSize(0), VectorPlan::mostAccumulators));
  parameters.check(tile.lanes, 1, VectorPlan::mostThreads);
  parameters.check(tile.vectors, 1, VectorPlan::mostAccumulators);
  parameters.check(tile.shares, 1, VectorPlan::mostThreads);
  if (parameters.failed())
    return {};
  VectorPlan plan(op, tile);
  if (!plan.fits(processor))
    parameters.fault() << "tile does not fit: lanes and shares have to be powers of two that make " << warp
                       << " to " << VectorPlan::mostThreads
                       << " threads, whose sums have room in registers and in shared memory";
  return parameters.failed() ? kernel::ScheduleAttr() : scheduleOf(op, plan);
}

kernel::ScheduleAttr kinema::nvidia::vectorSchedule(kernel::ConvOp op, const VectorTile &tile) {
  return scheduleOf(op, VectorPlan(op, tile));
}

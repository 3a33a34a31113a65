// Decides which convs are stencils, and chooses their tiles by a model of the time.
#include "compiler/Target/Common/EvenSizes.h"
#include "compiler/Target/Common/Layouts.h"
#include "compiler/Target/NVGPU/HaloStage.h"
#include "compiler/Target/NVGPU/Model.h"
#include "compiler/Target/NVGPU/StencilConv.h"
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
  if (!isDepthwise || op.getWinogradTile() != 1 || !weight.getElementType().isBF16() || !blocks ||
      *blocks != WeightBlocks{blockChannels, 1} || !canStageStencil(op.prologue()) ||
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

static constexpr double lanes = StencilPlan::blockOfChannels;

/// Counts a region's operations on numbers. Rounding and widening are as many instructions per pair.
static double operationsOf(Region &region) {
  double count = 0;
  for (Operation &op : region.front().without_terminator())
    count += isa<arith::ConstantOp>(op) ? 0 : isa<arith::TruncFOp>(op) ? 0.5 : 1;
  return count;
}

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

/// Counts the instructions that bring a position to shared memory.
static double instructionsOfPosition(kernel::ConvOp op, const StencilPlan &plan) {
  constexpr double copy = 5, perCopy = 3.3, transform = 8;
  double tensors = plan.operands, copies = copy + perCopy * tensors;
  if (!plan.isTransformed)
    return copies;
  return copies + transform + tensors * (1 + lanes) + lanes * (operationsOf(op.getPrologue()) - 1);
}

/// Returns the blocks that share a multiprocessor.
static int64_t residentBlocks(const StencilPlan &plan, const Processor &processor) {
  constexpr double fewestRegisters = 96, perAccumulator = 1.25; // what ptxas takes
  constexpr int64_t mostRegisters = 255;
  int64_t ofThread = fewestRegisters + perAccumulator * plan.accumulators();
  int64_t registers = std::min(mostRegisters, shape::roundUp(ofThread, 8)) * plan.threads();
  int64_t shared = plan.sharedBytes() + Processor::systemSharedBytes;
  return std::max<int64_t>(
      1, std::min({Processor::registers / registers, processor.blocks,
                   processor.warps * warp / plan.threads(), processor.sharedBytes / shared}));
}

static Work workOf(kernel::ConvOp op, const StencilPlan &plan, const Processor &processor, const Rates &rates,
                   const kernel::Traffic &traffic) {
  // Warps of a multiprocessor that keep its schedulers busy, and the cycles of a chunk that nobody hides.
  constexpr double busyWarps = 8, chunkCycles = 200;
  int64_t warps = plan.threads() / warp, together = residentBlocks(plan, processor);
  double rounds = shape::ceilDiv(plan.items(), plan.threads());
  double perChunk = plan.ring().frames * plan.ring().notes() / plan.threads();
  int64_t chunks = plan.steps() + plan.ring().before;
  double ofThread = plan.steps() * rounds * instructionsOfItem(op, plan) +
                    chunks * perChunk * instructionsOfPosition(op, plan);
  double busy = std::min(1.0, warps * together / busyWarps);
  Work work{plan.grid().blocks()};
  work.together = together;
  work.staging = ofThread * plan.threads() / rates.lanes / busy + chunks * chunkCycles / together;
  work.cached = 16.0 * chunks * plan.ring().frames * plan.ring().framePositions() * plan.operands;
  work.memory = bytesOf(traffic);
  return work;
}

static const Rates &ratesOf(const Processor &processor) {
  return processor.rates ? *processor.rates : h200; // good enough to choose by
}

double kinema::nvidia::predictStencil(kernel::ConvOp op, const Processor &processor) {
  StencilPlan plan(op, parametersOf<StencilTile>(*op.getSchedule()));
  const Rates &rates = ratesOf(processor);
  return secondsOf(rates, workOf(op, plan, processor, rates, kernel::trafficOf(op)));
}

//===-- The search --------------------------------------------------------===//

static int64_t resultsOf(const StencilPlan &plan, int axis) {
  int64_t most = 0;
  for (const HaloAxis::Phase &phase : plan.axes[axis].phases)
    most = std::max(most, phase.count);
  return most;
}

SmallVector<Candidate> kinema::nvidia::stencilCandidates(kernel::ConvOp op, const Processor &processor) {
  constexpr int64_t mostFrames = 4, mostRows = 8; // of a thread
  if (!isSupported(op))
    return {};
  StencilPlan plan(op, {1, 1, 1, 1, 1});
  kernel::Traffic traffic = kernel::trafficOf(op);
  const Rates &rates = ratesOf(processor);
  Best best;
  for (int64_t ofThread = 1; ofThread <= std::min(mostFrames, resultsOf(plan, 0)); ++ofThread)
    for (int64_t rowsOfThread = 1; rowsOfThread <= std::min(mostRows, resultsOf(plan, 1)); ++rowsOfThread)
      for (int64_t frames : evenSizes(shape::roundUp(resultsOf(plan, 0), ofThread), ofThread))
        for (int64_t rows : evenSizes(shape::roundUp(resultsOf(plan, 1), rowsOfThread), rowsOfThread))
          for (int64_t columns : evenSizes(resultsOf(plan, 2))) {
            plan.tile = {frames, rows, columns, ofThread, rowsOfThread};
            if (plan.fits(processor))
              best.consider(secondsOf(rates, workOf(op, plan, processor, rates, traffic)),
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
  parameters.check(tile.framesOfThread, 1, resultsOf(plan, 0));
  parameters.check(tile.rowsOfThread, 1, resultsOf(plan, 1));
  if (parameters.failed())
    return {};
  parameters.check(tile.frames, tile.framesOfThread, shape::roundUp(resultsOf(plan, 0), tile.framesOfThread),
                   tile.framesOfThread);
  parameters.check(tile.rows, tile.rowsOfThread, shape::roundUp(resultsOf(plan, 1), tile.rowsOfThread),
                   tile.rowsOfThread);
  parameters.check(tile.columns, 1, resultsOf(plan, 2));
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

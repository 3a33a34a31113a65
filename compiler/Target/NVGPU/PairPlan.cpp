#include "compiler/Target/NVGPU/PairPlan.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

PairPlan::PairPlan(kernel::PairOp op, const PairTile &tile)
    : first(tensorCoresOf(op), op.prologue(), op.getSourceType(), op.getMiddleType(),
            op.getFirstWindow().getWindow(),
            /*forward=*/true,
            {.results = {1, tile.rows, tile.columns},
             .channels = tile.channels,
             .depth = tile.depth,
             .boxes = tile.boxes}),
      tile(tile), second(op.getSecondWindow().getWindow()) {
  auto middle = op.getMiddleType().getShape(), result = op.getResultType().getShape(); // [N, C, T, H, W]
  middleBlocks = shape::ceilDiv(middle[1], 8);
  resultBlocks = shape::ceilDiv(result[1], 8);
  firstTaps = op.getFirstWindow().getWindow().taps();
  middleFrames = middle[2];
  results = {result[2], result[3], result[4]};
}

int64_t PairPlan::grid() const {
  return first.clips * runs() * first.axes[1].tiles() * first.axes[2].tiles();
}

int64_t PairPlan::framesOfBlock() const {
  return std::min((tile.frames - 1) * second.stride[0] + slots(), middleFrames);
}

bool PairPlan::everyResultHasTaps() const {
  auto hasTaps = [&](int64_t frame) {
    return llvm::any_of(llvm::seq(second.kernel[0]), [&](int64_t tap) {
      int64_t reached = frame * second.stride[0] + tap * second.dilation[0] - second.padLow[0];
      return 0 <= reached && reached < middleFrames;
    });
  };
  return llvm::all_of(llvm::seq(results[0]), hasTaps);
}

FeedPlan PairPlan::feed() const {
  FeedPlan feed = first.feed();
  feed.blocks *= first.chunks();
  return feed;
}

int64_t PairPlan::weightStages() const {
  int64_t stages = nvidia::weightStages(weightStageBytes(), tile.weightStages);
  return tile.weightStages ? stages : std::min<int64_t>(stages, llvm::bit_floor<uint64_t>(stepsOfMiddle()));
}

PairPipeline PairPlan::pipeline() const {
  FeedPlan feed = this->feed();
  RingPlan source{"the source", sourceStages, sourceStageBytes(),
                  (feed.copiesDoAll() ? 0 : roles().stagingThreads()) + feed.arrivalsOfStage()};
  RingPlan weights{"the weights", weightStages(), weightStageBytes(), 1};
  RingPlan raw{"the raw source", rawStages(), feed.rawBytes(), feed.arrivalsOfPart()};
  PairPipeline pipeline{{roles(), source, weights, raw}, {}, {}, {}};
  pipeline.ofMiddle = pipeline.tensorMemory.take(sumsPlan(tile.channels), HaloPlan::consumers);
  pipeline.ofResult = pipeline.tensorMemory.take(sumsPlan(resultChannels()), HaloPlan::consumers);
  pipeline.slots = pipeline.memory.take(slots() * slotBytes(), positionBytes);
  return pipeline;
}

bool PairPlan::fits(const Processor &processor) const {
  constexpr int64_t most = 116; // accumulators of a thread
  int64_t registers = sumsPlan(std::max(tile.channels, resultChannels())).registers(first.tensorCores);
  // The ring of weights comes round before the first channels of a frame of the middle are stored. That
  // orders these stores after the last products of the frame that the slot held before.
  if (first.tensorCores == TensorCores::TensorMemory && !everyResultHasTaps())
    return false;
  return pipeline().fits(processor) && registers <= most && stepsOfMiddle() >= weightStages() &&
         weightStages() >= heldWeightStages;
}

#include "compiler/Target/NVGPU/VectorPlan.h"

#include "compiler/Target/Common/Layouts.h"
#include "compiler/Target/Common/ReferenceOps.h"
#include "compiler/Target/NVGPU/FeedPlan.h"
#include "compiler/Target/NVGPU/Layouts.h"
#include "compiler/Target/NVGPU/VectorModel.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

std::optional<WeightVectors> nvidia::weightVectorsOf(RankedTensorType weight) {
  if (auto taps = tapsOf(weight)) {
    if (taps->together > 1)
      return std::nullopt;
    return WeightVectors{.ofOutputs = taps->exchanged, .other = blockChannels};
  }
  auto blocks = weightBlocksOf(weight);
  if (!blocks || blocks->vector != WeightVectors::width)
    return std::nullopt;
  return WeightVectors{!blocks->exchanged, blocks->reduce};
}

bool nvidia::coversAll(const shape::Window &window, RankedTensorType many, RankedTensorType one) {
  shape::Size3 none = {0, 0, 0};
  return window.padLow == none && window.padHigh == none && window.dilation == shape::Size3{1, 1, 1} &&
         clip::spatialSize(many) == window.kernel && shape::product(clip::spatialSize(one)) == 1;
}

VectorPlan::VectorPlan(kernel::ConvOp op, const VectorTile &tile)
    : tile(tile), weight(*weightVectorsOf(tensorOf(op.getWeight()))),
      alongResult(weight.ofOutputs == (op.getDirection() == kernel::Direction::Forward)) {
  RankedTensorType result = op.getResultType(), source = op.getSourceType();
  clips = result.getDimSize(0);
  positions = shape::product(clip::spatialSize(result));
  channels = result.getDimSize(1);
  storedChannels = reference::storedChannels(result);
  sourcePositions = shape::product(clip::spatialSize(source));
  sourceChannels = source.getDimSize(1);
  auto yield = cast<kernel::YieldOp>(op.getEpilogue().front().getTerminator());
  summed = yield.countOf(kernel::Yield::Moments) + yield.countOf(kernel::Yield::Sum);
}

bool VectorPlan::fits(const Processor &processor) const {
  return llvm::isPowerOf2_64(tile.lanes) && llvm::isPowerOf2_64(tile.shares) && threads() % warp == 0 &&
         threads() <= mostThreads && accumulators() <= mostAccumulators &&
         threads() * registersOfVectors(values()) <= Processor::registers &&
         sharedBytes() <= processor.blockSharedBytes() && partials() <= processor.machine.partials;
}

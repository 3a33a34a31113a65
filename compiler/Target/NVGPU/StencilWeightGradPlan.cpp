#include "compiler/Target/NVGPU/StencilWeightGradPlan.h"

using namespace kinema;
using namespace kinema::nvidia;

StencilWeightGradPlan::StencilWeightGradPlan(kernel::WeightGradOp op, const StencilWeightGradTile &tile)
    : tile(tile) {
  auto dz = op.getGradientType().getShape(), x = op.getActivationType().getShape(); // [N, C, T, H, W]
  shape::Window window = op.getWindow().getWindow();
  for (int axis = 0; axis < 3; ++axis)
    axes[axis] = haloAxis(window, axis, x[axis + 2], dz[axis + 2]);
  kernel = window.kernel;
  clips = dz[0];
  channels = dz[1];
  gradientTensors = op.gradient().count(kernel::Access::Pixel);
  activationTensors = op.activation().count(kernel::Access::Pixel);
}

int64_t StencilWeightGradPlan::threadsOfFrame() const {
  int64_t most = std::max(warp, mostThreads / kernel[0] / warp * warp);
  int64_t rounds = shape::ceilDiv(items(), most);
  return shape::roundUp(shape::ceilDiv(items(), rounds), warp);
}

StencilRing StencilWeightGradPlan::gradientRing() const {
  return {1, tile.rows, tile.columns, 0, gradientTensors, threads()};
}

StencilRing StencilWeightGradPlan::activationRing() const {
  int64_t advance = axes[0].sourceStep, window = reachOf(axes[0], 1);
  return {advance, reachOf(axes[1], tile.rows), reachOf(axes[2], tile.columns),
          shape::ceilDiv(window, advance) - 1, activationTensors, threads()};
}

bool StencilWeightGradPlan::fits(const Processor &processor) const {
  constexpr int64_t mostAccumulators = 80; // of 224 registers
  return threads() <= mostThreads && accumulators() <= mostAccumulators &&
         sharedBytes() <= processor.blockSharedBytes();
}

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

StencilRing StencilWeightGradPlan::gradientRing() const {
  return {1,
          tile.rows,
          tile.columns,
          shape::ceilDiv(axes[0].maxShift(), axes[0].sourceStep),
          gradientTensors,
          threads()};
}

StencilRing StencilWeightGradPlan::activationRing() const {
  return {
      axes[0].sourceStep, reachOf(axes[1], tile.rows), reachOf(axes[2], tile.columns), 0, activationTensors,
      threads()};
}

bool StencilWeightGradPlan::fits(const Processor &processor) const {
  return accumulators() <= mostAccumulators && sharedBytes() <= processor.blockSharedBytes();
}

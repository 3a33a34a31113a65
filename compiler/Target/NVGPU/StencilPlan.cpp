#include "compiler/Target/NVGPU/StencilPlan.h"

#include "compiler/Target/NVGPU/CombineThreads.h"

#include "compiler/Target/NVGPU/StencilStage.h"

using namespace kinema;
using namespace kinema::nvidia;

StencilSpan::StencilSpan(const HaloAxis &axis, int64_t perPhase) : sources(reachOf(axis, perPhase)) {
  for (int64_t q = 0; q < perPhase; ++q)
    for (const HaloAxis::Phase &phase : axis.phases) {
      for (int64_t i = 0; i < phase.taps; ++i)
        products.push_back({int64_t(results.size()),
                            q * axis.sourceStep + phase.firstShift + i * axis.shiftStep,
                            phase.firstTap + i * axis.tapStep});
      results.push_back(q * axis.resultStep + phase.offset);
    }
}

int64_t nvidia::reachOf(const HaloAxis &axis, int64_t results) {
  return (results - 1) * axis.sourceStep + axis.maxShift() + 1;
}

int64_t nvidia::resultsOf(const HaloAxis &axis) {
  int64_t most = 0;
  for (const HaloAxis::Phase &phase : axis.phases)
    most = std::max(most, phase.count);
  return most;
}

StencilGrid::StencilGrid(int64_t clips, int64_t channels, llvm::ArrayRef<HaloAxis> axes,
                         const std::array<int64_t, 3> &resultsOfBlock)
    : clips(clips), channelBlocks(shape::ceilDiv(channels, blockChannels)) {
  for (int axis = 0; axis < 3; ++axis)
    tiles[axis] = shape::ceilDiv(resultsOf(axes[axis]), resultsOfBlock[axis]);
}

StencilPlan::StencilPlan(kernel::ConvOp op, const StencilTile &tile) : tile(tile) {
  auto source = op.getSourceType().getShape(), result = op.getResultType().getShape(); // [N, C, T, H, W]
  shape::Window window = op.getWindow().getWindow();
  auto direction = op.getDirection() == kernel::Direction::Forward ? shape::Direction::Forward
                                                                   : shape::Direction::Transposed;
  for (int axis = 0; axis < 3; ++axis)
    axes[axis] = haloAxis(window, axis, source[axis + 2], result[axis + 2], direction);
  kernel = window.kernel;
  clips = result[0];
  channels = result[1];
  operands = op.prologue().count(kernel::Access::Pixel);
  isTransformed = isStencilTransformed(op.prologue());
}

int64_t StencilPlan::threads() const {
  int64_t rounds = shape::ceilDiv(items(), mostThreads);
  return shape::roundUp(shape::ceilDiv(items(), rounds), warp);
}

StencilRing StencilPlan::ring() const {
  int64_t advance = tile.framesOfThread * axes[0].sourceStep;
  int64_t window = reachOf(axes[0], tile.framesOfThread);
  return {advance,
          reachOf(axes[1], tile.rows),
          reachOf(axes[2], tile.columns),
          shape::ceilDiv(window, advance) - 1,
          operands,
          threads()};
}

StencilGrid StencilPlan::grid() const {
  return {clips, channels, axes, {tile.frames, tile.rows, tile.columns}};
}

int64_t StencilPlan::accumulators() const {
  return blockChannels * frameSpan().results.size() * rowSpan().results.size();
}

bool StencilPlan::fits(const Processor &processor) const {
  // Of a thread's 255 registers, these hold sums. Weights and the source take the others, and so does what
  // says which frames exist, or where the rows of phases lie. What ptxas spills decides: with 112, the stem
  // of x3d_s and a data gradient of x3d_m.
  const bool rowsHavePhases = axes[1].phases.size() > 1;
  const int64_t mostAccumulators = reachesBeyond(0) || rowsHavePhases ? 96 : 112;
  return accumulators() <= mostAccumulators &&
         sharedBytes() + combineThreadsBytes <= processor.blockSharedBytes(); // sums are over all threads
}

#include "compiler/Target/NVGPU/HaloStage.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;

/// The prologue's vectors of the block's channels; null for the operands that are read at each position.
static SmallVector<Value> loadVectors(KernelEmitter &e, const StageSource &source, Value n, Value block) {
  SmallVector<Value> vectors;
  for (auto [access, buffer] : llvm::zip(source.access, source.buffers)) {
    Value row = block;
    if (static_cast<Access>(access) == Access::BatchChannel)
      row = e.add(e.mul(n, source.channelBlocks), block);
    bool isPixel = static_cast<Access>(access) == Access::Pixel;
    vectors.push_back(isPixel ? Value() : e.loadVector(buffer, e.mul(row, blockChannels), blockChannels));
  }
  return vectors;
}

/// The prologue's value at a staged position, zero outside the source.
static Value valueAt(WarpgroupEmitter &w, const StageSource &source, ArrayRef<StageAxis> axes, Value n,
                     Value block, ArrayRef<Value> vectors, Value position) {
  KernelEmitter &e = w.e;
  int64_t planePositions = 1;
  for (const StageAxis &axis : axes)
    planePositions *= axis.extent;
  Value plane = e.div(position, planePositions), rest = e.rem(position, planePositions);
  Value inside = arith::ConstantIntOp::create(e.b, e.loc, 1, 1);
  std::array<Value, 3> at;
  for (int i = 2; i >= 0; --i) {
    const StageAxis &axis = axes[i];
    Value inPlane = e.rem(rest, axis.extent);
    rest = e.div(rest, axis.extent);
    at[i] = e.add(e.add(e.mul(e.add(axis.first, inPlane), axis.step), e.rem(plane, axis.planes)), axis.low);
    plane = e.div(plane, axis.planes);
    inside = e.both(inside, e.inRange(at[i], axis.source));
    if (axis.filled < axis.extent)
      inside = e.both(inside, e.inRange(inPlane, axis.filled));
  }
  Value row = e.add(e.mul(n, source.channelBlocks), block);
  for (auto [axis, coordinate] : llvm::zip(axes, at))
    row = e.add(e.mul(row, axis.source), coordinate);
  // Read somewhere in any case: a load that waits for no branch can be under way beside others.
  Value address = w.choose(inside, e.mul(row, blockChannels), e.index(0));
  SmallVector<Value> arguments;
  for (auto [buffer, vector] : llvm::zip(source.buffers, vectors))
    arguments.push_back(vector ? vector : e.loadVector(buffer, address, blockChannels));
  Value value = e.inlineRegion(source.prologue, arguments, blockChannels).front();
  return w.choose(inside, value, e.constant(0.0f, e.vectorType(blockChannels)));
}

void nvidia::stageHalo(WarpgroupEmitter &w, const StageSource &source, ArrayRef<StageAxis> axes, Value n,
                       Value channelBlock, Value at, Value thread, int64_t threads) {
  KernelEmitter &e = w.e;
  int64_t positions = 1;
  for (const StageAxis &axis : axes)
    positions *= axis.planes * axis.extent;
  Value exists = w.less(channelBlock, e.index(source.channelBlocks));
  Value block = e.min(channelBlock, e.index(source.channelBlocks - 1));
  auto vectors = loadVectors(e, source, n, block);
  e.loop(thread, e.index(positions), threads, [&](Value position) {
    Value value = valueAt(w, source, axes, n, block, vectors, position);
    Value zero = e.constant(0.0f, e.vectorType(blockChannels));
    auto narrow = VectorType::get({blockChannels}, e.b.getBF16Type());
    Value rounded = arith::TruncFOp::create(e.b, e.loc, narrow, w.choose(exists, value, zero));
    LLVM::StoreOp::create(e.b, e.loc, rounded, w.pointer(e.add(at, e.mul(position, positionBytes))),
                          positionBytes);
  });
}

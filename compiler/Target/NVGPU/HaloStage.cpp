#include "compiler/Target/NVGPU/HaloStage.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;

bool nvidia::isBlocked(RankedTensorType type) {
  auto layout = kernel::layoutOf(type);
  return layout.getKind() == kernel::LayoutKind::Blocked && layout.getBlock() == blockChannels &&
         type.getElementType().isBF16();
}

bool nvidia::canStage(OperandRange operands, ArrayRef<int32_t> access) {
  return llvm::all_of(llvm::zip(operands, access), [](auto operand) {
    auto [value, kind] = operand;
    auto access = static_cast<Access>(kind);
    if (access == Access::Pixel)
      return isBlocked(cast<RankedTensorType>(value.getType()));
    return access == Access::Channel || access == Access::BatchChannel;
  });
}

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

namespace {
/// The source's position that belongs at a staged one.
struct Place {
  Value inside;  // whether the source reaches there
  Value address; // of its channels
};
} // namespace

static Place placeOf(WarpgroupEmitter &w, const StageSource &source, ArrayRef<StageAxis> axes, Value n,
                     Value block, Value position) {
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
  // Somewhere in any case: a load that waits for no branch can be under way beside others.
  return {inside, w.choose(inside, e.mul(row, blockChannels), e.index(0))};
}

int64_t nvidia::positionsAtOnce(ArrayRef<int32_t> access) {
  constexpr int64_t loads = 4;
  return std::max<int64_t>(1, loads / llvm::count(access, static_cast<int32_t>(Access::Pixel)));
}

double nvidia::cyclesOfStaging(ArrayRef<int32_t> access, int64_t blocks, int64_t positions, int64_t threads) {
  constexpr double instructionsPerPosition = 30, perOperand = 20, loadCycles = 500;
  double together = positionsAtOnce(access), passes = blocks * std::ceil(positions / (together * threads));
  return passes * (loadCycles + together * (instructionsPerPosition + perOperand * access.size()));
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
  Value zero = e.constant(0.0f, e.vectorType(blockChannels));
  int64_t together = std::min(positionsAtOnce(source.access), shape::ceilDiv(positions, threads));
  e.loop(thread, e.index(positions), threads * together, [&](Value first) {
    SmallVector<Place> places;
    SmallVector<SmallVector<Value>> arguments(together);
    for (int64_t i = 0; i < together; ++i) {
      places.push_back(placeOf(w, source, axes, n, block, e.add(first, i * threads)));
      for (auto [buffer, vector] : llvm::zip(source.buffers, vectors))
        arguments[i].push_back(vector ? vector : e.loadVector(buffer, places[i].address, blockChannels));
    }
    for (int64_t i = 0; i < together; ++i) {
      Value value = e.inlineRegion(source.prologue, arguments[i], blockChannels).front();
      value = w.choose(e.both(places[i].inside, exists), value, zero);
      auto narrow = VectorType::get({blockChannels}, e.b.getBF16Type());
      Value rounded = arith::TruncFOp::create(e.b, e.loc, narrow, value);
      Value position = e.add(first, i * threads);
      auto store = [&] {
        LLVM::StoreOp::create(e.b, e.loc, rounded, w.pointer(e.add(at, e.mul(position, positionBytes))),
                              positionBytes);
      };
      if (i == 0)
        store();
      else
        e.when(w.less(position, e.index(positions)), store);
    }
  });
}

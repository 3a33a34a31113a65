#include "compiler/Target/NVGPU/HaloStage.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;

bool nvidia::isBlocked(RankedTensorType type) {
  return kernel::channelBlock(type) == blockChannels && type.getElementType().isBF16();
}

int64_t nvidia::stagedNeighbours(RankedTensorType type) {
  if (isBlocked(type))
    return 1;
  int64_t block = kernel::channelBlock(type);
  bool narrow = 2 * block == blockChannels && type.getDimSize(1) <= block;
  return narrow ? 2 : 0;
}

bool nvidia::canStage(const kernel::AccessRegion &prologue, int64_t neighbours) {
  return llvm::all_of(prologue, [&](kernel::AccessOperand operand) {
    if (operand.access == Access::Pixel)
      return stagedNeighbours(operand.getType()) == neighbours;
    return operand.access == Access::Channel || (operand.access == Access::BatchChannel && neighbours == 1);
  });
}

namespace {
/// A StagedPosition is what a thread stages: a position of a channel block, with the tensors' values there.
struct StagedPosition {
  struct Neighbour {
    Value inside;               // whether the source reaches there
    SmallVector<Value> tensors; // one for each operand; null for vectors
  };
  Value block, position; // block and position, among those that are staged
  Value channelBlock;    // block of the source, clamped to one that exists
  SmallVector<Neighbour> neighbours;
};
} // namespace

/// Returns whether the source reaches a neighbour of a staged position, and where its `channels` channels
/// lie. The address is valid in any case, since a load that waits for no branch can be under way beside
/// others.
static std::pair<Value, Value> sourceOf(WarpgroupEmitter &w, ArrayRef<StageAxis> axes, Value row,
                                        Value position, int64_t neighbour, int64_t channels) {
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
    if (i == 2 && neighbour > 0)
      at[i] = e.add(at[i], neighbour);
    plane = e.div(plane, axis.planes);
    inside = e.both(inside, e.inRange(at[i], axis.source));
    if (axis.filled < axis.extent)
      inside = e.both(inside, e.inRange(inPlane, axis.filled));
  }
  for (auto [axis, coordinate] : llvm::zip(axes, at))
    row = e.add(e.mul(row, axis.source), coordinate);
  return {inside, w.choose(inside, e.mul(row, channels), e.index(0))};
}

/// Begins to load the position with number `number`, counted through the positions of one block after the
/// other.
static StagedPosition load(WarpgroupEmitter &w, const StageSource &source, ArrayRef<StageAxis> axes, Value n,
                           Value firstBlock, Value number) {
  KernelEmitter &e = w.e;
  int64_t positions = 1;
  for (const StageAxis &axis : axes)
    positions *= axis.planes * axis.extent;
  StagedPosition staged;
  staged.block = e.div(number, positions);
  staged.position = e.rem(number, positions);
  Value channelBlock = e.add(firstBlock, staged.block);
  Value exists = w.less(channelBlock, e.index(source.channelBlocks));
  staged.channelBlock = e.min(channelBlock, e.index(source.channelBlocks - 1));
  Value row = e.add(e.mul(n, source.channelBlocks), staged.channelBlock);
  int64_t channels = blockChannels / source.neighbours;
  for (int64_t i = 0; i < source.neighbours; ++i) {
    auto [inside, address] = sourceOf(w, axes, row, staged.position, i, channels);
    StagedPosition::Neighbour &neighbour = staged.neighbours.emplace_back();
    neighbour.inside = e.both(inside, exists);
    for (kernel::AccessOperand operand : source.prologue) {
      bool isPixel = operand.access == Access::Pixel;
      neighbour.tensors.push_back(isPixel ? e.loadVector(e.bufferOf(*operand.operand), address, channels)
                                          : Value());
    }
  }
  return staged;
}

/// Returns the prologue's arguments for one neighbour. Vectors are few and read by all threads at once, so
/// they are loaded where they are used.
static SmallVector<Value> withVectors(KernelEmitter &e, const StageSource &source, Value n,
                                      const StagedPosition &staged, ArrayRef<Value> tensors) {
  int64_t channels = blockChannels / source.neighbours;
  SmallVector<Value> arguments(tensors);
  for (auto [argument, operand] : llvm::zip_equal(arguments, source.prologue)) {
    if (argument)
      continue;
    Value row = staged.channelBlock;
    if (operand.access == Access::BatchChannel)
      row = e.add(e.mul(n, source.channelBlocks), row);
    argument = e.loadVector(e.bufferOf(*operand.operand), e.mul(row, channels), channels);
  }
  return arguments;
}

/// Returns what the prologue makes of a staged position, in bfloat16: its neighbours one after the other.
static Value valueOf(WarpgroupEmitter &w, const StageSource &source, Value n, const StagedPosition &staged) {
  KernelEmitter &e = w.e;
  int64_t channels = blockChannels / source.neighbours;
  auto narrow = VectorType::get({channels}, e.b.getBF16Type());
  Value all;
  for (const StagedPosition::Neighbour &neighbour : staged.neighbours) {
    SmallVector<Value> arguments = withVectors(e, source, n, staged, neighbour.tensors);
    Value value = e.inlineRegion(source.prologue.getRegion(), arguments, channels).front();
    value = w.choose(neighbour.inside, value, e.constant(0.0f, e.vectorType(channels)));
    Value rounded = arith::TruncFOp::create(e.b, e.loc, narrow, value);
    if (!all) {
      all = rounded;
      continue;
    }
    SmallVector<int64_t> inOrder = llvm::to_vector(llvm::seq<int64_t>(0, blockChannels));
    all = vector::ShuffleOp::create(e.b, e.loc, all, rounded, inOrder);
  }
  return all;
}

/// Returns how many positions a thread loads before it works on the first, so that it waits for memory once.
static int64_t positionsAtOnce(const kernel::AccessRegion &prologue, int64_t all, int64_t threads,
                               int64_t neighbours) {
  constexpr int64_t loads = 6;
  int64_t most = loads / (neighbours * prologue.count(Access::Pixel));
  return std::clamp<int64_t>(shape::ceilDiv(all, threads), 1, std::max<int64_t>(most, 1));
}

double nvidia::cyclesOfStaging(const kernel::AccessRegion &prologue, int64_t blocks, int64_t positions,
                               int64_t threads, int64_t neighbours) {
  constexpr double instructionsPerPosition = 30, perOperand = 20, loadCycles = 500;
  int64_t all = blocks * positions, together = positionsAtOnce(prologue, all, threads, neighbours);
  double passes = shape::ceilDiv(all, together * threads);
  double perPosition = neighbours * (instructionsPerPosition + perOperand * prologue.size());
  return passes * (loadCycles + together * perPosition);
}

void nvidia::stageHalo(WarpgroupEmitter &w, const StageSource &source, ArrayRef<StageAxis> axes, Value n,
                       const StagedBlocks &staged, Value thread, int64_t threads) {
  KernelEmitter &e = w.e;
  int64_t positions = 1;
  for (const StageAxis &axis : axes)
    positions *= axis.planes * axis.extent;
  int64_t all = staged.blocks * positions;
  int64_t together = positionsAtOnce(source.prologue, all, threads, source.neighbours);
  e.loop(thread, e.index(all), threads * together, [&](Value first) {
    SmallVector<StagedPosition> places;
    for (int64_t i = 0; i < together; ++i)
      places.push_back(load(w, source, axes, n, staged.firstBlock, e.add(first, i * threads)));
    for (auto [i, place] : llvm::enumerate(places)) {
      Value value = valueOf(w, source, n, place);
      auto store = [&, &place = place] {
        Value at = e.add(e.mul(place.block, staged.pitch), place.position);
        LLVM::StoreOp::create(e.b, e.loc, value, w.pointer(e.add(staged.at, e.mul(at, positionBytes))),
                              positionBytes);
      };
      if (i == 0)
        store();
      else
        e.when(w.less(e.add(first, i * threads), e.index(all)), store);
    }
  });
}

void nvidia::stageWeights(WarpgroupEmitter &w, const Ring &ring, Value step, const TapsWeight &weight,
                          Value tap, Value chunk, int64_t depth, Value firstColumn, int64_t columns) {
  KernelEmitter &e = w.e;
  int64_t blocks = depth / blockChannels, rowBytes = columns * positionBytes;
  w.waitEmpty(ring, step);
  Value stage = w.stageOf(ring, step), arrivals = w.full(ring, stage);
  NVVM::MBarrierArriveExpectTxOp::create(e.b, e.loc, e.b.getI64Type(), arrivals, w.word(blocks * rowBytes),
                                         NVVM::MemScopeKind::CTA, false, Value());
  Value global = w.globalPointer(weight.buffer);
  for (int64_t i = 0; i < blocks; ++i) {
    Value block = e.min(e.add(e.mul(chunk, blocks), i), e.index(weight.blocks - 1));
    Value row = e.add(e.mul(tap, weight.blocks), block);
    Value bytes = e.mul(e.add(e.mul(row, weight.columns), firstColumn), positionBytes);
    Value from = LLVM::GEPOp::create(e.b, e.loc, global.getType(), e.b.getI8Type(), global,
                                     ArrayRef<LLVM::GEPArg>{w.word(bytes)});
    w.bulkCopy(w.pointer(e.add(w.stageAt(ring, stage), i * rowBytes)), from, rowBytes, arrivals);
  }
}

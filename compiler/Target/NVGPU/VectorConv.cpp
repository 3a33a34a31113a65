#include "compiler/Target/NVGPU/VectorConv.h"

#include "compiler/Target/Common/ReferenceOps.h"
#include "compiler/Target/NVGPU/WarpgroupEmitter.h"
#include "compiler/Target/NVGPU/WidenBfloat16.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Yield;

namespace {

/// Writes one kernel. Its members are set when the code that computes them is written.
class VectorConvEmitter : WarpgroupEmitter {
public:
  VectorConvEmitter(kernel::ConvOp op, const VectorPlan &plan, KernelEmitter &e)
      : WarpgroupEmitter(e), op(op), plan(plan),
        yield(cast<kernel::YieldOp>(op.getEpilogue().front().getTerminator())),
        source(e, op.prologue(), op.getSourceType(), plan.alongResult ? 1 : WeightVectors::width),
        epilogue(e, op.epilogue(), op.getResultType(), 1) {}

  void emit();

private:
  /// A Unit is a piece of the contraction: its first channel, and its position in the source.
  struct Unit {
    Value channel;
    std::array<Value, 3> position;
    Value exist; // which of its channels do; null: all
  };

  void placeBlock();
  std::array<Value, 3> positionOf(Value number, RankedTensorType type);
  Unit unitOf(Value number);
  Value sourceAt(const Unit &unit, int64_t clip);
  Value weightAt(const Unit &unit, int64_t vector);
  Value withProducts(Value sum, Value x, Value weight);
  SmallVector<Value> emitSums();
  Value slot(Value share, Value number);
  void leave(ValueRange sums);
  Value total(Value first, int64_t shares, int64_t apart);
  int64_t combineShares();
  void emitResult(Value number, int64_t shares);
  void emitResults(int64_t shares);
  Value overClips(int64_t row, Value channel, llvm::function_ref<Value(Value)> term);
  void storePartials();

  kernel::ConvOp op;
  const VectorPlan &plan;
  kernel::YieldOp yield;
  reference::RegionReader source, epilogue;
  int64_t stores = yield.countOf(Yield::Store), moments = yield.countOf(Yield::Moments),
          plainSums = yield.countOf(Yield::Sum);
  Value lane, share;                      // of the thread
  Value firstClip, firstChannel, partial; // of the block
  std::array<Value, 3> resultPosition;
};

} // namespace

//===-- The block's and the thread's place --------------------------------===//

/// Blocks that differ in their clips alone lie side by side, since they read the same weights. So do threads
/// whose weights lie side by side.
void VectorConvEmitter::placeBlock() {
  Value clipGroup = e.rem(e.firstBlock, plan.clipGroups()), rest = e.div(e.firstBlock, plan.clipGroups());
  Value position = e.div(rest, plan.channelGroups());
  firstClip = e.mul(clipGroup, plan.tile.clips);
  firstChannel = e.mul(e.rem(rest, plan.channelGroups()), plan.channelsOfBlock());
  partial = e.add(e.mul(position, plan.clipGroups()), clipGroup);
  resultPosition = positionOf(position, op.getResultType());
  lane = plan.alongResult ? e.div(e.thread, plan.tile.shares) : e.rem(e.thread, plan.tile.lanes);
  share = plan.alongResult ? e.rem(e.thread, plan.tile.shares) : e.div(e.thread, plan.tile.lanes);
}

/// Returns the coordinates T, H, W of a position with this number.
std::array<Value, 3> VectorConvEmitter::positionOf(Value number, RankedTensorType type) {
  shape::Size3 size = clip::spatialSize(type);
  if (shape::product(size) == 1)
    return {e.index(0), e.index(0), e.index(0)};
  Value line = e.div(number, size[2]);
  return {e.div(line, size[1]), e.rem(line, size[1]), e.rem(number, size[2])};
}

//===-- Sums --------------------------------------------------------------===//

/// Returns the unit with this number, in the order in which the weights lie.
VectorConvEmitter::Unit VectorConvEmitter::unitOf(Value number) {
  Unit unit;
  Value position = number, channel = number;
  if (plan.sourcePositions > 1 && plan.alongResult) {
    Value block = e.div(number, plan.weight.other);
    position = e.rem(block, plan.sourcePositions);
    channel =
        e.add(e.mul(e.div(block, plan.sourcePositions), plan.weight.other), e.rem(number, plan.weight.other));
  } else if (plan.sourcePositions > 1) {
    position = e.div(number, plan.unitsOfPosition());
    channel = e.rem(number, plan.unitsOfPosition());
  }
  unit.position = positionOf(position, op.getSourceType());
  unit.channel = plan.alongResult ? channel : e.mul(channel, WeightVectors::width);
  if (!plan.alongResult)
    unit.exist = existing(unit.channel, WeightVectors::width, plan.sourceChannels);
  else if (plan.unitsOfPosition() > plan.sourceChannels)
    unit.exist = e.inRange(unit.channel, plan.sourceChannels);
  return unit;
}

/// Returns what the prologue makes of a unit's channels: of those of the last clip where there are not so
/// many.
Value VectorConvEmitter::sourceAt(const Unit &unit, int64_t clip) {
  Value n = e.add(firstClip, clip), channel = unit.channel;
  if (plan.clips % plan.tile.clips)
    n = e.min(n, e.index(plan.clips - 1));
  if (plan.alongResult && unit.exist)
    channel = e.min(channel, e.index(plan.sourceChannels - 1));
  source.enter(n, channel);
  auto [t, h, w] = unit.position;
  return reference::masked(e, unit.exist, source.value({n, channel, t, h, w}));
}

/// Returns a vector of weights: of the last channels where a block has more than there are.
Value VectorConvEmitter::weightAt(const Unit &unit, int64_t vector) {
  RankedTensorType type = tensorOf(op.getWeight());
  Value inBlock = e.mul(e.add(lane, vector * plan.tile.lanes), plan.channelsOfVector());
  Value result = e.add(firstChannel, inBlock);
  if (plan.storedChannels % plan.channelsOfBlock())
    result = e.min(result, e.index(plan.storedChannels - plan.channelsOfVector()));
  bool forward = op.getDirection() == kernel::Direction::Forward;
  auto [t, h, w] = plan.positions > 1 ? resultPosition : unit.position;
  Value o = forward ? result : unit.channel, i = forward ? unit.channel : result;
  return e.loadVector(e.bufferOf(op.getWeightMutable()), e.position(type, {o, i, t, h, w}),
                      WeightVectors::width);
}

/// Returns sum + x * weight, of each channel of the result or over the channels of the source.
Value VectorConvEmitter::withProducts(Value sum, Value x, Value weight) {
  if (plan.alongResult)
    return e.fma(e.splat(x, WeightVectors::width), weight, sum);
  for (int64_t i = 0; i < WeightVectors::width; ++i)
    sum = e.fma(vector::ExtractOp::create(e.b, e.loc, x, i), vector::ExtractOp::create(e.b, e.loc, weight, i),
                sum);
  return sum;
}

/// Returns the thread's sums over its share: clip by clip, those of its vectors.
SmallVector<Value> VectorConvEmitter::emitSums() {
  SmallVector<Value> none(plan.tile.clips * plan.tile.vectors, e.zero(plan.channelsOfVector()));
  return e.loop(share, e.index(plan.units()), plan.tile.shares, none, [&](Value number, ValueRange state) {
    Unit unit = unitOf(number);
    SmallVector<Value> weights, next;
    for (int64_t vector = 0; vector < plan.tile.vectors; ++vector)
      weights.push_back(weightAt(unit, vector));
    for (int64_t clip = 0; clip < plan.tile.clips; ++clip) {
      Value x = sourceAt(unit, clip);
      for (Value weight : weights)
        next.push_back(withProducts(state[next.size()], x, weight));
    }
    return next;
  });
}

//===-- Sums of all shares ------------------------------------------------===//

/// Returns the address in shared memory of one of the block's sums, as one of the shares has it.
Value VectorConvEmitter::slot(Value share, Value number) {
  return pointer(e.mul(e.add(e.mul(share, plan.sums()), number), 4));
}

/// Leaves the thread's sums in shared memory.
void VectorConvEmitter::leave(ValueRange sums) {
  constexpr unsigned alignment = 16;
  for (auto [i, sum] : llvm::enumerate(sums)) {
    int64_t clip = i / plan.tile.vectors, vector = i % plan.tile.vectors;
    Value channel = e.mul(e.add(lane, vector * plan.tile.lanes), plan.channelsOfVector());
    LLVM::StoreOp::create(e.b, e.loc, sum, slot(share, e.add(channel, clip * plan.channelsOfBlock())),
                          plan.alongResult ? alignment : 0);
  }
}

/// Adds up so many numbers in shared memory, in their order; `apart`: how many numbers one lies behind the
/// other.
Value VectorConvEmitter::total(Value first, int64_t shares, int64_t apart) {
  Value sum;
  for (int64_t share = 0; share < shares; ++share) {
    Value next =
        LLVM::LoadOp::create(e.b, e.loc, e.b.getF32Type(), slot(e.index(0), e.add(first, share * apart)));
    sum = sum ? e.addf(sum, next) : next;
  }
  return sum;
}

/// Adds up shares until a few are left, and returns how many.
int64_t VectorConvEmitter::combineShares() {
  constexpr int64_t few = 8;
  int64_t shares = plan.tile.shares;
  while (shares > few) {
    shares /= few;
    int64_t left = shares * plan.sums();
    e.spread(e.index(0), e.index(left), [&](Value number) {
      Value sum = total(number, few, left);
      LLVM::StoreOp::create(e.b, e.loc, sum, slot(e.index(0), number));
    });
    NVVM::BarrierOp::create(e.b, e.loc);
  }
  return shares;
}

//===-- Epilogue ----------------------------------------------------------===//

/// Finishes one result of the block, which exists, and leaves in shared memory what is summed of it.
void VectorConvEmitter::emitResult(Value number, int64_t shares) {
  Value n = e.add(firstClip, e.div(number, plan.channelsOfBlock()));
  Value channel = e.add(firstChannel, e.rem(number, plan.channelsOfBlock())), readable = channel, valid;
  if (plan.channels < plan.storedChannels) {
    valid = e.inRange(channel, plan.channels);
    readable = e.min(channel, e.index(plan.channels - 1));
  }
  auto [t, h, w] = resultPosition;
  SmallVector<Value> arguments = {total(number, shares, plan.sums())};
  epilogue.enter(n, readable);
  llvm::append_range(arguments, epilogue.at({n, readable, t, h, w}));
  auto yielded = e.inlineRegion(op.getEpilogue(), arguments);
  for (auto [i, value] : llvm::enumerate(yielded)) {
    value = reference::masked(e, valid, value);
    if (int64_t(i) < stores)
      e.store(value, e.results[i], e.position(tensorOf(op.getResult(i)), {n, channel, t, h, w}));
    else
      LLVM::StoreOp::create(e.b, e.loc, value, slot(e.index(i - stores), number));
  }
}

void VectorConvEmitter::emitResults(int64_t shares) {
  e.spread(e.index(0), e.index(plan.sums()), [&](Value number) {
    Value exists;
    auto require = [&](Value condition) { exists = exists ? e.both(exists, condition) : condition; };
    if (plan.clips % plan.tile.clips)
      require(e.inRange(e.add(firstClip, e.div(number, plan.channelsOfBlock())), plan.clips));
    if (plan.storedChannels % plan.channelsOfBlock())
      require(e.inRange(e.add(firstChannel, e.rem(number, plan.channelsOfBlock())), plan.storedChannels));
    if (exists)
      e.when(exists, [&] { emitResult(number, shares); });
    else
      emitResult(number, shares);
  });
}

/// Adds up what `term` makes of a row's values over the block's clips; `channel` counts from the block's
/// first.
Value VectorConvEmitter::overClips(int64_t row, Value channel, function_ref<Value(Value)> term) {
  Value end = e.min(e.index(plan.tile.clips), e.sub(e.index(plan.clips), firstClip));
  return e.loop(e.index(0), end, 1, e.zero(1), [&](Value clip, ValueRange sum) {
    Value at = slot(e.index(row), e.add(e.mul(clip, plan.channelsOfBlock()), channel));
    Value value = LLVM::LoadOp::create(e.b, e.loc, e.b.getF32Type(), at);
    return SmallVector<Value>{e.addf(sum[0], term(value))};
  })[0];
}

/// Stores the sums of the block's clips in buffer[partial, row, channel].
void VectorConvEmitter::storePartials() {
  auto store = [&](Value channel, int64_t result, ArrayRef<Value> rows) {
    Value stored = e.add(firstChannel, channel), valid;
    if (plan.channels < plan.storedChannels)
      valid = e.inRange(stored, plan.channels);
    auto type = tensorOf(op.getResult(result));
    for (auto [row, value] : llvm::enumerate(rows))
      e.store(reference::masked(e, valid, value), e.results[result],
              e.position(type, {partial, e.index(row), stored}));
  };
  auto itself = [](Value value) { return value; };
  auto storeAt = [&](Value channel) {
    if (moments) {
      Value count = overClips(0, channel, [&](Value) { return e.constant(1.0f); });
      Value mean = e.divf(overClips(0, channel, itself), count);
      Value squares = overClips(0, channel, [&](Value value) {
        Value distance = e.subf(value, mean);
        return e.mulf(distance, distance);
      });
      store(channel, stores, {count, mean, squares});
    }
    SmallVector<Value> totals;
    for (int64_t i = 0; i < plainSums; ++i)
      totals.push_back(overClips(moments + i, channel, itself));
    if (plainSums)
      store(channel, stores + moments, totals);
  };
  Value end = e.min(e.index(plan.channelsOfBlock()), e.sub(e.index(plan.storedChannels), firstChannel));
  e.spread(e.index(0), end, storeAt);
}

//===-- The kernel --------------------------------------------------------===//

void VectorConvEmitter::emit() {
  placeBlock();
  leave(emitSums());
  NVVM::BarrierOp::create(e.b, e.loc);
  emitResults(combineShares());
  if (plan.summed) {
    NVVM::BarrierOp::create(e.b, e.loc);
    storePartials();
  }
  widenInWords(*e.b.getInsertionBlock());
}

void nvidia::emitVectors(kernel::ConvOp op, KernelEmitter &e) {
  VectorPlan plan(op, parametersOf<VectorTile>(*op.getSchedule()));
  VectorConvEmitter(op, plan, e).emit();
}

#include "compiler/Target/NVGPU/OverChannels.h"

#include "compiler/Target/NVGPU/Model.h"
#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

//===-- The plan ----------------------------------------------------------===//

/// Counts the values that threads with the same position exchange.
static int64_t exchangesOf(Operation *op) {
  return TypeSwitch<Operation *, int64_t>(op)
      .Case([](kernel::SoftmaxGradOp) { return 1; })
      .Case([](kernel::StandardiseGradOp) { return 4; })
      .Default([](Operation *) { return 2; });
}

namespace {
/// Plans a block, which has some positions of a clip with all their channels.
struct OverChannelsPlan {
  OverChannelsPlan(Operation *op, const OverChannelsTile &tile)
      : tile(tile), inputs(op->getNumOperands()), exchanges(exchangesOf(op)),
        result(cast<RankedTensorType>(op->getResult(0).getType())) {}

  OverChannelsTile tile;
  int64_t inputs;    // tensors that are read
  int64_t exchanges; // of values between warps, each with slots of its own
  RankedTensorType result;

  static constexpr int64_t mostSplits = 3, mostWarps = 32;

  int64_t clips() const { return result.getDimSize(0); }
  int64_t channels() const { return result.getDimSize(1); }
  int64_t blocks() const { return shape::ceilDiv(channels(), blockChannels); }
  int64_t allPositions() const { return shape::product(clip::spatialSize(result)); }
  int64_t positions() const { return warp >> tile.splits; } // of a block
  int64_t tiles() const { return shape::ceilDiv(allPositions(), positions()); }
  int64_t grid() const { return clips() * tiles(); }
  int64_t threads() const { return tile.warps * warp; }
  /// Counts the threads that share a position, and the channel blocks that each has.
  int64_t parts() const { return threads() / positions(); }
  int64_t blocksOfThread() const { return shape::ceilDiv(blocks(), parts()); }
  int64_t sharedBytes() const { return 4 * exchanges * tile.warps * positions(); }

  /// Returns the registers of a thread, which hold all its channels.
  int64_t registers() const {
    constexpr int64_t others = 32;
    return others + inputs * blocksOfThread() * blockChannels;
  }
  /// Counts the blocks that share a multiprocessor, as far as registers allow it.
  int64_t together() const { return Processor::registers / (threads() * registers()); }
  bool fits() const {
    constexpr int64_t most = 128; // registers
    return registers() <= most && together() >= 1;
  }
};
} // namespace

bool nvidia::isOfSoftmax(Operation *op) { return isa<kernel::SoftmaxOp, kernel::SoftmaxGradOp>(op); }

/// Returns whether the operation standardises all channels of each position, or is the gradient of that.
static bool isOfLayerNorm(Operation *op) {
  return TypeSwitch<Operation *, bool>(op)
      .Case<kernel::StandardiseOp, kernel::StandardiseGradOp>(
          [](auto op) { return op.getOver() == ArrayRef<int64_t>{1} && op.getGroups() == 1; })
      .Default([](Operation *) { return false; });
}

static bool isSupported(Operation *op) {
  auto isStored = [](Value value) { return isBlocked(cast<RankedTensorType>(value.getType())); };
  return (isOfSoftmax(op) || isOfLayerNorm(op)) && llvm::all_of(op->getOperands(), isStored) &&
         llvm::all_of(op->getResults(), isStored);
}

static kernel::ScheduleAttr scheduleOf(Operation *op, const OverChannelsPlan &plan) {
  return makeSchedule(op, OverChannelsTile::schedule(tensorCoresOf(op), isOfSoftmax(op)),
                      {plan.grid(), plan.sharedBytes(), std::nullopt, plan.threads()}, plan.tile);
}

kernel::ScheduleAttr nvidia::overChannelsSchedule(Operation *op, const OverChannelsTile &tile) {
  return scheduleOf(op, OverChannelsPlan(op, tile));
}

static double secondsOfPlan(Operation *op, const OverChannelsPlan &plan, const Processor &processor) {
  return secondsOfStream(processor.rates, kernel::trafficOf(op), plan.grid() * plan.threads(),
                         processor.machine.vectorAlignment);
}

Prediction nvidia::predictOverChannels(Operation *op, const Processor &processor) {
  return secondsOfPlan(op, {op, parametersOf<OverChannelsTile>(kernel::scheduleOf(op))}, processor);
}

SmallVector<Candidate> nvidia::overChannelsCandidates(Operation *op, const Processor &processor) {
  if (!isSupported(op))
    return {};
  // Of equally quick ones the first is taken: of blocks that share a multiprocessor, some wait for memory
  // while others compute, and long runs of positions are whole lines of caches.
  Best best;
  for (bool shared : {true, false})
    for (int64_t splits = 0; splits <= OverChannelsPlan::mostSplits; ++splits)
      for (int64_t warps = 1; warps <= OverChannelsPlan::mostWarps; warps *= 2)
        if (OverChannelsPlan plan(op, {splits, warps}); plan.fits() && (plan.together() > 1) == shared)
          best.consider(secondsOfPlan(op, plan, processor), [&] { return scheduleOf(op, plan); });
  return best.take();
}

kernel::ScheduleAttr nvidia::remakeOverChannels(Operation *op, ScheduleParameters &parameters) {
  if (!isSupported(op))
    return {};
  OverChannelsTile tile;
  parameters.read(tile);
  parameters.check(tile.splits, 0, OverChannelsPlan::mostSplits);
  parameters.check(tile.warps, 1, OverChannelsPlan::mostWarps);
  if (parameters.failed())
    return {};
  OverChannelsPlan plan(op, tile);
  if (!plan.fits())
    parameters.fault() << "tiles take more shared memory or registers than a block has";
  return parameters.failed() ? kernel::ScheduleAttr() : scheduleOf(op, plan);
}

//===-- The kernel --------------------------------------------------------===//

namespace {
class OverChannelsEmitter : WarpgroupEmitter {
public:
  OverChannelsEmitter(const OverChannelsPlan &plan, KernelEmitter &e) : WarpgroupEmitter(e), plan(plan) {}

  void emitSoftmax();
  void emitSoftmaxGradient();
  void emitStandardise(double eps);
  void emitStandardiseGradient(double eps);

private:
  using Combine = KernelEmitter::Combine;
  static constexpr int64_t width = blockChannels;

  void placeThread();
  bool mayMiss(int64_t i) { return (i + 1) * plan.parts() > plan.blocks(); }
  Value blockOf(int64_t i) { return e.add(part, i * plan.parts()); }
  Value at(Value block);
  Value load(int64_t input, int64_t i, float otherwise);
  void store(Value vector, int64_t i);
  Value ofVector(Value vector, Combine combine);
  Value acrossParts(Value value, int64_t exchange, Combine combine);
  Value sum(ArrayRef<Value> vectors, int64_t exchange);
  Value mean(ArrayRef<Value> vectors, int64_t exchange);
  Value existingOf(Value vector, int64_t i, float otherwise = 0);
  Value standardise(MutableArrayRef<Value> kept, double eps);

  const OverChannelsPlan &plan;
  Value n, position, valid; // this thread's position, clamped, and whether it is the thread's own
  Value inBlock, part;      // numbers of the position in the block, and of the thread among its parts
};
} // namespace

void OverChannelsEmitter::placeThread() {
  inBlock = e.rem(e.thread, plan.positions());
  part = e.div(e.thread, plan.positions());
  n = e.div(e.firstBlock, plan.tiles());
  position = e.add(e.mul(e.rem(e.firstBlock, plan.tiles()), plan.positions()), inBlock);
  valid = less(position, e.index(plan.allPositions()));
  position = e.min(position, e.index(plan.allPositions() - 1));
}

/// Returns where a channel block of the thread's position begins.
Value OverChannelsEmitter::at(Value block) {
  Value plane = e.add(e.mul(n, plan.blocks()), block);
  return e.mul(e.add(e.mul(plane, plan.allPositions()), position), width);
}

/// Returns the thread's channel block number i with another number for channels that do not exist.
Value OverChannelsEmitter::existingOf(Value vector, int64_t i, float otherwise) {
  Value block = blockOf(i), others = e.constant(otherwise, e.vectorType(width));
  if (mayMiss(i))
    vector = choose(less(block, e.index(plan.blocks())), vector, others);
  Value exist = existing(e.mul(block, width), width, plan.channels());
  return exist ? choose(exist, vector, others) : vector;
}

/// Loads the thread's channel block number i. Channels that do not exist are `otherwise`.
Value OverChannelsEmitter::load(int64_t input, int64_t i, float otherwise) {
  Value block = blockOf(i), read = mayMiss(i) ? e.min(block, e.index(plan.blocks() - 1)) : block;
  return existingOf(e.loadVector(e.operands[input], at(read), width), i, otherwise);
}

void OverChannelsEmitter::store(Value vector, int64_t i) {
  Value block = blockOf(i), exists = valid;
  if (mayMiss(i))
    exists = e.both(exists, less(block, e.index(plan.blocks())));
  e.when(exists, [&] { e.storeVector(vector, e.results[0], at(block)); });
}

//===-- Over the channels of a position -----------------------------------===//

Value OverChannelsEmitter::ofVector(Value vector, Combine combine) {
  Value value = vector::ExtractOp::create(e.b, e.loc, vector, 0);
  for (int64_t i = 1; i < width; ++i)
    value = combine(value, vector::ExtractOp::create(e.b, e.loc, vector, i));
  return value;
}

/// Combines the values of the threads that share a position, in the order of their warps; a warp's parts by a
/// butterfly. Each exchange of a kernel has slots of its own, so that the threads meet once.
Value OverChannelsEmitter::acrossParts(Value value, int64_t exchange, Combine combine) {
  for (int64_t distance = plan.positions(); distance < warp; distance *= 2)
    value = combine(value, NVVM::ShflOp::create(e.b, e.loc, e.b.getF32Type(), word(-1), value, word(distance),
                                                word(31), NVVM::ShflKind::bfly, UnitAttr()));
  if (plan.tile.warps == 1)
    return value;
  auto slot = [&](Value number) {
    Value first = e.mul(e.add(number, exchange * plan.tile.warps), plan.positions());
    return pointer(e.mul(e.add(first, inBlock), 4));
  };
  e.when(e.inRange(lane(), plan.positions()),
         [&] { LLVM::StoreOp::create(e.b, e.loc, value, slot(e.div(e.thread, warp)), 4); });
  NVVM::BarrierOp::create(e.b, e.loc);
  Value combined;
  for (int64_t i = 0; i < plan.tile.warps; ++i) {
    Value other = LLVM::LoadOp::create(e.b, e.loc, e.b.getF32Type(), slot(e.index(i)), 4);
    combined = combined ? combine(combined, other) : other;
  }
  return combined;
}

//===-- Value and gradient ------------------------------------------------===//

void OverChannelsEmitter::emitSoftmax() {
  placeThread();
  auto larger = [&](Value a, Value b) -> Value { return arith::MaximumFOp::create(e.b, e.loc, a, b); };
  auto sum = [&](Value a, Value b) { return e.addf(a, b); };
  SmallVector<Value> kept;
  for (int64_t i = 0; i < plan.blocksOfThread(); ++i)
    kept.push_back(load(0, i, -std::numeric_limits<float>::infinity()));
  Value most = kept.front();
  for (Value vector : ArrayRef(kept).drop_front())
    most = larger(most, vector);
  most = e.splat(acrossParts(ofVector(most, larger), 0, larger), width);
  Value total = e.zero(width);
  for (Value &vector : kept) {
    vector = math::ExpOp::create(e.b, e.loc, e.subf(vector, most));
    total = e.addf(total, vector);
  }
  total = acrossParts(ofVector(total, sum), 1, sum);
  Value share = e.splat(e.divf(e.constant(1.0f), total), width);
  for (auto [i, vector] : llvm::enumerate(kept))
    store(e.mulf(vector, share), i);
}

void OverChannelsEmitter::emitSoftmaxGradient() {
  placeThread();
  auto sum = [&](Value a, Value b) { return e.addf(a, b); };
  SmallVector<Value> gradients, values;
  for (int64_t i = 0; i < plan.blocksOfThread(); ++i) {
    gradients.push_back(load(0, i, 0));
    values.push_back(load(1, i, 0));
  }
  Value total = e.zero(width);
  for (auto [g, y] : llvm::zip(gradients, values))
    total = e.addf(total, e.mulf(g, y));
  total = e.splat(acrossParts(ofVector(total, sum), 0, sum), width);
  for (int64_t i = 0; i < plan.blocksOfThread(); ++i)
    store(e.mulf(values[i], e.subf(gradients[i], total)), i);
}

/// Returns the sum of a position's channels, of which this thread has some vectors, in all lanes.
Value OverChannelsEmitter::sum(ArrayRef<Value> vectors, int64_t exchange) {
  auto add = [&](Value a, Value b) { return e.addf(a, b); };
  Value total = vectors.front();
  for (Value vector : vectors.drop_front())
    total = e.addf(total, vector);
  return e.splat(acrossParts(ofVector(total, add), exchange, add), width);
}

/// Returns the mean of a position's channels, likewise.
Value OverChannelsEmitter::mean(ArrayRef<Value> vectors, int64_t exchange) {
  Value share = e.constant(float(1.0 / double(plan.channels())), e.vectorType(width));
  return e.mulf(sum(vectors, exchange), share);
}

/// Standardises what the thread has of its position. Returns 1 / sqrt(var + eps), in all lanes.
Value OverChannelsEmitter::standardise(MutableArrayRef<Value> kept, double eps) {
  Value middle = mean(kept, 0);
  SmallVector<Value> squares;
  for (auto [i, vector] : llvm::enumerate(kept)) {
    vector = existingOf(e.subf(vector, middle), i);
    squares.push_back(e.mulf(vector, vector));
  }
  Value variance = mean(squares, 1);
  Value root =
      math::SqrtOp::create(e.b, e.loc, e.addf(variance, e.constant(float(eps), e.vectorType(width))));
  Value rstd = e.divf(e.constant(1.0f, e.vectorType(width)), root);
  for (Value &vector : kept)
    vector = e.mulf(vector, rstd);
  return rstd;
}

void OverChannelsEmitter::emitStandardise(double eps) {
  placeThread();
  SmallVector<Value> kept;
  for (int64_t i = 0; i < plan.blocksOfThread(); ++i)
    kept.push_back(load(0, i, 0));
  standardise(kept, eps);
  for (auto [i, vector] : llvm::enumerate(kept))
    store(vector, i);
}

/// Of y = (x - mean) * rstd, the gradient of x is (g - mean(g) - y * mean(g * y)) * rstd.
void OverChannelsEmitter::emitStandardiseGradient(double eps) {
  placeThread();
  SmallVector<Value> gradients, values;
  for (int64_t i = 0; i < plan.blocksOfThread(); ++i) {
    gradients.push_back(load(0, i, 0));
    values.push_back(load(1, i, 0));
  }
  Value rstd = standardise(values, eps);
  SmallVector<Value> products;
  for (auto [g, y] : llvm::zip(gradients, values))
    products.push_back(e.mulf(g, y));
  Value middle = mean(gradients, 2), product = mean(products, 3);
  for (int64_t i = 0; i < plan.blocksOfThread(); ++i) {
    Value centred = e.subf(e.subf(gradients[i], middle), e.mulf(values[i], product));
    store(existingOf(e.mulf(centred, rstd), i), i);
  }
}

void nvidia::emitOverChannels(Operation *op, KernelEmitter &e) {
  OverChannelsPlan plan(op, parametersOf<OverChannelsTile>(kernel::scheduleOf(op)));
  OverChannelsEmitter emitter(plan, e);
  TypeSwitch<Operation *>(op)
      .Case([&](kernel::SoftmaxOp) { emitter.emitSoftmax(); })
      .Case([&](kernel::SoftmaxGradOp) { emitter.emitSoftmaxGradient(); })
      .Case([&](kernel::StandardiseOp op) { emitter.emitStandardise(op.getEps().convertToDouble()); })
      .Case([&](kernel::StandardiseGradOp op) {
        emitter.emitStandardiseGradient(op.getEps().convertToDouble());
      });
}

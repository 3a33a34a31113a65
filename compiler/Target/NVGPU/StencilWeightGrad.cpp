#include "compiler/Target/NVGPU/StencilWeightGrad.h"

#include "compiler/Target/NVGPU/StencilStage.h"
#include "compiler/Target/NVGPU/WidenBfloat16.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

namespace {

/// Writes one kernel. Its members are set when the code that computes them is written.
class StencilWeightGradEmitter : WarpgroupEmitter {
public:
  StencilWeightGradEmitter(kernel::WeightGradOp op, const StencilWeightGradPlan &plan, KernelEmitter &e)
      : WarpgroupEmitter(e), op(op), plan(plan) {}

  void emit();

private:
  void placeBlock();
  void copy(Value chunk);
  void transform(Value chunk);
  /// Runs the body if the chunk of the activation is the last one that a frame of the gradient needs, with
  /// that frame's number.
  void ofStep(Value chunk, function_ref<void(Value)> body);

  SmallVector<Value> emitStep(Value step, ValueRange sums);
  void emitItem(Value number, Value gradientAt, Value activationAt, SmallVectorImpl<Value> &sums);
  void storeWarpSums(ValueRange sums);
  void storePartial();
  Value sumAt(Value warpNumber, Value number);

  kernel::WeightGradOp op;
  const StencilWeightGradPlan &plan;
  std::optional<StencilStage> gradient, activation;
  Value block, partial;
  Value frameTap, thread; // frame of the window, and this thread's number among those that have it
};

} // namespace

void StencilWeightGradEmitter::placeBlock() {
  StencilGrid grid = plan.grid();
  const std::array<int64_t, 3> sizes = {plan.tile.frames, plan.tile.rows, plan.tile.columns};
  block = e.rem(e.firstBlock, grid.channelBlocks);
  partial = e.div(e.firstBlock, grid.channelBlocks);
  frameTap = broadcast(e.div(e.thread, plan.threadsOfFrame()));
  thread = e.rem(e.thread, plan.threadsOfFrame());
  Value n = partial;
  std::array<Value, 3> firstResult, firstSource;
  for (int axis = 2; axis >= 0; --axis) {
    firstResult[axis] = e.mul(e.rem(n, grid.tiles[axis]), sizes[axis]);
    n = e.div(n, grid.tiles[axis]);
    const HaloAxis &halo = plan.axes[axis];
    firstSource[axis] = e.add(e.mul(firstResult[axis], halo.sourceStep), halo.low);
  }
  WarpgroupEmitter &w = *this;
  gradient.emplace(w, op.gradient(), plan.gradientRing(), n, block, firstResult, plan.gradientAt());
  activation.emplace(w, op.activation(), plan.activationRing(), n, block, firstSource, plan.activationAt());
}

//===-- Staging -----------------------------------------------------------===//

void StencilWeightGradEmitter::ofStep(Value chunk, function_ref<void(Value)> body) {
  int64_t before = plan.activationRing().before;
  Value step = e.sub(chunk, e.index(before));
  if (before == 0)
    body(step);
  else
    e.when(e.inRange(step, plan.tile.frames), [&] { body(step); });
}

void StencilWeightGradEmitter::copy(Value chunk) {
  activation->copy(chunk);
  ofStep(chunk, [&](Value step) { gradient->copy(step); });
}

void StencilWeightGradEmitter::transform(Value chunk) {
  activation->transform(chunk);
  ofStep(chunk, [&](Value step) { gradient->transform(step); });
}

//===-- Sums --------------------------------------------------------------===//

/// Adds the products of a column of rows. Positions of the activation are loaded once for all rows of the
/// window.
void StencilWeightGradEmitter::emitItem(Value number, Value gradientAt, Value activationAt,
                                        SmallVectorImpl<Value> &sums) {
  const HaloAxis &rows = plan.axes[1], &columns = plan.axes[2];
  StencilSpan span = plan.rowSpan();
  Value column = e.rem(number, plan.tile.columns);
  Value row = e.mul(e.div(number, plan.tile.columns), plan.tile.rowsOfThread);
  Value from = e.add(activationAt, activation->positionAt(e.mul(row, rows.sourceStep),
                                                          e.mul(column, columns.sourceStep)));
  Value results = e.add(gradientAt, gradient->positionAt(row, column));
  SmallVector<Value> loaded(span.results.size());
  for (int64_t source = 0; source < span.sources; ++source)
    for (int64_t tap = 0; tap < plan.kernel[2]; ++tap) {
      Value value;
      for (const StencilProduct &product : span.products) {
        if (product.source != source)
          continue;
        Value &result = loaded[product.result];
        if (!result)
          result = loadPosition(
              *this, e.add(results, gradient->positionAt(e.index(product.result), e.index(0))));
        if (!value)
          value = loadPosition(
              *this, e.add(from, activation->positionAt(e.index(source), e.index(tap * columns.shiftStep))));
        Value &sum = sums[product.tap * plan.kernel[2] + tap];
        sum = e.fma(value, result, sum);
      }
    }
}

SmallVector<Value> StencilWeightGradEmitter::emitStep(Value step, ValueRange sums) {
  const HaloAxis &frames = plan.axes[0];
  Value frame = e.add(e.mul(step, frames.sourceStep), e.mul(frameTap, frames.shiftStep));
  Value gradientAt = gradient->frameAt(step), activationAt = activation->frameAt(frame);
  return e.loop(thread, e.index(plan.items()), plan.threadsOfFrame(), sums,
                [&](Value number, ValueRange carried) {
                  SmallVector<Value> next(carried);
                  emitItem(number, gradientAt, activationAt, next);
                  return next;
                });
}

//===-- The partial -------------------------------------------------------===//

/// Returns where a warp's sum lies; its number counts the channels of the frame's taps.
Value StencilWeightGradEmitter::sumAt(Value warpNumber, Value number) {
  return pointer(e.mul(e.add(e.mul(warpNumber, plan.accumulators()), number), 4));
}

/// Adds up the sums of each warp's threads by halving: at each step, two threads share out the channels that
/// both have.
void StencilWeightGradEmitter::storeWarpSums(ValueRange sums) {
  auto bit = [&](int64_t distance) { return e.rem(e.div(lane(), distance), 2); };
  Value channel = e.add(e.add(e.mul(bit(16), 4), e.mul(bit(8), 2)), bit(4));
  for (auto [tap, sum] : llvm::enumerate(sums)) {
    Value rest = sum;
    int64_t distance = warp / 2;
    for (int64_t width = blockChannels / 2; width > 0; width /= 2, distance /= 2) {
      auto half = [&](int64_t first) -> Value {
        return vector::ExtractStridedSliceOp::create(e.b, e.loc, rest, ArrayRef(first), ArrayRef(width),
                                                     ArrayRef<int64_t>(1));
      };
      rest = halve(half(0), half(width), distance);
    }
    Value total = vector::ExtractOp::create(e.b, e.loc, rest, 0);
    for (; distance > 0; distance /= 2)
      total = halve(total, total, distance);
    e.when(e.equal(e.rem(lane(), 4), 0), [&] {
      LLVM::StoreOp::create(e.b, e.loc, total,
                            sumAt(e.div(e.thread, warp), e.add(channel, tap * blockChannels)), 4);
    });
  }
}

/// Adds up the warps that have the same taps, in their order, and stores the block's partial.
void StencilWeightGradEmitter::storePartial() {
  auto type = cast<RankedTensorType>(op.getResult().getType()); // [P, O, I, T, H, W]
  int64_t warps = plan.threadsOfFrame() / warp, ofFrame = plan.accumulators();
  e.spread(e.index(0), e.index(plan.kernel[0] * ofFrame), [&](Value number) {
    Value frame = e.div(number, ofFrame), inFrame = e.rem(number, ofFrame);
    Value total;
    for (int64_t i = 0; i < warps; ++i) {
      Value one = LLVM::LoadOp::create(e.b, e.loc, e.b.getF32Type(),
                                       sumAt(e.add(e.mul(frame, warps), i), inFrame), 4);
      total = total ? e.addf(total, one) : one;
    }
    Value tap = e.div(inFrame, blockChannels);
    Value channel = e.add(e.mul(block, blockChannels), e.rem(inFrame, blockChannels));
    if (plan.channels % blockChannels)
      total = choose(e.inRange(channel, plan.channels), total, e.constant(0.0f));
    e.store(total, e.results[0],
            e.position(type, {partial, channel, e.index(0), frame, e.div(tap, plan.kernel[2]),
                              e.rem(tap, plan.kernel[2])}));
  });
}

//===-- The kernel --------------------------------------------------------===//

void StencilWeightGradEmitter::emit() {
  placeBlock();
  activation->begin();
  gradient->begin();
  copy(e.index(0));
  int64_t before = plan.activationRing().before, chunks = before + plan.tile.frames;
  SmallVector<Value> none(plan.tapsOfFrame(), e.zero(blockChannels));
  auto sums = e.loop(e.index(0), e.index(chunks), 1, none, [&](Value chunk, ValueRange sums) {
    awaitStencilCopies(e);
    transform(chunk);
    NVVM::BarrierOp::create(e.b, e.loc);
    Value next = e.add(chunk, 1);
    e.when(less(next, e.index(chunks)), [&] { copy(next); });
    Value step = e.sub(chunk, e.index(before));
    if (before == 0)
      return emitStep(step, sums);
    return e.choose(
        e.inRange(step, plan.tile.frames), ValueRange(none).getTypes(), [&] { return emitStep(step, sums); },
        [&] { return SmallVector<Value>(sums); });
  });
  storeWarpSums(sums);
  NVVM::BarrierOp::create(e.b, e.loc);
  storePartial();
  widenInWords(*e.b.getInsertionBlock());
}

void nvidia::emitStencilWeightGrad(kernel::WeightGradOp op, KernelEmitter &e) {
  StencilWeightGradPlan plan(op, parametersOf<StencilWeightGradTile>(*op.getSchedule()));
  StencilWeightGradEmitter(op, plan, e).emit();
}

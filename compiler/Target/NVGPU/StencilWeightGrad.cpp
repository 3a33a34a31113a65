#include "compiler/Target/NVGPU/StencilWeightGrad.h"

#include "compiler/Target/NVGPU/StencilStage.h"
#include "compiler/Target/NVGPU/WidenBfloat16.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <map>

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
  void copy(Value step, bool first = false);
  void transform(Value step);

  SmallVector<Value> emitStep(Value step, ValueRange sums);
  void emitFrame(Value number, int64_t frame, Value step, SmallVectorImpl<Value> &sums);
  std::pair<Value, Value> halvesOf(Value vector);
  void storeWarpSums(ValueRange sums);
  void storePartial();
  Value sumAt(Value warpNumber, Value number);

  kernel::WeightGradOp op;
  const StencilWeightGradPlan &plan;
  std::optional<StencilStage> gradient, activation;
  Value block, partial;
  Value part; // of the channels of a position, which this thread has: 0 to threadsOfPosition() - 1
};

} // namespace

void StencilWeightGradEmitter::placeBlock() {
  StencilGrid grid = plan.grid();
  const std::array<int64_t, 3> sizes = {plan.tile.frames, plan.tile.rows, plan.tile.columns};
  block = e.rem(e.firstBlock, grid.channelBlocks);
  partial = e.div(e.firstBlock, grid.channelBlocks);
  part = e.rem(e.thread, plan.threadsOfPosition());
  Value n = partial;
  std::array<Value, 3> firstResult, firstSource;
  for (int axis = 2; axis >= 0; --axis) {
    firstResult[axis] = e.mul(e.rem(n, grid.tiles[axis]), sizes[axis]);
    n = e.div(n, grid.tiles[axis]);
    const HaloAxis &halo = plan.axes[axis];
    firstSource[axis] = e.add(e.mul(firstResult[axis], halo.sourceStep), halo.low);
  }
  WarpgroupEmitter &w = *this;
  Value firstFrame = firstResult[0];
  firstResult[0] = e.sub(firstFrame, e.index(plan.gradientRing().before));
  gradient.emplace(w, op.gradient(), plan.gradientRing(), n, block, firstResult, plan.gradientAt());
  gradient->setFrames(firstFrame, plan.tile.frames);
  activation.emplace(w, op.activation(), plan.activationRing(), n, block, firstSource, plan.activationAt());
}

//===-- Staging -----------------------------------------------------------===//

// The gradient's chunks are frames; `before` of them come before the first one, as zeros.

/// Copies what a step reads. At the first one, the gradient has the frame: a block begins with it.
void StencilWeightGradEmitter::copy(Value step, bool first) {
  activation->copy(step);
  gradient->copy(e.add(step, plan.gradientRing().before), /*inSource=*/first);
  commitStencilCopies(e);
}

void StencilWeightGradEmitter::transform(Value step) {
  activation->transform(step);
  gradient->transform(e.add(step, plan.gradientRing().before));
}

//===-- Sums --------------------------------------------------------------===//

/// Adds the products of a column of rows of the activation, in a frame of the step. Each position is loaded
/// once for all taps.
void StencilWeightGradEmitter::emitFrame(Value number, int64_t frame, Value step,
                                         SmallVectorImpl<Value> &sums) {
  const HaloAxis &frames = plan.axes[0], &rows = plan.axes[1], &columns = plan.axes[2];
  int64_t channels = plan.channelsOfThread();
  StencilSpan span = plan.rowSpan();
  Value column = e.rem(number, plan.tile.columns);
  Value row = e.mul(e.div(number, plan.tile.columns), plan.tile.rowsOfThread);
  Value inPosition = e.mul(part, 2 * channels);
  Value from = e.add(e.add(activation->frameAt(e.add(e.mul(step, frames.sourceStep), frame)), inPosition),
                     activation->positionAt(e.mul(row, rows.sourceStep), e.mul(column, columns.sourceStep)));
  Value results = e.add(inPosition, gradient->positionAt(row, column));
  std::map<std::pair<int64_t, int64_t>, Value> loaded; // of the gradient, by frame of the window and row
  auto resultOf = [&](int64_t tap, int64_t row) {
    Value &result = loaded[{tap, row}];
    if (!result) {
      int64_t behind = (tap * frames.shiftStep - frame) / frames.sourceStep;
      Value at = gradient->frameAt(e.add(step, plan.gradientRing().before - behind));
      result =
          gradient->load(e.add(e.add(at, results), gradient->positionAt(e.index(row), e.index(0))), channels);
    }
    return result;
  };
  for (int64_t source = 0; source < span.sources; ++source)
    for (int64_t columnTap = 0; columnTap < plan.kernel[2]; ++columnTap) {
      Value value;
      for (const StencilProduct &product : span.products)
        for (int64_t tap = 0; tap < plan.kernel[0]; ++tap) {
          if (product.source != source || (tap * frames.shiftStep - frame) % frames.sourceStep != 0)
            continue;
          if (!value)
            value = activation->load(
                e.add(from, activation->positionAt(e.index(source), e.index(columnTap * columns.shiftStep))),
                channels);
          Value &sum = sums[(tap * plan.kernel[1] + product.tap) * plan.kernel[2] + columnTap];
          sum = e.fma(value, resultOf(tap, product.result), sum);
        }
    }
}

SmallVector<Value> StencilWeightGradEmitter::emitStep(Value step, ValueRange sums) {
  return e.loop(e.div(e.thread, plan.threadsOfPosition()), e.index(plan.items()), plan.together(), sums,
                [&](Value number, ValueRange carried) {
                  SmallVector<Value> next(carried);
                  for (int64_t frame = 0; frame < plan.axes[0].sourceStep; ++frame)
                    emitFrame(number, frame, step, next);
                  return next;
                });
}

//===-- The partial -------------------------------------------------------===//

/// Returns where a warp's sum lies; its number counts the channels of the taps.
Value StencilWeightGradEmitter::sumAt(Value warpNumber, Value number) {
  return pointer(e.mul(e.add(e.mul(warpNumber, blockChannels * plan.taps()), number), 4));
}

/// Returns the two halves of a vector; of two numbers, these themselves.
std::pair<Value, Value> StencilWeightGradEmitter::halvesOf(Value vector) {
  int64_t half = cast<VectorType>(vector.getType()).getDimSize(0) / 2;
  auto from = [&](int64_t first) -> Value {
    if (half == 1)
      return vector::ExtractOp::create(e.b, e.loc, vector, first);
    return vector::ExtractStridedSliceOp::create(e.b, e.loc, vector, ArrayRef<int64_t>(first),
                                                 ArrayRef<int64_t>(half), ArrayRef<int64_t>(1));
  };
  return {from(0), from(half)};
}

/// Adds up the sums of each warp's threads. First two threads at a time share out the channels that both
/// have, until each has one.
void StencilWeightGradEmitter::storeWarpSums(ValueRange sums) {
  auto bit = [&](int64_t distance) { return e.rem(e.div(lane(), distance), 2); };
  int64_t channels = plan.channelsOfThread(), distance = warp / 2;
  Value channel = e.mul(part, channels), stores;
  SmallVector<int64_t> sharing, adding; // distances between the threads
  for (; channels > 1; channels /= 2, distance /= 2) {
    channel = e.add(channel, e.mul(bit(distance), channels / 2));
    sharing.push_back(distance);
  }
  for (; distance >= plan.threadsOfPosition(); distance /= 2) {
    Value first = e.equal(bit(distance), 0);
    stores = stores ? e.both(stores, first) : first;
    adding.push_back(distance);
  }
  for (auto [tap, sum] : llvm::enumerate(sums)) {
    Value total = sum;
    for (int64_t distance : sharing) {
      auto [first, second] = halvesOf(total);
      total = halve(first, second, distance);
    }
    for (int64_t distance : adding)
      total = halve(total, total, distance);
    e.when(stores, [&, tap = tap] {
      LLVM::StoreOp::create(e.b, e.loc, total,
                            sumAt(e.div(e.thread, warp), e.add(channel, tap * blockChannels)), 4);
    });
  }
}

/// Adds up the warps in their order and stores the block's partial.
void StencilWeightGradEmitter::storePartial() {
  auto type = cast<RankedTensorType>(op.getResult().getType()); // [P, O, I, T, H, W]
  e.spread(e.index(0), e.index(blockChannels * plan.taps()), [&](Value number) {
    Value total;
    for (int64_t i = 0; i < plan.tile.warps; ++i) {
      Value one = LLVM::LoadOp::create(e.b, e.loc, e.b.getF32Type(), sumAt(e.index(i), number), 4);
      total = total ? e.addf(total, one) : one;
    }
    Value tap = e.div(number, blockChannels), line = e.div(tap, plan.kernel[2]);
    Value channel = e.add(e.mul(block, blockChannels), e.rem(number, blockChannels));
    if (plan.channels % blockChannels)
      total = choose(e.inRange(channel, plan.channels), total, e.constant(0.0f));
    e.store(total, e.results[0],
            e.position(type, {partial, channel, e.index(0), e.div(line, plan.kernel[1]),
                              e.rem(line, plan.kernel[1]), e.rem(tap, plan.kernel[2])}));
  });
}

//===-- The kernel --------------------------------------------------------===//

void StencilWeightGradEmitter::emit() {
  placeBlock();
  activation->begin();
  gradient->begin();
  for (int64_t frame = 0; frame < plan.gradientRing().before; ++frame)
    gradient->clear(e.index(frame));
  copy(e.index(0), /*first=*/true);
  SmallVector<Value> none(plan.taps(), e.zero(plan.channelsOfThread()));
  auto sums = e.loop(e.index(0), e.index(plan.steps()), 1, none, [&](Value step, ValueRange sums) {
    awaitStencilCopies(e);
    transform(step);
    NVVM::BarrierOp::create(e.b, e.loc);
    Value next = e.add(step, 1);
    e.when(less(next, e.index(plan.steps())), [&] { copy(next); });
    return emitStep(step, sums);
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

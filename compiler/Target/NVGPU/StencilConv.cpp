#include "compiler/Target/NVGPU/StencilConv.h"

#include "compiler/Target/Common/ReferenceOps.h"
#include "compiler/Target/NVGPU/StencilStage.h"
#include "compiler/Target/NVGPU/StencilSums.h"
#include "compiler/Target/NVGPU/WidenBfloat16.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Yield;

namespace {

/// Writes one kernel. Its members are set when the code that computes them is written.
class StencilConvEmitter : WarpgroupEmitter {
public:
  StencilConvEmitter(kernel::ConvOp op, const StencilPlan &plan, KernelEmitter &e)
      : WarpgroupEmitter(e), op(op), plan(plan),
        yield(cast<kernel::YieldOp>(op.getEpilogue().front().getTerminator())), sums(e, yield),
        reader(e, op.epilogue(), op.getResultType(), blockChannels) {}

  void emit();

private:
  /// An Item is what a thread computes in a step: a column of rows of frames.
  struct Item {
    std::array<Value, 3> first; // result from which frames and rows are counted; its column
    Value valid;                // whether the column is one of the tile; null: always
    Value row, column;          // where the source begins in a frame of the chunk
    Value taps, firstTap;       // of the column's phase
  };

  void placeBlock();
  void stageWeights();
  Value weightAt(ArrayRef<int64_t> tap, Value column);
  Value pick(Value phase, int64_t HaloAxis::Phase::*field);
  Item itemOf(Value number, Value step);
  SmallVector<Value> emitStep(Value chunk, ValueRange state);
  SmallVector<Value> emitSums(const Item &item, ArrayRef<Value> frames);
  void emitFrame(const Item &item, Value frameAt, int64_t frame, Value tap, Value column,
                 SmallVectorImpl<Value> &accumulators);
  SmallVector<Value> emitEpilogue(const Item &item, ValueRange accumulators, ValueRange state);
  StencilSums::Result emitResult(const Item &item, int64_t frame, int64_t row, Value accumulator);
  void storePartials(ValueRange rows);

  kernel::ConvOp op;
  const StencilPlan &plan;
  kernel::YieldOp yield;
  StencilSums sums;
  reference::RegionReader reader;
  StencilSpan frameSpan = plan.frameSpan(), rowSpan = plan.rowSpan();
  std::optional<StencilStage> stage;
  Value n, block, partial;
  std::array<Value, 3> firstResult; // of the block, counted within a phase
};

} // namespace

//===-- The block's place -------------------------------------------------===//

void StencilConvEmitter::placeBlock() {
  StencilGrid grid = plan.grid();
  const std::array<int64_t, 3> sizes = {plan.tile.frames, plan.tile.rows, plan.tile.columns};
  block = e.rem(e.firstBlock, grid.channelBlocks);
  partial = e.div(e.firstBlock, grid.channelBlocks);
  Value rest = partial;
  std::array<Value, 3> firstSource;
  for (int axis = 2; axis >= 0; --axis) {
    firstResult[axis] = e.mul(e.rem(rest, grid.tiles[axis]), sizes[axis]);
    rest = e.div(rest, grid.tiles[axis]);
    const HaloAxis &halo = plan.axes[axis];
    firstSource[axis] = e.add(e.mul(firstResult[axis], halo.sourceStep), halo.low);
  }
  n = rest;
  WarpgroupEmitter &w = *this;
  stage.emplace(w, op.prologue(), plan.ring(), n, block, firstSource, plan.ringAt());
}

/// Widens the block's weights to f32, so that threads only load them.
void StencilConvEmitter::stageWeights() {
  int64_t taps = shape::product(plan.kernel);
  Value buffer = e.bufferOf(op.getWeightMutable());
  e.spread(e.index(0), e.index(taps), [&](Value tap) {
    Value at = e.mul(e.add(e.mul(block, taps), tap), blockChannels);
    Value weight = e.loadVector(buffer, at, blockChannels);
    LLVM::StoreOp::create(e.b, e.loc, weight, pointer(e.mul(tap, 4 * blockChannels)), positionBytes);
  });
}

/// Returns the weight of a tap, whose column is known when the kernel runs.
Value StencilConvEmitter::weightAt(ArrayRef<int64_t> tap, Value column) {
  int64_t line = (tap[0] * plan.kernel[1] + tap[1]) * plan.kernel[2];
  Value at = pointer(e.mul(e.add(column, line), 4 * blockChannels));
  return LLVM::LoadOp::create(e.b, e.loc, e.vectorType(blockChannels), at, positionBytes);
}

/// Returns a field of a column's phase.
Value StencilConvEmitter::pick(Value phase, int64_t HaloAxis::Phase::*field) {
  const auto &phases = plan.axes[2].phases;
  Value picked = e.index(phases.front().*field);
  for (size_t i = 1; i < phases.size(); ++i)
    if (phases[i].*field != phases.front().*field)
      picked = choose(e.equal(phase, i), e.index(phases[i].*field), picked);
  return picked;
}

StencilConvEmitter::Item StencilConvEmitter::itemOf(Value number, Value step) {
  const HaloAxis &frames = plan.axes[0], &rows = plan.axes[1], &columns = plan.axes[2];
  Value column = e.rem(number, plan.tile.columns), line = e.div(number, plan.tile.columns);
  Value row = e.mul(e.rem(line, plan.rowGroups()), plan.tile.rowsOfThread);
  Value phase = e.div(line, plan.rowGroups()), q = e.add(firstResult[2], column);
  Item item;
  item.first = {e.mul(e.add(firstResult[0], e.mul(step, plan.tile.framesOfThread)), frames.resultStep),
                e.mul(e.add(firstResult[1], row), rows.resultStep),
                e.add(e.mul(q, columns.resultStep), pick(phase, &HaloAxis::Phase::offset))};
  bool isEven = columns.phases.size() == 1 && columns.result % plan.tile.columns == 0;
  if (!isEven)
    item.valid = e.inRange(item.first[2], columns.result);
  item.taps = pick(phase, &HaloAxis::Phase::taps);
  item.firstTap = pick(phase, &HaloAxis::Phase::firstTap);
  item.row = e.mul(row, rows.sourceStep);
  item.column = e.add(e.mul(column, columns.sourceStep), pick(phase, &HaloAxis::Phase::firstShift));
  return item;
}

//===-- Sums --------------------------------------------------------------===//

/// Adds the products of one frame of the source. A position is loaded once and serves all results whose
/// windows it lies in.
void StencilConvEmitter::emitFrame(const Item &item, Value frameAt, int64_t frame, Value tap, Value column,
                                   SmallVectorImpl<Value> &accumulators) {
  Value first = e.add(frameAt, stage->positionAt(item.row, column));
  for (int64_t row = 0; row < rowSpan.sources; ++row) {
    Value value;
    for (const StencilProduct &ofRow : rowSpan.products)
      for (const StencilProduct &ofFrame : frameSpan.products) {
        if (ofRow.source != row || ofFrame.source != frame)
          continue;
        if (!value)
          value = stage->load(e.add(first, stage->positionAt(e.index(row), e.index(0))));
        Value &sum = accumulators[ofFrame.result * rowSpan.results.size() + ofRow.result];
        sum = e.fma(value, weightAt({ofFrame.tap, ofRow.tap}, tap), sum);
      }
  }
}

/// Returns the sums of an item: those of the rows of one frame after the other.
SmallVector<Value> StencilConvEmitter::emitSums(const Item &item, ArrayRef<Value> frames) {
  const HaloAxis &columns = plan.axes[2];
  SmallVector<Value> none(frameSpan.results.size() * rowSpan.results.size(), e.zero(blockChannels));
  return e.loop(e.index(0), item.taps, 1, none, [&](Value i, ValueRange carried) {
    SmallVector<Value> accumulators(carried);
    Value tap = e.add(item.firstTap, e.mul(i, columns.tapStep));
    Value column = e.add(item.column, e.mul(i, columns.shiftStep));
    for (auto [frame, at] : llvm::enumerate(frames))
      emitFrame(item, at, frame, tap, column, accumulators);
    return accumulators;
  });
}

//===-- Epilogue ----------------------------------------------------------===//

StencilSums::Result StencilConvEmitter::emitResult(const Item &item, int64_t frame, int64_t row,
                                                   Value accumulator) {
  SmallVector<Value> at = {n, e.mul(block, blockChannels), e.add(item.first[0], frameSpan.results[frame]),
                           e.add(item.first[1], rowSpan.results[row]), item.first[2]};
  StencilSums::Result result{{}, item.valid};
  for (int axis = 0; axis < 2; ++axis) {
    if (!plan.reachesBeyond(axis))
      continue;
    Value exists = less(at[axis + 2], e.index(plan.axes[axis].result));
    result.valid = result.valid ? e.both(result.valid, exists) : exists;
  }
  SmallVector<Value> readAt = at;
  if (result.valid)
    for (int axis = 2; axis < 5; ++axis)
      readAt[axis] = choose(result.valid, at[axis], e.index(0));
  SmallVector<Value> arguments = {accumulator};
  llvm::append_range(arguments, reader.at(readAt));
  result.yielded = e.inlineRegion(op.getEpilogue(), arguments, blockChannels);
  if (Value exist = existing(at[1], blockChannels, plan.channels))
    for (Value &value : result.yielded)
      value = reference::masked(e, exist, value);
  auto store = [&] {
    for (int64_t i = 0; i < yield.countOf(Yield::Store); ++i)
      e.storeVector(result.yielded[i], e.results[i],
                    e.position(cast<RankedTensorType>(op.getResult(i).getType()), at));
  };
  if (result.valid)
    e.when(result.valid, store);
  else
    store();
  return result;
}

SmallVector<Value> StencilConvEmitter::emitEpilogue(const Item &item, ValueRange accumulators,
                                                    ValueRange state) {
  SmallVector<StencilSums::Result> results;
  SmallVector<Value> next(state);
  for (size_t frame = 0; frame < frameSpan.results.size(); ++frame)
    for (size_t row = 0; row < rowSpan.results.size(); ++row) {
      auto result = emitResult(item, frame, row, accumulators[frame * rowSpan.results.size() + row]);
      // Plain sums are added up at once, so that what an epilogue yields need not wait in registers. Moments
      // are taken of all results together, which wait there anyway.
      if (sums.momentRows() == 0)
        next = sums.with(next, result);
      else
        results.push_back(result);
    }
  return results.empty() ? next : sums.with(next, results);
}

/// Stores the sums of the block in buffer[partial, row, channel].
void StencilConvEmitter::storePartials(ValueRange rows) {
  int64_t stores = yield.countOf(Yield::Store), moments = sums.momentRows();
  auto store = [&](ValueRange values, int64_t result) {
    auto type = cast<RankedTensorType>(op.getResult(result).getType());
    Value channel = e.mul(block, blockChannels), exist = existing(channel, blockChannels, plan.channels);
    for (auto [row, value] : llvm::enumerate(values))
      e.storeVector(reference::masked(e, exist, value), e.results[result],
                    e.position(type, {partial, e.index(row), channel}));
  };
  e.once([&] {
    if (moments)
      store(rows.take_front(moments), stores);
    if (rows.size() > size_t(moments))
      store(rows.drop_front(moments), stores + (moments ? 1 : 0));
  });
}

//===-- The kernel --------------------------------------------------------===//

/// Computes the results whose last source frames are those of `chunk`.
SmallVector<Value> StencilConvEmitter::emitStep(Value chunk, ValueRange state) {
  StencilRing ring = plan.ring();
  Value step = e.sub(chunk, e.index(ring.before));
  SmallVector<Value> frames;
  for (int64_t frame = 0; frame < frameSpan.sources; ++frame)
    frames.push_back(stage->frameAt(e.add(e.mul(step, ring.frames), frame)));
  return e.loop(e.thread, e.index(plan.items()), plan.threads(), state, [&](Value number, ValueRange state) {
    Item item = itemOf(number, step);
    return emitEpilogue(item, emitSums(item, frames), state);
  });
}

void StencilConvEmitter::emit() {
  placeBlock();
  stage->begin();
  stage->copy(e.index(0));
  commitStencilCopies(e);
  stageWeights();
  reader.enter(n, e.mul(block, blockChannels));
  int64_t before = plan.ring().before, chunks = before + plan.steps();
  SmallVector<Value> none = sums.none();
  auto state = e.loop(e.index(0), e.index(chunks), 1, none, [&](Value chunk, ValueRange state) {
    awaitStencilCopies(e);
    stage->transform(chunk);
    NVVM::BarrierOp::create(e.b, e.loc);
    Value next = e.add(chunk, 1);
    e.when(less(next, e.index(chunks)), [&] {
      stage->copy(next);
      commitStencilCopies(e);
    });
    if (before == 0)
      return emitStep(chunk, state);
    return e.choose(
        e.inRange(e.sub(chunk, e.index(before)), chunks), ValueRange(none).getTypes(),
        [&] { return emitStep(chunk, state); }, [&] { return SmallVector<Value>(state); });
  });
  if (!none.empty())
    storePartials(sums.acrossThreads(state));
  widenInWords(*e.b.getInsertionBlock());
}

void nvidia::emitStencil(kernel::ConvOp op, KernelEmitter &e) {
  StencilPlan plan(op, parametersOf<StencilTile>(*op.getSchedule()));
  StencilConvEmitter(op, plan, e).emit();
}

#include "compiler/Target/NVGPU/PairConv.h"

#include "compiler/Target/NVGPU/Contract.h"
#include "compiler/Target/NVGPU/Feed.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;

namespace {

/// Writes one kernel. Its members are set when the code that computes them is written.
class PairEmitter : WarpgroupEmitter {
public:
  PairEmitter(kernel::PairOp op, const PairPlan &plan, KernelEmitter &e)
      : WarpgroupEmitter(e), op(op), plan(plan), layout(plan.pipeline()), pipeline(*this, layout),
        feed(*this, op.prologue(), plan.feed(), plan.first.sourceBlocks, pipeline),
        middle(*this, plan.tile.channels), result(*this, plan.resultChannels()) {}

  void emit();

private:
  using Values = SmallVector<Value>;
  /// Does something at a frame, and carries values.
  using Step = function_ref<Values(Value frame, ValueRange carried)>;

  void placeBlock();
  void overFrames(ValueRange init, Step middle, Step result);
  Values overFirstTaps(ValueRange init, function_ref<Values(ArrayRef<Value>, ValueRange)> body);
  Values overSecondTaps(Value frame, ValueRange init, Step body);

  FeedPlace placeOf(Value frame);
  Values emitParts(Value frame, Value step, Value rawStep);
  void emitCopies();
  Values emitFirstWeights(ValueRange step);
  void emitSource();
  void emitConsumers();
  Values firstProducts(Value chunk, Value sourceAt, ValueRange sums);
  Values emitStage(Contract &contract, ValueRange sums, Value at, int64_t blockBytes, Value first, Value step,
                   int64_t columns);
  void finishProducts(Value first, Value next);
  Values emitMiddle(Value sourceAt, Value slotAt, Value step);
  Values emitResult(Value frame, Value step);

  Value rowOf(int64_t tile, int64_t half);
  Value slotOf(Value frame) {
    return e.add(e.index(layout.slots.at), e.mul(e.rem(frame, plan.slots()), plan.slotBytes()));
  }
  Value pairOf(ValueRange sums, int64_t row, int64_t group);
  Value channelOf(Value block) { return e.add(e.mul(block, blockChannels), e.mul(e.rem(lane(), 4), 2)); }
  Value onlyChannels(Value pair, Value block, int64_t channels);
  Values vectorsOf(const kernel::AccessRegion &region, RankedTensorType domain, Value block);
  void storeMiddle(ValueRange sums, Value chunk, Value slotAt);
  void storeResult(ValueRange sums, Value frame);
  void clearPadding();

  kernel::PairOp op;
  const PairPlan &plan;
  const PairPipeline layout;
  Pipeline pipeline;
  const Ring &source = pipeline.operands, &weights = pipeline.weights;
  Feed feed;
  Contract middle, result; // the products of the first conv, and of the second
  Value n, firstFrame, endFrame;
  std::array<Value, 3> place;  // place of the tile's first position in a frame; T: zero
  Value consumerThread, group; // numbers among the consumers
};

//===-- The block's walk --------------------------------------------------===//

void PairEmitter::placeBlock() {
  auto next = [rest = e.firstBlock, this](int64_t size) mutable {
    Value part = e.rem(rest, size);
    rest = e.div(rest, size);
    return part;
  };
  place[0] = e.index(0);
  for (int axis = 2; axis >= 1; --axis)
    place[axis] = e.mul(next(plan.first.axes[axis].tiles()), plan.first.axes[axis].tile);
  firstFrame = e.mul(next(plan.runs()), plan.tile.frames);
  endFrame = e.min(e.add(firstFrame, plan.tile.frames), e.index(plan.results[0]));
  n = next(plan.first.clips);
}

/// Runs `result` for the results' frames in turn, each after `middle` for the frames of the middle that it is
/// the first to need.
void PairEmitter::overFrames(ValueRange init, Step middle, Step result) {
  int64_t stride = plan.second.stride[0], pad = plan.second.padLow[0];
  Values carried(init);
  carried.push_back(e.max(e.index(0), e.sub(e.mul(firstFrame, stride), e.index(pad))));
  e.loop(firstFrame, endFrame, 1, carried, [&](Value frame, ValueRange carried) {
    Value reached = e.sub(e.add(e.mul(frame, stride), plan.slots()), e.index(pad));
    Value end = e.max(carried.back(), e.min(reached, e.index(plan.middleFrames)));
    auto made = e.loop(carried.back(), end, 1, carried.drop_back(), middle);
    auto next = result(frame, made);
    next.push_back(end);
    return next;
  });
}

PairEmitter::Values PairEmitter::overFirstTaps(ValueRange init,
                                               function_ref<Values(ArrayRef<Value>, ValueRange)> body) {
  auto taps = op.getFirstWindow().getWindow().kernel;
  Value zero = e.index(0);
  return e.loop(zero, e.index(taps[1]), 1, init, [&](Value h, ValueRange atH) {
    return e.loop(zero, e.index(taps[2]), 1, atH,
                  [&](Value w, ValueRange carried) { return body({zero, h, w}, carried); });
  });
}

/// Runs the body for those taps of the second conv, at a frame of results, that fall on frames of the middle:
/// tap k falls on frame * stride + k * dilation - pad.
PairEmitter::Values PairEmitter::overSecondTaps(Value frame, ValueRange init, Step body) {
  int64_t dilation = plan.second.dilation[0];
  Value first = e.sub(e.mul(frame, plan.second.stride[0]), e.index(plan.second.padLow[0]));
  auto tapsBelow = [&](Value frames) { // counts the taps whose frame is below `frames`
    Value distance = e.max(e.index(0), e.sub(frames, first));
    return e.min(e.div(e.add(distance, dilation - 1), dilation), e.index(plan.second.kernel[0]));
  };
  return e.loop(tapsBelow(e.index(0)), tapsBelow(e.index(plan.middleFrames)), 1, init, body);
}

//===-- Producers ---------------------------------------------------------===//

FeedPlace PairEmitter::placeOf(Value frame) {
  FeedPlace there{n, {frame, place[1], place[2]}, {}};
  for (int axis = 0; axis < 3; ++axis)
    there.low[axis] = e.index(plan.first.axes[axis].low);
  return there;
}

/// Copies a frame of the source, which is number `step` of the block's. Returns the next step of the raw
/// ring.
PairEmitter::Values PairEmitter::emitParts(Value frame, Value step, Value rawStep) {
  if (plan.feed().direct())
    source.waitEmpty(step);
  auto copyPart = [&](Value part, ValueRange rawStep) -> Values {
    return {feed.copy(placeOf(frame), e.index(0), part, step, 0, rawStep[0])};
  };
  return e.loop(e.index(0), e.index(plan.feed().parts()), 1, {rawStep}, copyPart);
}

/// Copies the weights of the first conv for a frame of the middle. Returns the next step of the weights.
PairEmitter::Values PairEmitter::emitFirstWeights(ValueRange step) {
  TapsWeight weight{e.bufferOf(op.getFirstWeightMutable()), plan.first.sourceBlocks,
                    plan.middleBlocks * blockChannels};
  int64_t width = op.getFirstWindow().getWindow().kernel[2];
  Value zero = e.index(0);
  return e.loop(zero, e.index(plan.first.channelTiles()), 1, step, [&](Value columns, ValueRange step) {
    return e.loop(zero, e.index(plan.first.chunks()), 1, step, [&](Value chunk, ValueRange step) {
      return overFirstTaps(step, [&](ArrayRef<Value> tap, ValueRange step) -> Values {
        e.when(e.equal(e.thread, 0), [&] {
          stageWeights(*this, weights, step[0], weight, e.add(e.mul(tap[1], width), tap[2]), chunk,
                       plan.tile.depth, e.mul(columns, plan.tile.channels), plan.tile.channels);
        });
        return {e.add(step[0], 1)};
      });
    });
  });
}

/// One warp begins all copies, in the order of the products, but those of the source a frame ahead of the
/// weights: they wait until the frame before the last has been read, whose weights have gone by then.
void PairEmitter::emitCopies() {
  Value zero = e.index(0);
  TapsWeight second{e.bufferOf(op.getSecondWeightMutable()), plan.middleBlocks, plan.resultChannels()};
  int64_t stride = plan.second.stride[0], pad = plan.second.padLow[0];
  Value firstMiddle = e.max(zero, e.sub(e.mul(firstFrame, stride), e.index(pad)));
  Value reached = e.sub(e.add(e.mul(e.sub(endFrame, e.index(1)), stride), plan.slots()), e.index(pad));
  Value endMiddle = e.min(reached, e.index(plan.middleFrames));
  // The loop carries the steps of the weights, of the source and of the raw ring.
  auto middle = [&](Value frame, ValueRange steps) -> Values {
    Value next = e.add(frame, 1), nextStep = e.add(steps[1], 1);
    Value rawStep = e.choose(
        less(next, endMiddle), {e.b.getIndexType()}, [&] { return emitParts(next, nextStep, steps[2]); },
        [&] { return Values{steps[2]}; })[0];
    return {emitFirstWeights({steps[0]})[0], nextStep, rawStep};
  };
  Values init = {zero, zero};
  init.push_back(feed.copyFirst(placeOf(firstMiddle), zero));
  overFrames(init, middle, [&](Value frame, ValueRange steps) -> Values {
    Values next = overSecondTaps(frame, {steps[0]}, [&](Value tap, ValueRange step) {
      return e.loop(zero, e.index(plan.chunks()), 1, step, [&](Value chunk, ValueRange step) -> Values {
        e.when(e.equal(e.thread, 0), [&] {
          stageWeights(*this, weights, step[0], second, tap, chunk, plan.tile.depth, zero,
                       plan.resultChannels());
        });
        return {e.add(step[0], 1)};
      });
    });
    return {next[0], steps[1], steps[2]};
  });
}

/// Stages the source's halo, with all channels of a frame in one stage.
void PairEmitter::emitSource() {
  Value thread = e.sub(e.thread, e.index(warp));
  FeedPositions positions = feed.positionsOf(placeOf(e.index(0)), thread); // the same in all frames
  auto middle = [&](Value, ValueRange steps) -> Values {
    Value rawStep = source.fill(steps[0], [&] {
      return feed.fill(positions, e.index(0), source.stageAt(steps[0]), steps[1]);
    });
    return {e.add(steps[0], 1), rawStep};
  };
  overFrames({e.index(0), e.index(0)}, middle, [](Value, ValueRange steps) { return Values(steps); });
}

//===-- Products ----------------------------------------------------------===//

/// Begins the products of one stage of weights with rows from `at` on, whose channel blocks lie `blockBytes`
/// apart, and leaves them under way. Those of the step before end here, unless this is step `first` of a sum.
PairEmitter::Values PairEmitter::emitStage(Contract &contract, ValueRange sums, Value at, int64_t blockBytes,
                                           Value first, Value step, int64_t columns) {
  Value weightAt = weights.stageAt(step);
  Matrix source = contract.matrix(at, blockBytes);
  Matrix weight = contract.matrix(weightAt, columns * positionBytes);
  weights.waitFull(step);
  auto next = contract.begin(sums, source, ProductShape::rows * positionBytes, weight, plan.tile.depth);
  contract.follow(weights, step, first);
  return next;
}

/// Waits for the products of a sum, which were begun at the steps [first, next), and frees the last stage.
void PairEmitter::finishProducts(Value first, Value next) {
  result.finish();
  weights.free(e.sub(next, e.index(1)), less(first, next));
}

/// Computes a frame of the middle, some channels after the others, into its slot. Returns the next step of
/// the weights.
PairEmitter::Values PairEmitter::emitMiddle(Value sourceAt, Value slotAt, Value step) {
  const HaloPlan &first = plan.first;
  Value zero = e.index(0), firstRow = e.mul(group, 64 * first.rowTiles() * positionBytes);
  int64_t chunkBytes = plan.tile.depth / blockChannels * first.pitch() * positionBytes;
  return e.loop(
      zero, e.index(first.channelTiles()), 1, {step}, [&](Value columns, ValueRange step) -> Values {
        Values carried = middle.zero(first.rowTiles());
        carried.push_back(step[0]);
        auto sums = e.loop(zero, e.index(first.chunks()), 1, carried, [&](Value chunk, ValueRange carried) {
          Value chunkAt = e.add(e.add(sourceAt, e.mul(chunk, chunkBytes)), firstRow);
          return overFirstTaps(carried, [&](ArrayRef<Value> tap, ValueRange carried) {
            Value plane = zero, shift = zero;
            for (int axis = 1; axis < 3; ++axis) {
              const HaloAxis &halo = first.axes[axis];
              Value d = e.mul(tap[axis], halo.shiftStep);
              plane = e.add(e.mul(plane, halo.planes()), e.rem(d, halo.sourceStep));
              shift = e.add(e.mul(shift, halo.extent()), e.div(d, halo.sourceStep));
            }
            shift = e.add(e.mul(plane, first.planePositions()), shift);
            auto next = emitStage(middle, carried.drop_back(), e.add(chunkAt, e.mul(shift, positionBytes)),
                                  first.pitch() * positionBytes, step[0], carried.back(), plan.tile.channels);
            next.push_back(e.add(carried.back(), 1));
            return next;
          });
        });
        finishProducts(step[0], sums.back());
        storeMiddle(ArrayRef(sums).drop_back(), columns, slotAt);
        return {sums.back()};
      });
}

/// Computes a frame of results from the slots that its taps reach. Returns the next step of the weights.
PairEmitter::Values PairEmitter::emitResult(Value frame, Value step) {
  int64_t blockBytes = plan.positions() * positionBytes;
  Value firstRow = e.mul(group, 64 * plan.first.rowTiles() * positionBytes);
  Values carried = result.zero(plan.first.rowTiles());
  carried.push_back(step);
  auto sums = overSecondTaps(frame, carried, [&](Value tap, ValueRange carried) {
    Value from = e.sub(e.add(e.mul(frame, plan.second.stride[0]), e.mul(tap, plan.second.dilation[0])),
                       e.index(plan.second.padLow[0]));
    Value rowsAt = e.add(slotOf(from), firstRow);
    return e.loop(e.index(0), e.index(plan.chunks()), 1, carried, [&](Value chunk, ValueRange carried) {
      Value chunkAt = e.add(rowsAt, e.mul(chunk, plan.tile.depth / blockChannels * blockBytes));
      auto next =
          emitStage(result, carried.drop_back(), chunkAt, blockBytes, step, carried.back(), plan.resultChannels());
      next.push_back(e.add(carried.back(), 1));
      return next;
    });
  });
  finishProducts(step, sums.back());
  storeResult(ArrayRef(sums).drop_back(), frame);
  return {sums.back()};
}

void PairEmitter::emitConsumers() {
  consumerThread = pipeline.consumerThread();
  group = e.div(consumerThread, warpgroup);
  clearPadding();
  // The loop carries the steps of the weights and of the source.
  auto middle = [&](Value frame, ValueRange steps) -> Values {
    source.waitFull(steps[1]);
    auto next = emitMiddle(source.stageAt(steps[1]), slotOf(frame), steps[0]);
    source.free(steps[1]);
    fenceStores();
    meet(word(e.add(group, 1)), warpgroup);
    return {next[0], e.add(steps[1], 1)};
  };
  overFrames({e.index(0), e.index(0)}, middle, [&](Value frame, ValueRange steps) -> Values {
    return {emitResult(frame, steps[0])[0], steps[1]};
  });
}

//===-- Epilogues ---------------------------------------------------------===//

/// Returns the position of row `half` (0 or 1) that this thread holds of its warpgroup's tile `tile`. A
/// thread holds rows lane / 4 and lane / 4 + 8 of its warp's 16, and of these the channels 2 * (lane % 4) and
/// the next of every 8.
Value PairEmitter::rowOf(int64_t tile, int64_t half) {
  return e.add(e.mul(e.add(e.mul(group, plan.first.rowTiles()), tile), ProductShape::rows),
               result.row(consumerThread, half));
}

/// Returns the pair of channels of a block of 8 that this thread holds of its row `row`; it holds two rows of
/// a tile.
Value PairEmitter::pairOf(ValueRange sums, int64_t row, int64_t group) {
  return result.pair(sums[row / 2], row % 2, group);
}

/// Returns the pair with zeros in place of the padding of the tensor's channels.
Value PairEmitter::onlyChannels(Value pair, Value block, int64_t channels) {
  Value mask = existing(channelOf(block), 2, channels);
  return mask ? choose(mask, pair, e.constant(0.0f, e.vectorType(2))) : pair;
}

/// Returns the operands of a region that are read by channel, for this thread's pair of a block; null for the
/// others.
PairEmitter::Values PairEmitter::vectorsOf(const kernel::AccessRegion &region, RankedTensorType domain,
                                           Value block) {
  Values vectors;
  for (kernel::AccessOperand operand : region)
    vectors.push_back(operand.isByChannel() ? e.loadAccess(operand, domain, {n, channelOf(block)}, 2)
                                            : Value());
  return vectors;
}

void PairEmitter::storeMiddle(ValueRange sums, Value chunk, Value slotAt) {
  int64_t groups = plan.tile.channels / blockChannels;
  auto narrow = VectorType::get({2}, e.b.getBF16Type());
  for (int64_t group = 0; group < groups; ++group) {
    Value block = e.add(e.mul(chunk, groups), group);
    auto vectors = vectorsOf(op.middle(), op.getMiddleType(), block);
    Value blockAt = e.add(slotAt, e.mul(block, plan.positions() * positionBytes));
    for (int64_t row = 0; row < 2 * int64_t(sums.size()); ++row) {
      Values arguments = {pairOf(sums, row, group)};
      llvm::append_range(arguments, vectors);
      Value value = onlyChannels(e.inlineRegion(op.getMiddle(), arguments, 2)[0], block,
                                 op.getMiddleType().getDimSize(1));
      Value at =
          e.add(e.add(blockAt, e.mul(rowOf(row / 2, row % 2), positionBytes)), e.mul(e.rem(lane(), 4), 4));
      Value rounded = arith::TruncFOp::create(e.b, e.loc, narrow, value);
      LLVM::StoreOp::create(e.b, e.loc, rounded, pointer(at), 4);
    }
  }
}

void PairEmitter::storeResult(ValueRange sums, Value frame) {
  RankedTensorType type = op.getResultType();
  auto [frames, height, width] = plan.results;
  const auto &axes = plan.first.axes;
  Value pairAt = e.mul(e.rem(lane(), 4), 2);
  for (int64_t group = 0; group < plan.resultBlocks; ++group) {
    Value block = e.index(group);
    auto vectors = vectorsOf(op.epilogue(), type, block);
    for (int64_t row = 0; row < 2 * int64_t(sums.size()); ++row) {
      Value position = rowOf(row / 2, row % 2), column = e.rem(position, axes[2].extent()),
            line = e.div(position, axes[2].extent());
      Value h = e.add(place[1], line), w = e.add(place[2], column);
      Value valid = e.both(e.both(e.inRange(line, axes[1].tile), e.inRange(column, axes[2].tile)),
                           e.both(less(h, e.index(height)), less(w, e.index(width))));
      h = choose(valid, h, e.index(0));
      w = choose(valid, w, e.index(0));
      Value plane = e.add(e.mul(e.add(e.mul(n, plan.resultBlocks), block), frames), frame);
      Value at = e.add(e.mul(e.add(e.mul(e.add(e.mul(plane, height), h), width), w), blockChannels), pairAt);
      Values arguments = {pairOf(sums, row, group)};
      for (auto [operand, vector] : llvm::zip_equal(op.epilogue(), vectors))
        arguments.push_back(vector ? vector
                            : operand.access == Access::Pixel
                                ? e.loadVector(e.bufferOf(*operand.operand), at, 2)
                                : e.loadAccess(operand, type, {n, channelOf(block), frame, h, w}, 2));
      Value value =
          onlyChannels(e.inlineRegion(op.getEpilogue(), arguments, 2)[0], block, type.getDimSize(1));
      e.when(valid, [&] { e.storeVector(value, e.results[0], at); });
    }
  }
}

/// Fills the slots' channel blocks beyond the middle's with zeros, since the products multiply them with any
/// numbers of the weight. Each thread fences after its first frame of the middle, and so before the first
/// product that reads them.
void PairEmitter::clearPadding() {
  int64_t blockBytes = plan.positions() * positionBytes;
  int64_t padding = (plan.slotBlocks() - plan.middleBlocks) * blockBytes;
  if (padding == 0)
    return;
  e.loop(plan.slots(), [&](Value slot) {
    Value at = e.add(slotOf(slot), plan.middleBlocks * blockBytes);
    clear(at, padding, consumerThread, plan.roles().consumerThreads());
  });
  meet(1 + HaloPlan::consumers, plan.roles().consumerThreads());
}

//===-- The kernel --------------------------------------------------------===//

void PairEmitter::emit() {
  placeBlock();
  feed.clearRaw();
  pipeline.run([&] { emitCopies(); }, [&] { emitSource(); }, [&] { emitConsumers(); });
}

} // namespace

void kinema::nvidia::emitPair(kernel::PairOp op, KernelEmitter &e) {
  PairPlan plan = pairPlanOf(op);
  PairEmitter(op, plan, e).emit();
}

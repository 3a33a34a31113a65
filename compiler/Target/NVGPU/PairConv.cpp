#include "compiler/Target/NVGPU/PairConv.h"

#include "compiler/Target/NVGPU/HaloWalk.h"
#include "compiler/Target/NVGPU/WidenBfloat16.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

namespace {

/// Writes one kernel. Its members are set when the code that computes them is written.
class PairEmitter : WarpgroupEmitter {
public:
  PairEmitter(kernel::PairOp op, const PairPlan &plan, KernelEmitter &e)
      : WarpgroupEmitter(e, plan.first.tensorCores), op(op), plan(plan), layout(plan.pipeline()),
        pipeline(*this, layout), walk(*this, plan.first.axes),
        feed(*this, op.prologue(), plan.feed(), plan.first.sourceBlocks, pipeline),
        ofMiddle(contractOf(*this, pipeline, layout.ofMiddle)),
        ofResult(contractOf(*this, pipeline, layout.ofResult)), middle(*ofMiddle), result(*ofResult),
        middleRegion(*this, middle, op.middle(), op.getMiddleType(), 0),
        epilogue(*this, result, op.epilogue(), op.getResultType(),
                 blockChannels * shape::product(plan.results)) {}

  void emit();

private:
  using Values = SmallVector<Value>;
  /// Does something at a frame, and carries values.
  using Step = function_ref<Values(Value frame, ValueRange carried)>;
  using Taps = function_ref<Values(ArrayRef<Value> tap, ValueRange carried)>;

  void placeBlock();
  void overFrames(ValueRange init, Step middle, Step result);
  Values overFirstTaps(ValueRange init, Taps body);
  Values overSecondTaps(Value frame, ValueRange init, Step body);
  /// Returns the first frame of the middle that a frame of results needs, and the one behind the last, as if
  /// the clip had no end.
  Value firstNeeded(Value frame) {
    return e.sub(e.mul(frame, plan.second.stride[0]), e.index(plan.second.padLow[0]));
  }
  Value endNeeded(Value frame) {
    Value reached = e.add(e.mul(frame, plan.second.stride[0]), plan.slots());
    return e.sub(reached, e.index(plan.second.padLow[0]));
  }

  FeedPlace placeOf(Value frame);
  Value copySource(Value frame, Value step, Value rawStep);
  void emitCopies();
  Values emitFirstWeights(ValueRange step);
  void emitSource();
  void emitConsumers();
  Values emitStage(Contract &contract, ValueRange carried, Value at, int64_t pitch, Value first);
  /// Returns the sums of all products that `body` begins from a step of the weights on, and the next step.
  /// They are number `number` of the sums that a consumer finishes.
  Values contractFrom(Contract &contract, Value step, Value number,
                      function_ref<Values(ValueRange carried)> body);
  Value emitMiddle(Value sourceAt, Value slotAt, Value step, Value number);
  Value emitResult(Value frame, Value step, Value number);

  Value slotOf(Value frame) {
    return e.add(e.index(layout.slots.at), e.mul(e.rem(frame, plan.slots()), plan.slotBytes()));
  }
  Value channelOf(Contract &contract, Value block) {
    return e.add(e.mul(block, blockChannels), contract.column());
  }
  void storeMiddle(ValueRange sums, Value chunk, Value slotAt);
  void storeResult(ValueRange sums, Value frame);
  void clearPadding();

  kernel::PairOp op;
  const PairPlan &plan;
  const PairPipeline layout;
  Pipeline pipeline;
  const Ring &source = pipeline.operands, &weights = pipeline.weights;
  HaloWalk walk;
  Feed feed;
  std::unique_ptr<Contract> ofMiddle, ofResult;
  Contract &middle, &result; // the products of the first conv, and of the second
  Epilogue middleRegion, epilogue;
  TilePlace place; // of the tile in a frame
  Value firstFrame, endFrame;
  Value consumerThread, group; // numbers among the consumers
};

//===-- The block's walk --------------------------------------------------===//

void PairEmitter::placeBlock() {
  Digits digits(e, e.firstBlock);
  for (int axis = 2; axis >= 1; --axis) {
    const HaloAxis &halo = plan.first.axes[axis];
    place.axes[axis].first = e.mul(digits.next(halo.tiles()), halo.tile);
    place.axes[axis].count = e.index(plan.results[axis]);
    place.axes[axis].offset = e.index(0);
  }
  firstFrame = e.mul(digits.next(plan.runs()), plan.tile.frames);
  endFrame = e.min(e.add(firstFrame, plan.tile.frames), e.index(plan.results[0]));
  place.n = digits.next(plan.first.clips);
}

/// Runs `result` for the results' frames in turn, each after `middle` for the frames of the middle that it is
/// the first to need.
void PairEmitter::overFrames(ValueRange init, Step middle, Step result) {
  Values carried(init);
  carried.push_back(e.max(e.index(0), firstNeeded(firstFrame)));
  e.loop(firstFrame, endFrame, 1, carried, [&](Value frame, ValueRange carried) {
    Value end = e.max(carried.back(), e.min(endNeeded(frame), e.index(plan.middleFrames)));
    auto made = e.loop(carried.back(), end, 1, carried.drop_back(), middle);
    auto next = result(frame, made);
    next.push_back(end);
    return next;
  });
}

PairEmitter::Values PairEmitter::overFirstTaps(ValueRange init, Taps body) {
  auto taps = op.getFirstWindow().getWindow().kernel;
  Value zero = e.index(0); // the tap along frames
  return walk.overTaps({e.index(taps[1]), e.index(taps[2])}, init, body, zero);
}

/// Runs the body for those taps of the second conv, at a frame of results, that fall on frames of the middle:
/// tap k falls on frame * stride + k * dilation - pad.
PairEmitter::Values PairEmitter::overSecondTaps(Value frame, ValueRange init, Step body) {
  int64_t dilation = plan.second.dilation[0];
  Value first = firstNeeded(frame);
  auto tapsBelow = [&](Value frames) { // counts the taps whose frame is below `frames`
    Value distance = e.max(e.index(0), e.sub(frames, first));
    return e.min(e.div(e.add(distance, dilation - 1), dilation), e.index(plan.second.kernel[0]));
  };
  return e.loop(tapsBelow(e.index(0)), tapsBelow(e.index(plan.middleFrames)), 1, init, body);
}

//===-- Producers ---------------------------------------------------------===//

FeedPlace PairEmitter::placeOf(Value frame) {
  TilePlace there = place;
  there.axes[0].first = frame;
  return walk.feedPlace(there);
}

/// Copies a frame of the source, which is number `step` of the block's. Returns the next step of the raw
/// ring.
Value PairEmitter::copySource(Value frame, Value step, Value rawStep) {
  return feed.copyStage(placeOf(frame), e.index(0), step, 0, rawStep);
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
        inThreadsOfWeights(*this, [&] {
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
  Value firstMiddle = e.max(zero, firstNeeded(firstFrame));
  Value endMiddle = e.min(endNeeded(e.sub(endFrame, e.index(1))), e.index(plan.middleFrames));
  // The loop carries the steps of the weights, of the source and of the raw ring.
  auto middle = [&](Value frame, ValueRange steps) -> Values {
    Value next = e.add(frame, 1), nextStep = e.add(steps[1], 1);
    Value rawStep = e.choose(
        less(next, endMiddle), {e.b.getIndexType()},
        [&] { return Values{copySource(next, nextStep, steps[2])}; }, [&] { return Values{steps[2]}; })[0];
    return {emitFirstWeights({steps[0]})[0], nextStep, rawStep};
  };
  Values init = {zero, zero};
  init.push_back(feed.copyFirst(placeOf(firstMiddle), zero));
  overFrames(init, middle, [&](Value frame, ValueRange steps) -> Values {
    Values next = overSecondTaps(frame, {steps[0]}, [&](Value tap, ValueRange step) {
      return e.loop(zero, e.index(plan.chunks()), 1, step, [&](Value chunk, ValueRange step) -> Values {
        inThreadsOfWeights(*this, [&] {
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
  if (feed.plan.copiesDoAll())
    return;
  Value thread = pipeline.stagingThread();
  FeedPositions positions = feed.positionsOf(placeOf(e.index(0)), thread); // the same in all frames
  auto middle = [&](Value, ValueRange steps) -> Values {
    Value rawStep = source.fill(
        steps[0], [&] { return feed.fill(positions, e.index(0), source.stageAt(steps[0]), steps[1]); });
    return {e.add(steps[0], 1), rawStep};
  };
  overFrames({e.index(0), e.index(0)}, middle, [](Value, ValueRange steps) { return Values(steps); });
}

//===-- Products ----------------------------------------------------------===//

/// Begins the products of one stage of weights with rows from `at` on, whose channel blocks lie `pitch`
/// positions apart, and leaves them under way. Those of the step before end here, unless this is step `first`
/// of a sum. Carries the sums and the step.
PairEmitter::Values PairEmitter::emitStage(Contract &contract, ValueRange carried, Value at, int64_t pitch,
                                           Value first) {
  Value step = carried.back(), weightAt = weights.stageAt(step);
  Matrix rows = contract.matrix(at, pitch * positionBytes);
  Matrix weight = contract.weights(weightAt);
  contract.await(weights, step);
  auto next =
      contract.begin(carried.drop_back(), rows, ProductShape::rows * positionBytes, weight, plan.tile.depth);
  contract.follow(weights, step, first);
  next.push_back(e.add(step, 1));
  return next;
}

PairEmitter::Values PairEmitter::contractFrom(Contract &contract, Value step, Value number,
                                              function_ref<Values(ValueRange carried)> body) {
  Values carried = contract.zero(plan.first.rowTiles());
  carried.push_back(step);
  auto sums = body(carried);
  contract.finish(number, {{weights, e.sub(sums.back(), e.index(1)), less(step, sums.back())}});
  return sums;
}

/// Computes a frame of the middle, some channels after the others, into its slot; `number` sums were finished
/// before. Returns the next step of the weights.
Value PairEmitter::emitMiddle(Value sourceAt, Value slotAt, Value step, Value number) {
  const HaloPlan &first = plan.first;
  Value zero = e.index(0), firstRow = e.mul(group, ProductShape::rows * first.rowTiles() * positionBytes);
  int64_t chunkBytes = plan.tile.depth / blockChannels * first.pitch() * positionBytes;
  auto someChannels = [&](Value columns, ValueRange step) -> Values {
    auto chunkSums = [&](Value chunk, ValueRange carried) {
      Value chunkAt = e.add(e.add(sourceAt, e.mul(chunk, chunkBytes)), firstRow);
      return overFirstTaps(carried, [&](ArrayRef<Value> tap, ValueRange carried) {
        Value rowsAt = e.add(chunkAt, e.mul(walk.shiftOf(tap), positionBytes));
        return emitStage(middle, carried, rowsAt, first.pitch(), step[0]);
      });
    };
    auto sums = contractFrom(middle, step[0], e.add(number, columns), [&](ValueRange carried) {
      return e.loop(zero, e.index(first.chunks()), 1, carried, chunkSums);
    });
    storeMiddle(ArrayRef(sums).drop_back(), columns, slotAt);
    return {sums.back()};
  };
  return e.loop(zero, e.index(first.channelTiles()), 1, {step}, someChannels).front();
}

/// Computes a frame of results from the slots that its taps reach; `number` sums were finished before.
/// Returns the next step of the weights.
Value PairEmitter::emitResult(Value frame, Value step, Value number) {
  int64_t blockBytes = plan.positions() * positionBytes;
  Value firstRow = e.mul(group, ProductShape::rows * plan.first.rowTiles() * positionBytes);
  auto tapSums = [&](Value tap, ValueRange carried) {
    Value reached = e.add(e.mul(frame, plan.second.stride[0]), e.mul(tap, plan.second.dilation[0]));
    Value from = e.sub(reached, e.index(plan.second.padLow[0]));
    Value rowsAt = e.add(slotOf(from), firstRow);
    return e.loop(e.index(0), e.index(plan.chunks()), 1, carried, [&](Value chunk, ValueRange carried) {
      Value chunkAt = e.add(rowsAt, e.mul(chunk, plan.tile.depth / blockChannels * blockBytes));
      return emitStage(result, carried, chunkAt, plan.positions(), step);
    });
  };
  auto sums = contractFrom(result, step, number,
                           [&](ValueRange carried) { return overSecondTaps(frame, carried, tapSums); });
  storeResult(ArrayRef(sums).drop_back(), frame);
  return sums.back();
}

void PairEmitter::emitConsumers() {
  consumerThread = pipeline.consumerThread();
  group = e.div(consumerThread, warpgroup);
  clearPadding();
  // The loop carries the steps of the weights and of the source, and how many sums were finished.
  auto frameOfMiddle = [&](Value frame, ValueRange steps) -> Values {
    middle.await(source, steps[1]);
    Value next = emitMiddle(source.stageAt(steps[1]), slotOf(frame), steps[0], steps[2]);
    middle.free(source, steps[1]);
    fenceShared();
    meet(word(e.add(group, 1)), warpgroup);
    return {next, e.add(steps[1], 1), e.add(steps[2], plan.first.channelTiles())};
  };
  auto frameOfResult = [&](Value frame, ValueRange steps) -> Values {
    return {emitResult(frame, steps[0], steps[2]), steps[1], e.add(steps[2], 1)};
  };
  Value zero = e.index(0);
  overFrames({zero, zero, zero}, frameOfMiddle, frameOfResult);
}

//===-- Epilogues ---------------------------------------------------------===//

void PairEmitter::storeMiddle(ValueRange sums, Value chunk, Value slotAt) {
  int64_t groups = plan.tile.channels / blockChannels;
  SmallVector<Row> rows;
  for (size_t number = 0; number < sums.size() * Contract::rowsOfThread; ++number)
    rows.push_back({middle.position(consumerThread, number, sums.size(), ProductShape::rows), {}, {}, {}});
  Value firstBlock = e.mul(chunk, groups);
  auto store = [&](int64_t group, const Row &row, ArrayRef<Value> yielded) {
    Value blockAt = e.add(slotAt, e.mul(e.add(firstBlock, group), plan.positions() * positionBytes));
    Value at = e.add(e.add(blockAt, e.mul(row.position, positionBytes)), e.mul(middle.column(), 2));
    auto narrow = VectorType::get({2}, plan.first.operands.half);
    LLVM::StoreOp::create(e.b, e.loc, arith::TruncFOp::create(e.b, e.loc, narrow, yielded[0]), pointer(at),
                          4);
  };
  middleRegion.begin(groups, /*ahead=*/{}, place.n, channelOf(middle, firstBlock), rows);
  middleRegion.finish(sums, store);
  middle.release();
}

void PairEmitter::storeResult(ValueRange sums, Value frame) {
  SmallVector<Row> rows;
  for (size_t number = 0; number < sums.size() * Contract::rowsOfThread; ++number) {
    Value position = result.position(consumerThread, number, sums.size(), ProductShape::rows);
    Value plane = e.add(e.mul(e.mul(place.n, plan.resultBlocks), plan.results[0]), frame);
    rows.push_back(walk.rowOf(place, position, plane, result.column(), /*outermost=*/1));
    rows.back().result[0] = frame;
  }
  auto store = [&](int64_t group, const Row &row, ArrayRef<Value> yielded) {
    e.when(row.valid, [&] { epilogue.store(yielded[0], e.results[0], row, group); });
  };
  epilogue.begin(plan.resultBlocks, /*ahead=*/{}, place.n, channelOf(result, e.index(0)), rows);
  epilogue.finish(sums, store);
  result.release();
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
  widenInWords(*e.b.getInsertionBlock());
}

} // namespace

void kinema::nvidia::emitPair(kernel::PairOp op, KernelEmitter &e) {
  PairPlan plan = pairPlanOf(op);
  PairEmitter(op, plan, e).emit();
}

#include "compiler/Target/NVGPU/HaloConv.h"

#include "compiler/Target/NVGPU/AttachedMerge.h"
#include "compiler/Target/NVGPU/ChannelSums.h"
#include "compiler/Target/NVGPU/Contract.h"
#include "compiler/Target/NVGPU/Feed.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;
using kernel::Yield;

namespace {

/// Writes one kernel. Its members are set when the code that computes them is written.
class HaloConvEmitter : WarpgroupEmitter {
public:
  HaloConvEmitter(kernel::ConvOp op, const HaloPlan &plan, KernelEmitter &e)
      : WarpgroupEmitter(e), op(op), plan(plan),
        yield(cast<kernel::YieldOp>(op.getEpilogue().front().getTerminator())),
        layout(plan.pipeline()), pipeline(*this, layout),
        feed(*this, op.prologue(), plan.feed(), plan.neighbours == 1 ? plan.sourceBlocks : 1, pipeline),
        contract(*this, plan.tile.channels),
        sums(*this, plan.sums(), plan.tile.channels, plan.roles().consumerWarps(), layout.sums) {}

  void emit();

private:
  /// Says what the tile computes along one axis.
  struct AxisPlace {
    Value first;  // the tile's first result, counted within its phase
    Value count;  // how many results the phase has
    Value offset; // offset of the phase
    Value taps, firstTap, firstShift;
  };
  /// Says which clip and which results a tile has.
  struct TilePlace {
    Value n;
    std::array<AxisPlace, 3> axes;
  };
  /// A Row is one row of the accumulators.
  struct Row {
    Value valid;                 // whether it is a result
    std::array<Value, 3> result; // its coordinates, clamped to a result that exists
    Value at;                    // this thread's first pair of channels, in a tensor like the result
  };

  Value pick(Value phase, const HaloAxis &axis, int64_t HaloAxis::Phase::*field);
  void shareCluster();
  TilePlace placeOf(Value tile);
  FeedPlace feedPlace(const TilePlace &tile);

  /// Runs the body for each tile of the block, carrying values.
  SmallVector<Value> overTiles(ValueRange init, function_ref<SmallVector<Value>(ValueRange)> body);
  /// Runs the body for each tap of the tile's phase, carrying values.
  SmallVector<Value> overTaps(ValueRange init,
                              function_ref<SmallVector<Value>(ArrayRef<Value>, ValueRange)> body);

  void emitCopies();
  SmallVector<Value> emitCopiesOfStep(Value step, Value steps, ValueRange carried);
  SmallVector<Value> emitParts(Value step, Value from, Value to, Value rawStep);
  void emitWeightStage(Value chunk, ArrayRef<Value> tap, Value step);
  void emitSource();

  void emitConsumers();
  SmallVector<Value> emitAccumulators(Value sourceStep, Value weightStep);
  SmallVector<Value> emitChunk(Value sourceStep, Value first, ValueRange carried);
  SmallVector<Value> emitProducts(ValueRange accumulators, Value sourceAt, Value weightAt);
  void finishProducts(Value sourceStep, Value next, Value any);
  Value shiftOf(ArrayRef<Value> tap);

  /// Runs the epilogue of one tile. Returns how many positions the block has merged so far: `before` plus
  /// this tile's, where there are sums.
  Value emitEpilogue(ValueRange accumulators, Value before);
  Row rowOf(int64_t tile, int64_t half);
  int64_t groups() const { return plan.tile.channels / blockChannels; }
  /// Returns this thread's first channel of a group of 8 in the block's tile.
  Value channelOf(int64_t group) { return e.add(firstChannel, group * blockChannels); }
  /// Returns where this thread's pair of channels of a group and row lies in a tensor like the result.
  Value at(const Row &row, int64_t group) { return e.add(row.at, group * plan.resultPlane()); }
  Value epilogueOperand(const kernel::AccessOperand &operand, const Row &row, int64_t group);
  SmallVector<Value> epilogueOfGroup(int64_t group, ArrayRef<Row> rows, ValueRange accumulators,
                                     SmallVectorImpl<Value> *kept);
  void emitMoments(ArrayRef<Row> rows, ArrayRef<SmallVector<Value>> kept, Value before, Value count);
  Value resultsOfTile();
  void consumersMeet() { meet(consumersBarrier, plan.roles().consumerThreads()); }
  void storePartials(Value count);
  void emitMerge(kernel::FinalizeOp attached);

  int64_t stores() { return yield.countOf(Yield::Store); }
  int64_t squares() { return 1 + plan.plainSums; } // the number of the sum of squared distances

  static constexpr int64_t consumersBarrier = 1;

  kernel::ConvOp op;
  const HaloPlan &plan;
  kernel::YieldOp yield;
  const HaloPipeline layout;
  Pipeline pipeline;
  const Ring &source = pipeline.operands, &weights = pipeline.weights;
  Feed feed;
  Contract contract;
  ChannelSums sums;
  Value channelTile;
  TilePlace here;       // where the tile lies that is worked on
  Value consumerThread; // number among the consumers' threads
  Value firstRow;       // bytes from a tile's first position to that of this thread's warpgroup
  Value firstChannel;   // first channel of this thread's pair in the first group of the block's tile
};

//===-- The tile's place --------------------------------------------------===//

/// Returns the field of the phase with that number.
Value HaloConvEmitter::pick(Value phase, const HaloAxis &axis, int64_t HaloAxis::Phase::*field) {
  Value picked = e.index(axis.phases.back().*field);
  for (int64_t i = axis.phases.size() - 2; i >= 0; --i)
    if (axis.phases[i].*field != axis.phases.back().*field || axis.phases.size() > 2)
      picked = choose(e.equal(phase, i), e.index(axis.phases[i].*field), picked);
  return picked;
}

HaloConvEmitter::TilePlace HaloConvEmitter::placeOf(Value tile) {
  auto next = [rest = e.div(tile, plan.channelTiles()), this](int64_t size) mutable {
    Value part = e.rem(rest, size);
    rest = e.div(rest, size);
    return part;
  };
  TilePlace there;
  for (int axis = 2; axis >= 0; --axis)
    there.axes[axis].first = e.mul(next(plan.axes[axis].tiles()), plan.axes[axis].tile);
  for (int axis = 2; axis >= 0; --axis) {
    const HaloAxis &halo = plan.axes[axis];
    AxisPlace &place = there.axes[axis];
    Value phase = next(halo.phases.size());
    place.count = pick(phase, halo, &HaloAxis::Phase::count);
    place.offset = pick(phase, halo, &HaloAxis::Phase::offset);
    place.taps = pick(phase, halo, &HaloAxis::Phase::taps);
    place.firstTap = pick(phase, halo, &HaloAxis::Phase::firstTap);
    place.firstShift = pick(phase, halo, &HaloAxis::Phase::firstShift);
  }
  there.n = next(plan.clips);
  return there;
}

FeedPlace HaloConvEmitter::feedPlace(const TilePlace &tile) {
  FeedPlace place;
  place.n = tile.n;
  for (int axis = 0; axis < 3; ++axis) {
    place.first[axis] = tile.axes[axis].first;
    place.low[axis] = e.index(plan.axes[axis].low);
  }
  return place;
}

/// All tiles of a block have the same channels, so the block's place among them is computed once.
SmallVector<Value> HaloConvEmitter::overTiles(ValueRange init,
                                              function_ref<SmallVector<Value>(ValueRange)> body) {
  if (plan.tilesOfBlock() == 1) {
    here = placeOf(e.firstBlock);
    return body(init);
  }
  return e.loop(e.firstBlock, e.index(plan.tiles()), plan.grid(), init, [&](Value tile, ValueRange carried) {
    here = placeOf(tile);
    return body(carried);
  });
}

SmallVector<Value>
HaloConvEmitter::overTaps(ValueRange init,
                          function_ref<SmallVector<Value>(ArrayRef<Value>, ValueRange)> body) {
  Value zero = e.index(0);
  return e.loop(zero, here.axes[0].taps, 1, init, [&](Value t, ValueRange atT) {
    return e.loop(zero, here.axes[1].taps, 1, atT, [&](Value h, ValueRange atH) {
      return e.loop(zero, here.axes[2].taps, 1, atH,
                    [&](Value w, ValueRange carried) { return body({t, h, w}, carried); });
    });
  });
}

//===-- Producers ---------------------------------------------------------===//

/// One warp begins the copies of weights and of the source, whose steps are the chunks of its channels in all
/// tiles of the block. While the weights of one step go, tap by tap, the source's parts of the next step go
/// in between, so that neither waits long for the other. Neither waits for good: the parts of a step wait for
/// products of the steps before the last, whose weights have gone by then.
void HaloConvEmitter::emitCopies() {
  Value zero = e.index(0), tiles = e.index(1);
  if (plan.tilesOfBlock() > 1)
    tiles = e.div(e.sub(e.index(plan.tiles() + plan.grid() - 1), e.firstBlock), plan.grid());
  Value steps = e.mul(tiles, plan.chunks());
  Value rawStep = feed.copyFirst(feedPlace(placeOf(e.firstBlock)), zero);
  e.loop(zero, steps, 1, {zero, rawStep},
         [&](Value step, ValueRange carried) { return emitCopiesOfStep(step, steps, carried); });
}

/// Copies parts [from, to) of the source for a step. Returns the next step of the raw ring.
SmallVector<Value> HaloConvEmitter::emitParts(Value step, Value from, Value to, Value rawStep) {
  Value tile = e.add(e.firstBlock, e.mul(e.div(step, plan.chunks()), plan.grid()));
  FeedPlace place = feedPlace(placeOf(tile));
  Value firstBlock = e.mul(e.rem(step, plan.chunks()), plan.stagedBlocks());
  return e.loop(from, to, 1, {rawStep}, [&](Value part, ValueRange rawStep) -> SmallVector<Value> {
    if (plan.feed().direct())
      source.waitEmpty(step);
    return {feed.copy(place, firstBlock, part, step, 0, rawStep[0])};
  });
}

/// Copies the weights of a step and the source's parts of the next one. Carries the steps of the rings of
/// weights and of raw stages.
SmallVector<Value> HaloConvEmitter::emitCopiesOfStep(Value step, Value steps, ValueRange carried) {
  here = placeOf(e.add(e.firstBlock, e.mul(e.div(step, plan.chunks()), plan.grid())));
  Value chunk = e.rem(step, plan.chunks()), next = e.add(step, 1);
  Value parts = choose(less(next, steps), e.index(plan.feed().parts()), e.index(0));
  int64_t taps = 1; // at least
  for (const HaloAxis &axis : plan.axes) {
    int64_t fewest = axis.phases.front().taps;
    for (const HaloAxis::Phase &phase : axis.phases)
      fewest = std::min(fewest, phase.taps);
    taps *= std::max<int64_t>(fewest, 1);
  }
  int64_t partsOfTap = shape::ceilDiv(plan.feed().parts(), taps);
  auto sent = overTaps({carried[0], carried[1], e.index(0)}, [&](ArrayRef<Value> tap, ValueRange carried) {
    e.when(e.equal(e.thread, 0), [&] { emitWeightStage(chunk, tap, carried[0]); });
    Value end = e.min(e.add(carried[2], partsOfTap), parts);
    Value rawStep = emitParts(next, carried[2], end, carried[1]).front();
    return SmallVector<Value>{e.add(carried[0], 1), rawStep, end};
  });
  if (!plan.hasPhaseWithoutTaps())
    return {sent[0], sent[1]};
  return {sent[0], emitParts(next, sent[2], parts, sent[1]).front()};
}

void HaloConvEmitter::emitWeightStage(Value chunk, ArrayRef<Value> tap, Value step) {
  Value number = e.index(0);
  for (int axis = 0; axis < 3; ++axis) {
    Value k = e.add(here.axes[axis].firstTap, e.mul(tap[axis], plan.axes[axis].tapStep));
    number = e.add(e.mul(number, plan.kernel[axis]), k);
  }
  // Weights beyond the source's channels may be any numbers, since the staged source is zero there.
  TapsWeight weight{e.bufferOf(op.getWeightMutable()), plan.sourceBlocks, plan.resultBlocks * blockChannels};
  stageWeights(*this, weights, step, weight, number, chunk, plan.tile.depth,
               e.mul(channelTile, plan.tile.channels), plan.tile.channels);
}

/// Stages the source's halo, one chunk of channels after the other.
void HaloConvEmitter::emitSource() {
  Value thread = e.sub(e.thread, e.index(warp));
  overTiles({e.index(0), e.index(0)}, [&](ValueRange steps) {
    FeedPositions positions = feed.positionsOf(feedPlace(here), thread);
    return e.loop(e.index(0), e.index(plan.chunks()), 1, steps,
                  [&](Value chunk, ValueRange steps) -> SmallVector<Value> {
                    Value rawStep = source.fill(steps[0], [&] {
                      return feed.fill(positions, e.mul(chunk, plan.stagedBlocks()),
                                       source.stageAt(steps[0]), steps[1]);
                    });
                    return {e.add(steps[0], 1), rawStep};
                  });
  });
}

//===-- Consumers ---------------------------------------------------------===//

/// Returns by how many positions a tap shifts the halo.
Value HaloConvEmitter::shiftOf(ArrayRef<Value> tap) {
  Value plane = e.index(0), shift = e.index(0);
  for (int axis = 0; axis < 3; ++axis) {
    const HaloAxis &halo = plan.axes[axis];
    Value d = e.add(here.axes[axis].firstShift, e.mul(tap[axis], e.index(halo.shiftStep)));
    plane = e.add(e.mul(plane, halo.planes()), e.rem(d, halo.sourceStep));
    shift = e.add(e.mul(shift, halo.extent()), e.div(d, halo.sourceStep));
  }
  return e.add(e.mul(plane, plan.planePositions()), shift);
}

/// Runs all products of one stage of weights.
SmallVector<Value> HaloConvEmitter::emitProducts(ValueRange accumulators, Value sourceAt, Value weightAt) {
  Matrix source = contract.matrix(sourceAt, plan.blockStep() * positionBytes);
  Matrix weight = contract.matrix(weightAt, plan.tile.channels * positionBytes);
  auto sums = plan.oneStep() ? contract.none(plan.rowTiles()) : Contract::Sums(accumulators);
  return contract.begin(sums, source, plan.rowPitch() * positionBytes, weight, plan.tile.depth);
}

void HaloConvEmitter::emitConsumers() {
  consumerThread = pipeline.consumerThread();
  firstChannel = e.add(e.mul(channelTile, plan.tile.channels), contract.column());
  // The warp's threads get it from one, so that the compiler sees that descriptors are the same in all.
  firstRow =
      broadcast(e.mul(e.div(consumerThread, warpgroup), plan.rowTiles() * plan.rowPitch() * positionBytes));
  sums.begin(consumerThread);
  Value zero = e.index(0);
  // The loop carries, from the tiles before, the steps of the source and of the weights, and the positions.
  auto all = overTiles({zero, zero, zero}, [&](ValueRange before) -> SmallVector<Value> {
    SmallVector<Value> accumulators = emitAccumulators(before[0], before[1]);
    Value weightStep = accumulators.pop_back_val();
    Value positions = emitEpilogue(accumulators, before[2]);
    return {e.add(before[0], plan.chunks()), weightStep, positions};
  });
  storePartials(all[2]);
  if (auto attached = op->getParentOfType<kernel::DefOp>().getAttached())
    emitMerge(attached);
}

/// Returns the accumulators of a tile, and the step of the weights after it.
SmallVector<Value> HaloConvEmitter::emitAccumulators(Value sourceStep, Value weightStep) {
  // A chunk's stages are freed by the step after it. Where a tile may have no taps, there may be none.
  bool finishes = plan.hasPhaseWithoutTaps();
  SmallVector<Value> init = contract.zero(plan.rowTiles());
  init.push_back(weightStep);
  auto sums = e.loop(e.index(0), e.index(plan.chunks()), 1, init, [&](Value chunk, ValueRange carried) {
    Value step = e.add(sourceStep, chunk), first = finishes ? carried.back() : weightStep;
    auto next = emitChunk(step, first, carried);
    if (finishes)
      finishProducts(step, next.back(), less(first, next.back()));
    return next;
  });
  if (!finishes)
    finishProducts(e.add(sourceStep, plan.chunks() - 1), sums.back(), {});
  return sums;
}

/// Contracts one chunk of channels, a tap after the other, each as soon as the one before is under way, and
/// leaves the last one under way. When step `first` of the weights begins, none is.
SmallVector<Value> HaloConvEmitter::emitChunk(Value sourceStep, Value first, ValueRange carried) {
  Value firstOfChunk = carried.back();
  source.waitFull(sourceStep);
  Value sourceAt = e.add(source.stageAt(sourceStep), firstRow);
  return overTaps(carried, [&](ArrayRef<Value> tap, ValueRange carried) {
    Value step = carried.back();
    weights.waitFull(step);
    auto sums = emitProducts(carried.drop_back(), e.add(sourceAt, e.mul(shiftOf(tap), positionBytes)),
                             weights.stageAt(step));
    sums.push_back(e.add(step, 1));
    if (plan.oneStep())
      return sums;
    Value follows = contract.follow(weights, step, first);
    if (plan.chunks() > 1 && !plan.hasPhaseWithoutTaps())
      source.free(e.sub(sourceStep, e.index(1)), e.both(follows, e.equal(e.sub(step, firstOfChunk), 0)));
    return sums;
  });
}

/// Waits for all products and frees the stages of the last ones: that of the source, and that of the weights
/// before step `next`, if `any` holds or is null. The wait brings a warp's threads together, so that all have
/// seen the source's stage full, even where they had no product of it.
void HaloConvEmitter::finishProducts(Value sourceStep, Value next, Value any) {
  contract.finish();
  weights.free(e.sub(next, e.index(1)), any);
  source.free(sourceStep);
}

//===-- Epilogue ----------------------------------------------------------===//

/// Returns row `half` (0 or 1) that this thread holds of its warpgroup's tile `tile`. A thread holds rows
/// lane / 4 and lane / 4 + 8 of its warp's 16, and of these the channels 2 * (lane % 4) and the next of every
/// 8.
HaloConvEmitter::Row HaloConvEmitter::rowOf(int64_t tile, int64_t half) {
  Value group = e.div(consumerThread, warpgroup);
  Value position = e.add(e.mul(e.add(e.mul(group, plan.rowTiles()), tile), plan.rowPitch()),
                         contract.row(consumerThread, half));
  Row row;
  row.valid = arith::ConstantIntOp::create(e.b, e.loc, 1, 1);
  row.at = e.add(e.mul(here.n, plan.resultBlocks), e.mul(channelTile, groups()));
  for (int axis = 2; axis >= 0; --axis) {
    const HaloAxis &halo = plan.axes[axis];
    Value inTile = axis == 0 ? position : e.rem(position, halo.extent());
    position = e.div(position, halo.extent());
    Value q = e.add(here.axes[axis].first, inTile);
    row.valid = e.both(row.valid, e.both(e.inRange(inTile, halo.tile), less(q, here.axes[axis].count)));
    row.result[axis] = e.add(e.mul(q, halo.resultStep), here.axes[axis].offset);
  }
  for (int axis = 0; axis < 3; ++axis) {
    row.result[axis] = choose(row.valid, row.result[axis], e.index(0));
    row.at = e.add(e.mul(row.at, plan.axes[axis].result), row.result[axis]);
  }
  row.at = e.add(e.mul(row.at, blockChannels), contract.column());
  return row;
}

/// Returns a pair of channels of an epilogue operand for one row.
Value HaloConvEmitter::epilogueOperand(const kernel::AccessOperand &operand, const Row &row, int64_t group) {
  if (operand.access == Access::Pixel)
    return e.loadVector(e.bufferOf(*operand.operand), at(row, group), 2);
  return e.loadAccess(operand, op.getResultType(),
                      {here.n, channelOf(group), row.result[0], row.result[1], row.result[2]}, 2);
}

/// Runs the epilogue on one group of channels of every row and stores its results. Returns the sums over this
/// thread's rows; `kept`, if there is any, receives the values that moments are taken of, one pair for each
/// row.
SmallVector<Value> HaloConvEmitter::epilogueOfGroup(int64_t group, ArrayRef<Row> rows,
                                                    ValueRange accumulators, SmallVectorImpl<Value> *kept) {
  Value noPair = e.constant(0.0f, e.vectorType(2));
  Value channels = existing(channelOf(group), 2, op.getResultType().getDimSize(1));
  SmallVector<Value> totals(plan.moments + plan.plainSums, noPair), vectors;
  for (kernel::AccessOperand operand : op.epilogue())
    vectors.push_back(operand.isByChannel() ? epilogueOperand(operand, rows.front(), group) : Value());
  for (auto [i, row] : llvm::enumerate(rows)) {
    SmallVector<Value> arguments = {contract.pair(accumulators[i / 2], i % 2, group)};
    for (auto [operand, vector] : llvm::zip_equal(op.epilogue(), vectors))
      arguments.push_back(vector ? vector : epilogueOperand(operand, row, group));
    auto yielded = e.inlineRegion(op.getEpilogue(), arguments);
    if (channels)
      for (Value &value : yielded)
        value = choose(channels, value, noPair);
    e.when(row.valid, [&] {
      for (int64_t store = 0; store < stores(); ++store)
        e.storeVector(yielded[store], e.results[store], at(row, group));
    });
    for (auto [total, value] : llvm::zip(totals, ArrayRef(yielded).drop_front(stores())))
      total = e.addf(total, choose(row.valid, value, noPair));
    if (kept)
      kept->push_back(yielded[stores()]);
  }
  return totals;
}

/// Returns how many positions of the tile are results.
Value HaloConvEmitter::resultsOfTile() {
  Value count = e.index(1);
  for (int axis = 0; axis < 3; ++axis)
    count = e.mul(count, e.max(e.index(0), e.min(e.index(plan.axes[axis].tile),
                                                 e.sub(here.axes[axis].count, here.axes[axis].first))));
  return count;
}

/// Computes, for each channel, the mean of the tile's results, whose sums are there, and the squared
/// distances from it, and merges both with those of the tiles before (Chan, Golub and LeVeque, 1983).
void HaloConvEmitter::emitMoments(ArrayRef<Row> rows, ArrayRef<SmallVector<Value>> kept, Value before,
                                  Value count) {
  Value one = e.index(1), divisor = e.toFloat(e.max(count, one));
  sums.forEachChannel([&](Value channel) {
    LLVM::StoreOp::create(e.b, e.loc, e.divf(sums.ofTile(0, channel), divisor), sums.place(0, channel), 4);
  });
  consumersMeet();
  Value pairAt = contract.column();
  for (int64_t group = 0; group < groups(); ++group) {
    Value mean = LLVM::LoadOp::create(e.b, e.loc, e.vectorType(2),
                                      sums.place(0, e.add(pairAt, group * blockChannels)), 8);
    Value sum = e.constant(0.0f, e.vectorType(2));
    for (auto [row, value] : llvm::zip(rows, kept[group])) {
      Value distance = e.subf(value, mean);
      sum = choose(row.valid, e.fma(distance, distance, sum), sum);
    }
    sums.add(squares(), group, sum);
  }
  sums.finish(squares());
  consumersMeet();
  Value share = e.divf(e.toFloat(count), e.toFloat(e.max(e.add(before, count), one)));
  Value weight = e.mulf(e.toFloat(before), share);
  sums.forEachChannel([&](Value channel) {
    Value mean = sums.total(0, channel);
    Value tileMean = LLVM::LoadOp::create(e.b, e.loc, e.b.getF32Type(), sums.place(0, channel), 4);
    Value distance = e.subf(tileMean, mean);
    Value around = e.addf(sums.total(squares(), channel), sums.ofTile(squares(), channel));
    sums.setTotal(e.fma(distance, share, mean), 0, channel);
    sums.setTotal(e.fma(e.mulf(distance, distance), weight, around), squares(), channel);
  });
}

Value HaloConvEmitter::emitEpilogue(ValueRange accumulators, Value before) {
  SmallVector<Row> rows;
  for (int64_t tile = 0; tile < plan.rowTiles(); ++tile)
    for (int64_t half = 0; half < 2; ++half)
      rows.push_back(rowOf(tile, half));
  SmallVector<SmallVector<Value>> kept(groups());
  for (int64_t group = 0; group < groups(); ++group) {
    auto totals = epilogueOfGroup(group, rows, accumulators, plan.moments ? &kept[group] : nullptr);
    for (auto [sum, total] : llvm::enumerate(totals))
      sums.add(sum, group, total);
  }
  for (int64_t sum = 0; sum < plan.moments + plan.plainSums; ++sum)
    sums.finish(sum);
  if (plan.sums() == 0)
    return before;
  consumersMeet();
  if (plan.plainSums)
    sums.forEachChannel([&](Value channel) {
      for (int64_t sum = plan.moments; sum < plan.moments + plan.plainSums; ++sum)
        sums.setTotal(e.addf(sums.total(sum, channel), sums.ofTile(sum, channel)), sum, channel);
    });
  Value count = resultsOfTile();
  if (plan.moments)
    emitMoments(rows, kept, before, count);
  consumersMeet(); // before the next tile's sums overwrite this one's
  return e.add(before, count);
}

/// Stores the sums of all the block's tiles in buffer[block, row, channel]; moments have the rows count, mean
/// and squares.
void HaloConvEmitter::storePartials(Value count) {
  int64_t channels = op.getResultType().getDimSize(1), columns = plan.resultBlocks * blockChannels;
  Value partial = e.div(e.firstBlock, plan.channelTiles());
  auto store = [&](SmallVector<Value> values, Value buffer, Value channel) {
    Value column = e.add(e.mul(channelTile, plan.tile.channels), channel);
    for (auto [row, value] : llvm::enumerate(values)) {
      if (channels % blockChannels)
        value = choose(e.inRange(column, channels), value, e.constant(0.0f));
      Value at = e.add(e.mul(partial, values.size()), row);
      e.store(value, buffer, e.add(e.mul(at, columns), column));
    }
  };
  if (plan.sums() > 0)
    sums.forEachChannel([&](Value channel) {
      if (plan.moments)
        store({e.toFloat(count), sums.total(0, channel), sums.total(squares(), channel)},
              e.results[stores()], channel);
      SmallVector<Value> plain;
      for (int64_t i = 0; i < plan.plainSums; ++i)
        plain.push_back(sums.total(plan.moments + i, channel));
      if (plan.plainSums)
        store(plain, e.results[stores() + plan.moments], channel);
    });
}

/// Lets the last block of those with the same channels merge the partials of them all.
void HaloConvEmitter::emitMerge(kernel::FinalizeOp attached) {
  AttachedMerge merge;
  merge.op = attached;
  ArrayRef<Value> inputs = ArrayRef(e.operands).drop_front(op->getNumOperands());
  merge.operands = {e.results[cast<OpResult>(attached.getPartials()).getResultNumber()]};
  llvm::append_range(merge.operands, inputs.drop_back());
  llvm::append_range(merge.results, ArrayRef(e.results).drop_front(op->getNumResults()));
  merge.counters = inputs.back();
  merge.counter = channelTile;
  merge.blocks = plan.partials();
  merge.firstChannel = e.mul(channelTile, plan.tile.channels);
  merge.channels = plan.tile.channels;
  merge.thread = consumerThread;
  merge.threads = plan.roles().consumerThreads();
  merge.barrier = consumersBarrier;
  merge.scratch = layout.operands.data;
  emitAttachedMerge(*this, merge);
}

//===-- The kernel --------------------------------------------------------===//

/// Numbers the blocks such that those of a cluster have the same channels, and tiles side by side.
void HaloConvEmitter::shareCluster() {
  int64_t cluster = plan.tile.cluster, together = plan.channelTiles();
  formClusters(cluster);
  Value number = e.div(e.firstBlock, cluster);
  Value share = e.add(e.mul(e.div(number, together), cluster), rankInCluster());
  e.firstBlock = e.add(e.mul(share, together), e.rem(number, together));
}

void HaloConvEmitter::emit() {
  if (plan.tile.cluster > 1)
    shareCluster();
  channelTile = e.rem(e.firstBlock, plan.channelTiles());
  feed.clearRaw();
  pipeline.run([&] { emitCopies(); }, [&] { emitSource(); }, [&] { emitConsumers(); });
}

} // namespace

void kinema::nvidia::emitHaloConv(kernel::ConvOp op, KernelEmitter &e) {
  HaloPlan plan = haloPlanOf(op);
  HaloConvEmitter(op, plan, e).emit();
}

#include "compiler/Target/NVGPU/HaloConv.h"

#include "compiler/Target/NVGPU/AttachedMerge.h"
#include "compiler/Target/NVGPU/ChannelSums.h"
#include "compiler/Target/NVGPU/HaloStage.h"

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
        yield(cast<kernel::YieldOp>(op.getEpilogue().front().getTerminator())) {}

  void emit();

private:
  /// Says what the tile computes along one axis.
  struct AxisPlace {
    Value first;  // the tile's first result, counted within its phase
    Value count;  // how many results the phase has
    Value offset; // offset of the phase
    Value taps, firstTap, firstShift;
  };
  /// A Row is one row of the accumulators.
  struct Row {
    Value valid;                 // whether it is a result
    std::array<Value, 3> result; // its coordinates, clamped to a result that exists
    Value at;                    // this thread's first pair of channels, in a tensor like the result
  };

  Value pick(Value phase, const HaloAxis &axis, int64_t HaloAxis::Phase::*field);
  void layOut();
  void placeTile(Value tile);
  void initialiseBarriers();

  /// Runs the body for each tile of the block, carrying values.
  SmallVector<Value> overTiles(ValueRange init, function_ref<SmallVector<Value>(ValueRange)> body);
  /// Runs the body for each tap of the tile's phase, carrying values.
  SmallVector<Value> overTaps(ValueRange init,
                              function_ref<SmallVector<Value>(ArrayRef<Value>, ValueRange)> body);

  void emitWeights();
  SmallVector<Value> emitWeightsOfTile(ValueRange step);
  void emitWeightStage(Value chunk, ArrayRef<Value> tap, Value step);
  void emitSource();
  SmallVector<Value> emitSourceOfTile(ValueRange step);

  void emitConsumers();
  SmallVector<Value> emitAccumulators(Value sourceStep, Value weightStep);
  SmallVector<Value> emitProducts(ValueRange accumulators, Value sourceAt, Value weightAt);
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
  void consumersMeet() { meet(consumersBarrier, plan.consumers * warpgroup); }
  void storePartials(Value count);
  void emitMerge(kernel::FinalizeOp attached);

  int64_t stores() { return yield.countOf(Yield::Store); }
  int64_t moments() { return yield.countOf(Yield::Moments); } // 0 or 1
  int64_t plainSums() { return yield.countOf(Yield::Sum); }
  // Counts what is added up for each channel: the values that moments are taken of, whose sum becomes the
  // mean; the plain sums; and squared distances from the mean.
  int64_t sumCount() { return 2 * moments() + plainSums(); }
  int64_t squares() { return 1 + plainSums(); }

  static constexpr int64_t consumersBarrier = 1;

  kernel::ConvOp op;
  const HaloPlan &plan;
  kernel::YieldOp yield;
  Ring source, weights;
  std::optional<ChannelSums> sums;
  Value n, channelTile;
  std::array<AxisPlace, 3> place;
  Value consumerThread; // number among the consumers' threads
  Value firstChannel;   // first channel of this thread's pair in the first group of the block's tile
};

//===-- Shared memory -----------------------------------------------------===//

void HaloConvEmitter::layOut() {
  int64_t at = 0;
  auto take = [&](int64_t bytes) { return std::exchange(at, at + bytes); };
  source.name = "the source";
  weights.name = "the weights";
  for (auto [ring, stages] : {std::pair{&source, plan.sourceStages()}, {&weights, plan.weightStages}}) {
    ring->stages = stages;
    ring->fullAt = take(8 * stages);
    ring->emptyAt = take(8 * stages);
  }
  at = shape::roundUp(at, 128);
  source.refilled = plan.stepsOfSource() > source.stages;
  source.stageBytes = plan.sourceStageBytes();
  weights.stageBytes = plan.weightStageBytes();
  source.dataAt = take(source.stages * source.stageBytes);
  weights.dataAt = take(weights.stages * weights.stageBytes);
  sums.emplace(static_cast<WarpgroupEmitter &>(*this), sumCount(), plan.tile.channels, plan.consumerWarps,
               at);
}

void HaloConvEmitter::initialiseBarriers() {
  e.when(e.equal(e.thread, 0), [&] {
    initialise(source, plan.producerThreads, plan.consumerWarps);
    initialise(weights, 1, plan.consumerWarps);
    initialised();
  });
  NVVM::BarrierOp::create(e.b, e.loc);
}

//===-- The tile's place --------------------------------------------------===//

/// Returns the field of the phase with that number.
Value HaloConvEmitter::pick(Value phase, const HaloAxis &axis, int64_t HaloAxis::Phase::*field) {
  Value picked = e.index(axis.phases.back().*field);
  for (int64_t i = axis.phases.size() - 2; i >= 0; --i)
    if (axis.phases[i].*field != axis.phases.back().*field || axis.phases.size() > 2)
      picked = choose(e.equal(phase, i), e.index(axis.phases[i].*field), picked);
  return picked;
}

void HaloConvEmitter::placeTile(Value tile) {
  auto next = [rest = e.div(tile, plan.channelTiles()), this](int64_t size) mutable {
    Value part = e.rem(rest, size);
    rest = e.div(rest, size);
    return part;
  };
  for (int axis = 2; axis >= 0; --axis)
    place[axis].first = e.mul(next(plan.axes[axis].tiles()), plan.axes[axis].tile);
  for (int axis = 2; axis >= 0; --axis) {
    const HaloAxis &halo = plan.axes[axis];
    Value phase = next(halo.phases.size());
    place[axis].count = pick(phase, halo, &HaloAxis::Phase::count);
    place[axis].offset = pick(phase, halo, &HaloAxis::Phase::offset);
    place[axis].taps = pick(phase, halo, &HaloAxis::Phase::taps);
    place[axis].firstTap = pick(phase, halo, &HaloAxis::Phase::firstTap);
    place[axis].firstShift = pick(phase, halo, &HaloAxis::Phase::firstShift);
  }
  n = next(plan.clips);
}

/// All tiles of a block have the same channels, so the block's place among them is computed once.
SmallVector<Value> HaloConvEmitter::overTiles(ValueRange init,
                                              function_ref<SmallVector<Value>(ValueRange)> body) {
  if (plan.tilesOfBlock() == 1) {
    placeTile(e.firstBlock);
    return body(init);
  }
  return e.loop(e.firstBlock, e.index(plan.tiles()), plan.grid(), init, [&](Value tile, ValueRange carried) {
    placeTile(tile);
    return body(carried);
  });
}

SmallVector<Value>
HaloConvEmitter::overTaps(ValueRange init,
                          function_ref<SmallVector<Value>(ArrayRef<Value>, ValueRange)> body) {
  Value zero = e.index(0);
  return e.loop(zero, place[0].taps, 1, init, [&](Value t, ValueRange atT) {
    return e.loop(zero, place[1].taps, 1, atT, [&](Value h, ValueRange atH) {
      return e.loop(zero, place[2].taps, 1, atH,
                    [&](Value w, ValueRange carried) { return body({t, h, w}, carried); });
    });
  });
}

//===-- Producers ---------------------------------------------------------===//

/// One thread copies, for each chunk of the source's channels, the weights of one tap after the other.
void HaloConvEmitter::emitWeights() {
  overTiles({e.index(0)}, [&](ValueRange step) { return emitWeightsOfTile(step); });
}

SmallVector<Value> HaloConvEmitter::emitWeightsOfTile(ValueRange step) {
  return e.loop(e.index(0), e.index(plan.chunks()), 1, step, [&](Value chunk, ValueRange step) {
    return overTaps(step, [&](ArrayRef<Value> tap, ValueRange step) -> SmallVector<Value> {
      emitWeightStage(chunk, tap, step[0]);
      return {e.add(step[0], 1)};
    });
  });
}

void HaloConvEmitter::emitWeightStage(Value chunk, ArrayRef<Value> tap, Value step) {
  Value number = e.index(0);
  for (int axis = 0; axis < 3; ++axis) {
    Value k = e.add(place[axis].firstTap, e.mul(tap[axis], plan.axes[axis].tapStep));
    number = e.add(e.mul(number, plan.kernel[axis]), k);
  }
  // Weights beyond the source's channels may be any numbers, since the staged source is zero there.
  TapsWeight weight{e.bufferOf(op.getWeightMutable()), plan.sourceBlocks, plan.resultBlocks * blockChannels};
  stageWeights(*this, weights, step, weight, number, chunk, plan.tile.depth,
               e.mul(channelTile, plan.tile.channels), plan.tile.channels);
}

void HaloConvEmitter::emitSource() {
  overTiles({e.index(0)}, [&](ValueRange step) { return emitSourceOfTile(step); });
}

/// Stages the source's halo, one chunk of channels after the other.
SmallVector<Value> HaloConvEmitter::emitSourceOfTile(ValueRange step) {
  SmallVector<StageAxis> axes;
  for (auto [axis, at] : llvm::zip(plan.axes, place))
    axes.push_back({axis.planes(), axis.extent(), axis.extent(), axis.stagedStep, e.index(axis.low),
                    axis.source, at.first});
  int64_t blocks = plan.stagedBlocks(), all = plan.neighbours == 1 ? plan.sourceBlocks : 1;
  StageSource staged{op.prologue(), all, plan.neighbours};
  Value first = e.sub(e.thread, e.index(warp));
  auto stageChunk = [&](Value chunk, ValueRange step) -> SmallVector<Value> {
    waitEmpty(source, step[0]);
    Value stage = stageOf(source, step[0]);
    stageHalo(*this, staged, axes, n, {e.mul(chunk, blocks), blocks, stageAt(source, stage), plan.pitch()},
              first, plan.producerThreads);
    fenceStores();
    arrive(full(source, stage));
    return {e.add(step[0], 1)};
  };
  return e.loop(e.index(0), e.index(plan.chunks()), 1, step, stageChunk);
}

//===-- Consumers ---------------------------------------------------------===//

/// Returns by how many positions a tap shifts the halo.
Value HaloConvEmitter::shiftOf(ArrayRef<Value> tap) {
  Value plane = e.index(0), shift = e.index(0);
  for (int axis = 0; axis < 3; ++axis) {
    const HaloAxis &halo = plan.axes[axis];
    Value d = e.add(place[axis].firstShift, e.mul(tap[axis], e.index(halo.shiftStep)));
    plane = e.add(e.mul(plane, halo.planes()), e.rem(d, halo.sourceStep));
    shift = e.add(e.mul(shift, halo.extent()), e.div(d, halo.sourceStep));
  }
  return e.add(e.mul(plane, plan.planePositions()), shift);
}

/// Runs all products of one stage of weights.
SmallVector<Value> HaloConvEmitter::emitProducts(ValueRange accumulators, Value sourceAt, Value weightAt) {
  int64_t sourceBlock = plan.blockStep() * positionBytes, weightBlock = plan.tile.channels * positionBytes;
  constexpr int64_t rows = 128; // bytes of 8 rows of 16 bytes
  SmallVector<Value> sums(accumulators);
  if (plan.oneStep())
    sums.assign(sums.size(), Value());
  beginProducts();
  for (int64_t k = 0; k < plan.tile.depth / 16; ++k)
    for (auto [tile, sum] : llvm::enumerate(sums)) {
      Value at = e.add(sourceAt, 2 * k * sourceBlock + int64_t(tile) * 64 * positionBytes);
      sum = product(sum, {at, sourceBlock, rows}, {e.add(weightAt, 2 * k * weightBlock), weightBlock, rows},
                    plan.tile.channels);
    }
  finishProducts();
  return sums;
}

void HaloConvEmitter::emitConsumers() {
  consumerThread = e.sub(e.thread, e.index(warpgroup));
  firstChannel = e.add(e.mul(channelTile, plan.tile.channels), e.mul(e.rem(lane(), 4), 2));
  sums->begin(consumerThread);
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
  Value group = e.div(consumerThread, warpgroup);
  Value leads = e.equal(lane(), 0); // each warp says for itself that it has read a stage
  Value firstRow = e.mul(group, 64 * plan.rowTiles() * positionBytes);
  SmallVector<Value> init(plan.rowTiles(), noSums(plan.tile.channels));
  init.push_back(weightStep);
  return e.loop(e.index(0), e.index(plan.chunks()), 1, init, [&](Value chunk, ValueRange carried) {
    Value step = e.add(sourceStep, chunk), stage = stageOf(source, step);
    waitFull(source, step);
    Value sourceAt = e.add(stageAt(source, stage), firstRow);
    auto next = overTaps(carried, [&](ArrayRef<Value> tap, ValueRange carried) {
      Value step = carried.back(), weightStage = stageOf(weights, step);
      waitFull(weights, step);
      auto sums = emitProducts(carried.drop_back(), e.add(sourceAt, e.mul(shiftOf(tap), positionBytes)),
                               stageAt(weights, weightStage));
      e.when(leads, [&] { arrive(empty(weights, weightStage)); });
      sums.push_back(e.add(step, 1));
      return sums;
    });
    if (!source.refilled)
      return next;
    // Without taps, no product has brought the warp's threads together, but all must have seen the stage
    // full.
    if (plan.hasPhaseWithoutTaps())
      NVVM::SyncWarpOp::create(e.b, e.loc, word(-1));
    e.when(leads, [&] { arrive(empty(source, stage)); });
    return next;
  });
}

//===-- Epilogue ----------------------------------------------------------===//

/// Returns row `half` (0 or 1) that this thread holds of its warpgroup's tile `tile`. A thread holds rows
/// lane / 4 and lane / 4 + 8 of its warp's 16, and of these the channels 2 * (lane % 4) and the next of every
/// 8.
HaloConvEmitter::Row HaloConvEmitter::rowOf(int64_t tile, int64_t half) {
  Value group = e.div(consumerThread, warpgroup), warpOfGroup = e.div(e.rem(consumerThread, warpgroup), warp);
  Value position = e.add(e.mul(e.add(e.mul(group, plan.rowTiles()), tile), 64),
                         e.add(e.add(e.mul(warpOfGroup, 16), e.div(lane(), 4)), 8 * half));
  Row row;
  row.valid = arith::ConstantIntOp::create(e.b, e.loc, 1, 1);
  row.at = e.add(e.mul(n, plan.resultBlocks), e.mul(channelTile, groups()));
  for (int axis = 2; axis >= 0; --axis) {
    const HaloAxis &halo = plan.axes[axis];
    Value inTile = axis == 0 ? position : e.rem(position, halo.extent());
    position = e.div(position, halo.extent());
    Value q = e.add(place[axis].first, inTile);
    row.valid = e.both(row.valid, e.both(e.inRange(inTile, halo.tile), less(q, place[axis].count)));
    row.result[axis] = e.add(e.mul(q, halo.resultStep), place[axis].offset);
  }
  for (int axis = 0; axis < 3; ++axis) {
    row.result[axis] = choose(row.valid, row.result[axis], e.index(0));
    row.at = e.add(e.mul(row.at, plan.axes[axis].result), row.result[axis]);
  }
  row.at = e.add(e.mul(row.at, blockChannels), e.mul(e.rem(lane(), 4), 2));
  return row;
}

/// Returns a pair of channels of an epilogue operand for one row.
Value HaloConvEmitter::epilogueOperand(const kernel::AccessOperand &operand, const Row &row, int64_t group) {
  if (operand.access == Access::Pixel)
    return e.loadVector(e.bufferOf(*operand.operand), at(row, group), 2);
  return e.loadAccess(operand, op.getResultType(),
                      {n, channelOf(group), row.result[0], row.result[1], row.result[2]}, 2);
}

/// Runs the epilogue on one group of channels of every row and stores its results. Returns the sums over this
/// thread's rows; `kept`, if there is any, receives the values that moments are taken of, one pair for each
/// row.
SmallVector<Value> HaloConvEmitter::epilogueOfGroup(int64_t group, ArrayRef<Row> rows,
                                                    ValueRange accumulators, SmallVectorImpl<Value> *kept) {
  Value noPair = e.constant(0.0f, e.vectorType(2));
  Value channels = existing(channelOf(group), 2, op.getResultType().getDimSize(1));
  SmallVector<Value> totals(moments() + plainSums(), noPair), vectors;
  for (kernel::AccessOperand operand : op.epilogue())
    vectors.push_back(operand.isByChannel() ? epilogueOperand(operand, rows.front(), group) : Value());
  for (auto [i, row] : llvm::enumerate(rows)) {
    SmallVector<Value> pair;
    for (int64_t channel = 0; channel < 2; ++channel)
      pair.push_back(LLVM::ExtractValueOp::create(
          e.b, e.loc, accumulators[i / 2], ArrayRef<int64_t>{4 * group + 2 * int64_t(i % 2) + channel}));
    SmallVector<Value> arguments = {vector::FromElementsOp::create(e.b, e.loc, e.vectorType(2), pair)};
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
                                                 e.sub(place[axis].count, place[axis].first))));
  return count;
}

/// Computes, for each channel, the mean of the tile's results, whose sums are there, and the squared
/// distances from it, and merges both with those of the tiles before (Chan, Golub and LeVeque, 1983).
void HaloConvEmitter::emitMoments(ArrayRef<Row> rows, ArrayRef<SmallVector<Value>> kept, Value before,
                                  Value count) {
  Value one = e.index(1), divisor = e.toFloat(e.max(count, one));
  sums->forEachChannel([&](Value channel) {
    LLVM::StoreOp::create(e.b, e.loc, e.divf(sums->ofTile(0, channel), divisor), sums->place(0, channel), 4);
  });
  consumersMeet();
  Value pairAt = e.mul(e.rem(lane(), 4), 2);
  for (int64_t group = 0; group < groups(); ++group) {
    Value mean = LLVM::LoadOp::create(e.b, e.loc, e.vectorType(2),
                                      sums->place(0, e.add(pairAt, group * blockChannels)), 8);
    Value sum = e.constant(0.0f, e.vectorType(2));
    for (auto [row, value] : llvm::zip(rows, kept[group])) {
      Value distance = e.subf(value, mean);
      sum = choose(row.valid, e.fma(distance, distance, sum), sum);
    }
    sums->add(squares(), group, sum);
  }
  sums->finish(squares());
  consumersMeet();
  Value share = e.divf(e.toFloat(count), e.toFloat(e.max(e.add(before, count), one)));
  Value weight = e.mulf(e.toFloat(before), share);
  sums->forEachChannel([&](Value channel) {
    Value mean = sums->total(0, channel);
    Value tileMean = LLVM::LoadOp::create(e.b, e.loc, e.b.getF32Type(), sums->place(0, channel), 4);
    Value distance = e.subf(tileMean, mean);
    Value around = e.addf(sums->total(squares(), channel), sums->ofTile(squares(), channel));
    sums->setTotal(e.fma(distance, share, mean), 0, channel);
    sums->setTotal(e.fma(e.mulf(distance, distance), weight, around), squares(), channel);
  });
}

Value HaloConvEmitter::emitEpilogue(ValueRange accumulators, Value before) {
  SmallVector<Row> rows;
  for (int64_t tile = 0; tile < plan.rowTiles(); ++tile)
    for (int64_t half = 0; half < 2; ++half)
      rows.push_back(rowOf(tile, half));
  SmallVector<SmallVector<Value>> kept(groups());
  for (int64_t group = 0; group < groups(); ++group) {
    auto totals = epilogueOfGroup(group, rows, accumulators, moments() ? &kept[group] : nullptr);
    for (auto [sum, total] : llvm::enumerate(totals))
      sums->add(sum, group, total);
  }
  for (int64_t sum = 0; sum < moments() + plainSums(); ++sum)
    sums->finish(sum);
  if (sumCount() == 0)
    return before;
  consumersMeet();
  if (plainSums())
    sums->forEachChannel([&](Value channel) {
      for (int64_t sum = moments(); sum < moments() + plainSums(); ++sum)
        sums->setTotal(e.addf(sums->total(sum, channel), sums->ofTile(sum, channel)), sum, channel);
    });
  Value count = resultsOfTile();
  if (moments())
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
  if (sumCount() > 0)
    sums->forEachChannel([&](Value channel) {
      if (moments())
        store({e.toFloat(count), sums->total(0, channel), sums->total(squares(), channel)},
              e.results[stores()], channel);
      SmallVector<Value> plain;
      for (int64_t i = 0; i < plainSums(); ++i)
        plain.push_back(sums->total(moments() + i, channel));
      if (plainSums())
        store(plain, e.results[stores() + moments()], channel);
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
  merge.threads = plan.consumers * warpgroup;
  merge.barrier = consumersBarrier;
  merge.scratchAt = source.dataAt;
  merge.scratchBytes = source.stages * source.stageBytes;
  emitAttachedMerge(*this, merge);
}

//===-- The kernel --------------------------------------------------------===//

void HaloConvEmitter::emit() {
  layOut();
  channelTile = e.rem(e.firstBlock, plan.channelTiles());
  initialiseBarriers();
  shareOut([&] { emitWeights(); }, [&] { emitSource(); }, [&] { emitConsumers(); });
}

} // namespace

void kinema::nvidia::emitHaloConv(kernel::ConvOp op, KernelEmitter &e) {
  HaloPlan plan = haloPlanOf(op);
  HaloConvEmitter(op, plan, e).emit();
}

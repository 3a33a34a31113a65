#include "compiler/Target/NVGPU/HaloConv.h"

#include "compiler/Target/NVGPU/AttachedMerge.h"
#include "compiler/Target/NVGPU/HaloWalk.h"
#include "compiler/Target/NVGPU/WidenBfloat16.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

namespace {

/// Writes one kernel. Its members are set when the code that computes them is written.
class HaloConvEmitter : WarpgroupEmitter {
public:
  HaloConvEmitter(kernel::ConvOp op, const HaloPlan &plan, KernelEmitter &e)
      : WarpgroupEmitter(e, plan.tensorCores), op(op), plan(plan), layout(plan.pipeline()),
        pipeline(*this, layout), walk(*this, plan.axes),
        feed(*this, op.prologue(), plan.feed(), plan.neighbours == 1 ? plan.sourceBlocks : 1, pipeline),
        contractOwner(contractOf(*this, pipeline, layout.products)), contract(*contractOwner),
        epilogueFeed(*this, op.epilogue(), plan.epilogueFeed(), plan.resultBlocks,
                     {plan.axes[0].result, plan.axes[1].result, plan.axes[2].result}, pipeline.epilogue),
        vectors(*this, op.epilogue(), op.getResultType(), plan.tile.channels, layout.vectors),
        epilogue(*this, contract, op.epilogue(), op.getResultType(), plan.resultPlane(), &vectors,
                 hasEpilogueFeed() ? &epilogueFeed : nullptr),
        sums(*this, contract,
             {plan.moments, plan.plainSums, plan.tile.channels, plan.roles(), consumersBarrier},
             layout.sums) {}

  void emit();

private:
  using Values = SmallVector<Value>;
  using Taps = function_ref<Values(ArrayRef<Value>, ValueRange)>;

  void shareCluster();
  TilePlace placeOf(Value tile);
  std::pair<Value, Value> placeAndPhase(Value tile);
  /// Returns the place of the tile that a step of the source belongs to.
  TilePlace placeOfStep(Value step);
  /// Runs the body for each tile of the block, carrying values.
  Values overTiles(ValueRange init, function_ref<Values(ValueRange)> body);
  /// Runs the body for each of the tiles that this thread's consumer has.
  Values overTilesOfConsumer(ValueRange init, function_ref<Values(Value tile, ValueRange)> body);
  /// Runs the body for each tap of the tile's phase, carrying values.
  Values overTaps(ValueRange init, Taps body) {
    return walk.overTaps({here.axes[0].taps, here.axes[1].taps, here.axes[2].taps}, init, body);
  }

  void emitSourceCopies();
  Values emitWeightsOfTile(ValueRange step);
  void emitWeightCopies();
  void emitCopiesInTurn();
  Values emitCopiesOfStep(Value step, Value steps, ValueRange carried);
  Value emitParts(Value step, Value from, Value to, Value rawStep);
  void emitWeightStage(Value chunk, ArrayRef<Value> tap, Value step);
  void emitSource();
  /// Returns the first of a chunk's blocks of the source.
  Value firstSourceBlock(Value chunk);

  void emitConsumers();
  void fillVectors();
  std::pair<Value, Value> stepsBeforeConsumer();
  Value stepsOf(Value tile);
  Values emitAccumulators(Value sourceStep, Value weightStep);
  Values emitChunk(Value sourceStep, Value first, ValueRange carried);
  Values emitProducts(ValueRange accumulators, Value sourceAt, Value weightAt);
  void finishProducts(Value sourceStep, Value next);
  int64_t channelBlocks() const { return plan.tile.channels / blockChannels; } // of a tile
  bool hasEpilogueFeed() const { return plan.tile.epilogueStages > 0; }
  /// Returns the step of the first part of what a tile's epilogue reads, by a step of the tile's source.
  Value epilogueStep(Value sourceStep) {
    return e.mul(e.div(sourceStep, plan.chunks()), epilogueFeed.plan.parts());
  }
  void emitEpilogueCopies(Value sourceStep);
  SmallVector<Row> rowsOfThread();
  void beginEpilogue(ArrayRef<Row> rows);
  Value emitEpilogue(ValueRange accumulators, ArrayRef<Row> rows, Value sourceStep, Value before);
  void emitMerge(kernel::FinalizeOp attached);

  static constexpr int64_t consumersBarrier = 1;

  kernel::ConvOp op;
  const HaloPlan &plan;
  const HaloPipeline layout;
  Pipeline pipeline;
  const Ring &source = pipeline.operands, &weights = pipeline.weights;
  HaloWalk walk;
  Feed feed;
  std::unique_ptr<Contract> contractOwner;
  Contract &contract;
  EpilogueFeed epilogueFeed;
  ChannelVectors vectors;
  Epilogue epilogue;
  EpilogueSums sums;
  Value channelTile;
  TilePlace here;       // where the tile lies that is worked on
  Value consumerThread; // number among the consumers' threads
  Value consumer;       // number of its warpgroup among the consumers, if these take turns
  Value firstRow;       // bytes from a tile's first position to that of this thread's warpgroup
  Value firstChannel;   // first channel of this thread's pair in the first group of the block's tile
};

//===-- The block's walk --------------------------------------------------===//

TilePlace HaloConvEmitter::placeOf(Value tile) {
  auto [number, phase] = placeAndPhase(e.div(tile, plan.channelTiles()));
  Digits places(e, number), phases(e, phase);
  TilePlace place = walk.placeOf(places, phases);
  place.n = places.next(plan.clips);
  return place;
}

/// Returns the numbers of a tile's place and phase, by its own among those of the same channels. A block has
/// all phases of a place one after the other: what they write lies in the same sectors of memory, which L2
/// then holds. The places that are left when all blocks have had as many are shared out phase by phase.
std::pair<Value, Value> HaloConvEmitter::placeAndPhase(Value tile) {
  int64_t phases = plan.phases(), blocks = plan.partials(), places = plan.positionTiles() / phases;
  if (phases == 1)
    return {tile, e.index(0)};
  int64_t rounds = places / blocks, left = places % blocks;
  Value round = e.div(tile, phases * blocks), inRound = e.rem(tile, phases * blocks);
  auto split = [&](int64_t width) { return std::pair(e.rem(inRound, width), e.div(inRound, width)); };
  auto [place, phase] = split(rounds > 0 ? blocks : left);
  if (rounds > 0 && left > 0) {
    Value whole = less(round, e.index(rounds));
    auto [placeOfLast, phaseOfLast] = split(left);
    place = choose(whole, place, placeOfLast);
    phase = choose(whole, phase, phaseOfLast);
  }
  return {e.add(e.mul(round, blocks), place), phase};
}

TilePlace HaloConvEmitter::placeOfStep(Value step) {
  return placeOf(e.add(e.firstBlock, e.mul(e.div(step, plan.chunks()), plan.grid())));
}

/// All tiles of a block have the same channels, so the block's place among them is computed once.
HaloConvEmitter::Values HaloConvEmitter::overTiles(ValueRange init, function_ref<Values(ValueRange)> body) {
  if (plan.tilesOfBlock() == 1) {
    here = placeOf(e.firstBlock);
    return body(init);
  }
  return e.loop(e.firstBlock, e.index(plan.tiles()), plan.grid(), init, [&](Value tile, ValueRange carried) {
    here = placeOf(tile);
    return body(carried);
  });
}

HaloConvEmitter::Values
HaloConvEmitter::overTilesOfConsumer(ValueRange init, function_ref<Values(Value tile, ValueRange)> body) {
  if (!plan.tile.turns)
    return overTiles(init, [&](ValueRange carried) { return body({}, carried); });
  Value first = e.add(e.firstBlock, e.mul(consumer, plan.grid()));
  int64_t step = consumersOfTurns * plan.grid();
  return e.loop(first, e.index(plan.tiles()), step, init, [&](Value tile, ValueRange carried) {
    here = placeOf(tile);
    return body(tile, carried);
  });
}

//===-- Producers ---------------------------------------------------------===//

/// All copying warps but the last one begin the copies of the source, one chunk of its channels after the
/// other. One thread of the first warp then begins those of what the tile's epilogue reads, which wait for
/// epilogues of tiles before; so the next tile's source is begun no sooner than these have ended.
void HaloConvEmitter::emitSourceCopies() {
  overTiles({e.index(0), e.index(0)}, [&](ValueRange steps) {
    FeedPlace place = walk.feedPlace(here);
    auto copy = [&](Value chunk, ValueRange steps) -> Values {
      Value rawStep = feed.copyStage(place, firstSourceBlock(chunk), steps[0], 0, steps[1]);
      return {e.add(steps[0], 1), rawStep};
    };
    auto after = e.loop(e.index(0), e.index(plan.chunks()), 1, steps, copy);
    if (hasEpilogueFeed())
      emitEpilogueCopies(steps[0]);
    return after;
  });
}

void HaloConvEmitter::emitEpilogueCopies(Value sourceStep) {
  auto begin = [&] {
    epilogueFeed.copy(here.n, e.mul(channelTile, channelBlocks()), walk.firstResult(here),
                      epilogueStep(sourceStep));
  };
  e.when(e.inRange(e.thread, warp), [&] { e.when(elected(), begin); });
}

/// One thread begins all copies of weights. Those that stay come for the first tile.
void HaloConvEmitter::emitWeightCopies() {
  auto copy = [&](ValueRange step) { return emitWeightsOfTile(step); };
  if (!plan.weightsStay()) {
    weights.drain(overTiles({e.index(0)}, copy).front());
    return;
  }
  here = placeOf(e.firstBlock);
  copy({e.index(0)});
}

/// Begins the copies of all taps for each chunk. Returns the next step of the weights.
HaloConvEmitter::Values HaloConvEmitter::emitWeightsOfTile(ValueRange step) {
  return e.loop(e.index(0), e.index(plan.chunks()), 1, step, [&](Value chunk, ValueRange step) {
    return overTaps(step, [&](ArrayRef<Value> tap, ValueRange step) -> Values {
      emitWeightStage(chunk, tap, step[0]);
      return {e.add(step[0], 1)};
    });
  });
}

/// The same warps begin the copies of weights and of the source, whose steps are the chunks of its channels
/// in all tiles of the block. While the weights of one step go, tap by tap, the source's parts of the next
/// step go in between, so that neither waits long for the other. Neither waits for good: the parts of a step
/// wait for products of the steps before the last, whose weights have gone by then.
void HaloConvEmitter::emitCopiesInTurn() {
  Value zero = e.index(0), tiles = e.index(1);
  if (plan.tilesOfBlock() > 1)
    tiles = e.div(e.sub(e.index(plan.tiles() + plan.grid() - 1), e.firstBlock), plan.grid());
  Value steps = e.mul(tiles, plan.chunks());
  Value rawStep = feed.copyFirst(walk.feedPlace(placeOf(e.firstBlock)), firstSourceBlock(zero));
  auto sent = e.loop(zero, steps, 1, {zero, rawStep},
                     [&](Value step, ValueRange carried) { return emitCopiesOfStep(step, steps, carried); });
  if (!plan.weightsStay())
    weights.drain(sent.front());
}

/// Copies parts [from, to) of the source for a step. Returns the next step of the raw ring.
Value HaloConvEmitter::emitParts(Value step, Value from, Value to, Value rawStep) {
  FeedPlace place = walk.feedPlace(placeOfStep(step));
  Value firstBlock = firstSourceBlock(e.rem(step, plan.chunks()));
  auto copyPart = [&](Value part, ValueRange rawStep) -> Values {
    return {feed.copy(place, firstBlock, part, step, 0, rawStep[0])};
  };
  return e.loop(from, to, 1, {rawStep}, copyPart).front();
}

/// Copies the weights of a step and the source's parts of the next one. Carries the steps of the rings of
/// weights and of raw stages.
HaloConvEmitter::Values HaloConvEmitter::emitCopiesOfStep(Value step, Value steps, ValueRange carried) {
  here = placeOfStep(step);
  Value chunk = e.rem(step, plan.chunks()), next = e.add(step, 1);
  Value parts = choose(less(next, steps), e.index(plan.feed().parts()), e.index(0));
  int64_t partsOfTap = shape::ceilDiv(plan.feed().parts(), plan.fewestSteps());
  auto sent = overTaps({carried[0], carried[1], e.index(0)}, [&](ArrayRef<Value> tap, ValueRange carried) {
    auto copyWeights = [&] { inThreadsOfWeights(*this, [&] { emitWeightStage(chunk, tap, carried[0]); }); };
    if (plan.weightsStay())
      e.when(less(step, e.index(plan.chunks())), copyWeights); // those of the first tile
    else
      copyWeights();
    Value end = e.min(e.add(carried[2], partsOfTap), parts);
    Value rawStep = emitParts(next, carried[2], end, carried[1]);
    return Values{e.add(carried[0], 1), rawStep, end};
  });
  return {sent[0], sent[1]};
}

void HaloConvEmitter::emitWeightStage(Value chunk, ArrayRef<Value> tap, Value step) {
  Value number = e.index(0);
  for (int axis = 0; axis < 3; ++axis) {
    Value k = e.add(here.axes[axis].firstTap, e.mul(tap[axis], plan.axes[axis].tapStep));
    number = e.add(e.mul(number, plan.kernel[axis]), k);
  }
  Value buffer = e.bufferOf(op.getWeightMutable()), channel = e.mul(channelTile, plan.tile.channels);
  int64_t termBytes = kernel::storedBytes(tensorOf(op.getWeight())) / plan.terms;
  auto [allBlocks, allColumns, blocks, columns] = plan.weightShare();
  TapsWeight weight{buffer, allBlocks, allColumns, {}, plan.terms, termBytes};
  if (plan.groups > 1 && !plan.forward) {
    weight.firstBlock = firstSourceBlock(e.index(0));
    channel = e.rem(channel, plan.groupChannels());
  }
  // Weights beyond the source's channels may be any numbers, since the staged source is zero there.
  stageWeights(*this, weights, step, weight, number, chunk, blocks * blockChannels, channel, columns);
}

Value HaloConvEmitter::firstSourceBlock(Value chunk) {
  Value block = e.mul(chunk, plan.stagedBlocks());
  if (plan.groups == 1)
    return block;
  Value group = e.div(e.mul(channelTile, plan.tile.channels), plan.groupChannels());
  return e.add(e.mul(group, plan.depthBlocks), block);
}

/// Stages the source's halo, one chunk of channels after the other.
void HaloConvEmitter::emitSource() {
  if (feed.plan.copiesDoAll())
    return;
  Value thread = pipeline.stagingThread();
  overTiles({e.index(0), e.index(0)}, [&](ValueRange steps) {
    FeedPositions positions = feed.positionsOf(walk.feedPlace(here), thread);
    auto stage = [&](Value chunk, ValueRange steps) -> Values {
      Value rawStep = source.fill(steps[0], [&] {
        return feed.fill(positions, firstSourceBlock(chunk), source.stageAt(steps[0]), steps[1]);
      });
      return {e.add(steps[0], 1), rawStep};
    };
    return e.loop(e.index(0), e.index(plan.chunks()), 1, steps, stage);
  });
}

//===-- Consumers ---------------------------------------------------------===//

void HaloConvEmitter::emitConsumers() {
  consumerThread = pipeline.consumerThread();
  if (plan.tile.turns)
    consumer = broadcast(e.div(consumerThread, warpgroup));
  firstChannel = e.add(e.mul(channelTile, plan.tile.channels), contract.column());
  // The warp's threads get it from one, so that the compiler sees that descriptors are the same in all.
  firstRow = e.index(0);
  if (!plan.tile.turns)
    firstRow =
        broadcast(e.mul(e.div(consumerThread, warpgroup), plan.rowTiles() * plan.rowPitch() * positionBytes));
  sums.begin(consumerThread);
  fillVectors();
  Value zero = e.index(0);
  auto [sourceStep, weightStep] = stepsBeforeConsumer();
  // The loop carries, from the tiles before, the steps of the source and of the weights, and the positions.
  // Weights that stay have the same steps in each tile. The first of these goes through a shuffle, so that
  // LLVM does not see that it is 0: it would take that step out of the loop, and ptxas would have products
  // wait for each other.
  Value ofStaying = plan.weightsStay() ? broadcast(zero) : Value();
  auto all =
      overTilesOfConsumer({sourceStep, weightStep, zero}, [&](Value tile, ValueRange before) -> Values {
        SmallVector<Row> rows = rowsOfThread();
        beginEpilogue(rows);
        Values accumulators = emitAccumulators(before[0], ofStaying ? ofStaying : before[1]);
        Value weightStep = accumulators.pop_back_val(), sourceStep = e.add(before[0], plan.chunks());
        Value positions = emitEpilogue(accumulators, rows, before[0], before[2]);
        if (plan.tile.turns) { // the next tile is the other consumer's
          sourceStep = e.add(sourceStep, plan.chunks());
          weightStep = e.add(weightStep, stepsOf(e.add(tile, plan.grid())));
        }
        return {sourceStep, weightStep, positions};
      });
  sums.store(ArrayRef(e.results).drop_front(plan.stores), e.div(e.firstBlock, plan.channelTiles()),
             channelTile, all[2], op.getResultType().getDimSize(1));
  if (auto attached = op->getParentOfType<kernel::DefOp>().getAttached())
    emitMerge(attached);
}

/// Loads what the epilogues of all tiles read by channel. Before they do, all consumers meet: here, or for
/// the moments of the first tile, which is the same for all unless they take turns.
void HaloConvEmitter::fillVectors() {
  if (plan.channelVectors == 0)
    return;
  int64_t threads = plan.roles().consumerThreads();
  vectors.fill(e.mul(channelTile, plan.tile.channels), consumerThread, threads);
  if (plan.moments == 0 || plan.tile.turns)
    meet(consumersBarrier, threads);
}

/// Returns the steps of the source and of the weights that the first consumer's first tile takes, if this
/// thread is of the second one.
std::pair<Value, Value> HaloConvEmitter::stepsBeforeConsumer() {
  Value zero = e.index(0);
  if (!plan.tile.turns)
    return {zero, zero};
  return {e.mul(consumer, plan.chunks()), e.mul(consumer, stepsOf(e.firstBlock))};
}

/// Returns the steps of the weights that a tile takes.
Value HaloConvEmitter::stepsOf(Value tile) {
  if (int64_t steps = plan.stepsOfTile())
    return e.index(steps);
  Value steps = e.index(plan.chunks());
  for (const TilePlace::Axis &axis : placeOf(tile).axes)
    steps = e.mul(steps, axis.taps);
  return steps;
}

/// Returns the accumulators of a tile, and the step of the weights after it.
HaloConvEmitter::Values HaloConvEmitter::emitAccumulators(Value sourceStep, Value weightStep) {
  Values init = contract.zero(plan.rowTiles() * plan.groupsOfTile());
  init.push_back(weightStep);
  if (plan.tile.turns)
    pipeline.turns.await(consumer, e.div(sourceStep, consumersOfTurns * plan.chunks()));
  auto sums = e.loop(e.index(0), e.index(plan.chunks()), 1, init, [&](Value chunk, ValueRange carried) {
    return emitChunk(e.add(sourceStep, chunk), weightStep, carried);
  });
  if (plan.tile.turns)
    pipeline.turns.pass(consumer);
  finishProducts(e.add(sourceStep, plan.chunks() - 1), sums.back());
  return sums;
}

/// Contracts one chunk of channels, a tap after the other, each as soon as the one before is under way, and
/// leaves the last one under way. When step `first` of the weights begins, none is.
HaloConvEmitter::Values HaloConvEmitter::emitChunk(Value sourceStep, Value first, ValueRange carried) {
  Value firstOfChunk = carried.back();
  contract.await(source, sourceStep);
  Value sourceAt = e.add(source.stageAt(sourceStep), firstRow);
  return overTaps(carried, [&](ArrayRef<Value> tap, ValueRange carried) {
    Value step = carried.back();
    contract.await(weights, step);
    Value rowsAt = e.add(sourceAt, e.mul(walk.shiftOf(tap, &here), positionBytes));
    auto sums = emitProducts(carried.drop_back(), rowsAt, weights.stageAt(step));
    sums.push_back(e.add(step, 1));
    if (plan.oneStep())
      return sums;
    Value follows = contract.follow(weights, step, first);
    if (plan.chunks() > 1)
      contract.free(source, e.sub(sourceStep, e.index(1)),
                    e.both(follows, e.equal(e.sub(step, firstOfChunk), 0)));
    return sums;
  });
}

/// Begins all products of one stage of weights.
HaloConvEmitter::Values HaloConvEmitter::emitProducts(ValueRange accumulators, Value sourceAt,
                                                      Value weightAt) {
  int64_t parts = plan.groupsOfTile(), blocksOfPart = plan.depthOfGroup() / blockChannels;
  Matrix rows = contract.matrix(sourceAt, plan.blockStep() * positionBytes);
  int64_t restOfWeight = 0;
  if (plan.terms > 1) {
    rows.rest = plan.sourceTermBytes();
    restOfWeight = plan.weightTermBytes();
  }
  auto sums = plan.oneStep() ? contract.none(plan.rowTiles() * parts) : Contract::Sums(accumulators);
  if (parts == 1) {
    Matrix weight = contract.weights(weightAt);
    weight.rest = restOfWeight;
    return contract.begin(sums, rows, plan.rowPitch() * positionBytes, weight, plan.tile.depth);
  }
  // Forward, a block has the columns of all groups side by side; else the groups follow one another.
  int64_t columnBytes = plan.channelsOfGroup() * positionBytes;
  int64_t blockBytes = plan.forward ? parts * columnBytes : columnBytes;
  int64_t partBytes = plan.forward ? columnBytes : blocksOfPart * columnBytes;
  Matrix weight = contract.matrix(weightAt, blockBytes);
  weight.rest = restOfWeight;
  SmallVector<Factors> factors;
  for (int64_t tile = 0; tile < plan.rowTiles(); ++tile)
    for (int64_t part = 0; part < parts; ++part) {
      int64_t rowBytes = tile * plan.rowPitch() + part * blocksOfPart * plan.blockStep();
      factors.push_back({rows.behind(rowBytes * positionBytes), weight.behind(part * partBytes)});
    }
  return contract.begin(sums, factors, plan.depthOfGroup());
}

/// Waits for all products and frees the stages of the last ones: that of the source, and that of the weights
/// before step `next`.
void HaloConvEmitter::finishProducts(Value sourceStep, Value next) {
  Value number = e.div(sourceStep, plan.chunks() * plan.roles().groupsOfConsumers());
  contract.finish(number, {{weights, e.sub(next, e.index(1))}, {source, sourceStep}});
}

//===-- Results -----------------------------------------------------------===//

/// Returns the rows of the tile's results that this thread holds.
SmallVector<Row> HaloConvEmitter::rowsOfThread() {
  SmallVector<Row> rows;
  for (int64_t number = 0; number < plan.rowTiles() * Contract::rowsOfThread; ++number) {
    Value thread = plan.tile.turns ? e.rem(consumerThread, warpgroup) : consumerThread;
    Value position = contract.position(thread, number, plan.rowTiles(), plan.rowPitch());
    Value block = e.add(e.mul(here.n, plan.resultBlocks), e.mul(channelTile, channelBlocks()));
    rows.push_back(walk.rowOf(here, position, block, contract.column()));
    if (hasEpilogueFeed())
      rows.back().fed = epilogueFeed.placeOf(walk.inTile(here, rows.back()));
  }
  return rows;
}

/// Begins the epilogue of a tile before its products: of memory, a thread waits long, so what it has
/// registers for is loaded then. What is read by channel of each clip lies near, and is loaded a few groups
/// before its turn; what a feed brings, one group before it.
void HaloConvEmitter::beginEpilogue(ArrayRef<Row> rows) {
  constexpr int64_t mostByChannel = 16; // registers
  int64_t byChannel = epilogue.registersByChannel();
  Epilogue::Ahead ahead = {.ofRows = plan.groupsAhead(), .byChannel = 0};
  int64_t left = std::max<int64_t>(0, plan.registersAhead() -
                                          ahead.ofRows * plan.registersOfRow() * int64_t(rows.size()));
  if (byChannel > 0)
    ahead.byChannel = std::min(left, mostByChannel) / byChannel;
  epilogue.begin(channelBlocks(), ahead, here.n, firstChannel, rows);
}

/// Runs the epilogue of the tile that begins with a step of the source. Returns how many positions the block
/// has merged so far: `before` plus this tile's, where there are sums.
Value HaloConvEmitter::emitEpilogue(ValueRange accumulators, ArrayRef<Row> rows, Value sourceStep,
                                    Value before) {
  auto take = [&](int64_t group, const Row &row, ArrayRef<Value> yielded) {
    e.when(row.valid, [&] {
      for (int64_t store = 0; store < plan.stores; ++store)
        epilogue.store(yielded[store], e.results[store], row, group);
    });
    sums.take(group, row, yielded.drop_front(plan.stores));
  };
  sums.beginTile(accumulators, before);
  epilogue.finish(
      accumulators, take, [&](int64_t group) { sums.finish(group); },
      hasEpilogueFeed() ? epilogueStep(sourceStep) : Value());
  contract.release();
  return sums.finishTile(before, [&] { return walk.resultsOf(here); });
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
  auto copy = [&] {
    if (!plan.copiesApart())
      return emitCopiesInTurn();
    auto copyWeights = [&] { e.when(elected(), [&] { emitWeightCopies(); }); };
    e.when(e.inRange(e.thread, plan.feed().copyingThreads()), [&] { emitSourceCopies(); }, copyWeights);
  };
  pipeline.run(copy, [&] { emitSource(); }, [&] { emitConsumers(); });
  widenInWords(*e.b.getInsertionBlock());
}

} // namespace

void kinema::nvidia::emitHaloConv(kernel::ConvOp op, KernelEmitter &e) {
  HaloPlan plan = haloPlanOf(op);
  HaloConvEmitter(op, plan, e).emit();
}

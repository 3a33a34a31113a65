#include "compiler/Target/NVGPU/Matmul.h"

#include "compiler/Target/NVGPU/Contract.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

namespace {

/// Writes one kernel. Its members are set when the code that computes them is written.
class MatmulEmitter : WarpgroupEmitter {
public:
  MatmulEmitter(kernel::MatmulOp op, const MatmulPlan &plan, KernelEmitter &e)
      : WarpgroupEmitter(e, plan.tensorCores), op(op), plan(plan), tile(plan.tile), layout(plan.pipeline()),
        pipeline(*this, layout), contractOwner(contractOf(*this, pipeline, layout.products)),
        contract(*contractOwner) {}

  void emit();

private:
  /// Says which results a tile has.
  struct TilePlace {
    Value n, channelTile;
    Value firstPosition, firstBlock; // of the result: a position, and a channel block
  };
  /// Says what a lane copies to a stage.
  struct Copy {
    Value from, to, bytes; // number of the position in the tensor; bytes from the start of shared memory
  };

  TilePlace placeOf(Value number);
  /// Runs the body for each tile of the block, with its place and the steps of the ring before it.
  /// Returns the step behind the last one.
  Value overTiles(function_ref<void(const TilePlace &, Value firstStep)> body);

  void emitCopies();
  Copy copyOf(const MatmulSide &side, const TilePlace &place, Value firstKept, Value chunk, Value at);
  void clearMissing(const MatmulSide &side, Value at);
  void emitStage(const TilePlace &place, Value chunk, Value step);
  void copyRuns(const TilePlace &place, Value chunk, Value rightAt, Value leftAt, Value barrier);
  void copyPositions(const MatmulSide &side, OpOperand &operand, const TilePlace &place, Value firstKept,
                     Value chunk, Value at);

  void emitConsumers();
  SmallVector<Value> emitProducts(ValueRange sums, Value step);
  SmallVector<Value> accumulate(Value firstStep);
  void store(const TilePlace &place, ValueRange sums);
  void storeRows(const TilePlace &place, const Contract::Held &held);
  void storePair(const TilePlace &place, Value pair, Value at, int64_t group);

  kernel::MatmulOp op;
  const MatmulPlan &plan;
  const MatmulTile &tile;
  const MatmulPipeline layout;
  Pipeline pipeline;
  std::unique_ptr<Contract> contractOwner;
  Contract &contract;
  const Ring &ring = pipeline.operands; // of the right side, whose kept are the products' rows, then the left
  Value consumerThread;                 // number among the consumers' threads
};

//===-- Tiles -------------------------------------------------------------===//

MatmulEmitter::TilePlace MatmulEmitter::placeOf(Value number) {
  Digits digits(e, number);
  TilePlace place;
  place.firstPosition = e.mul(digits.next(plan.positionTiles()), tile.positions);
  place.channelTile = digits.next(plan.channelTiles());
  place.firstBlock = e.mul(place.channelTile, plan.groups());
  place.n = digits.last();
  return place;
}

Value MatmulEmitter::overTiles(function_ref<void(const TilePlace &, Value firstStep)> body) {
  if (plan.tilesOfBlock() == 1) {
    body(placeOf(e.firstBlock), e.index(0));
    return e.index(plan.chunks());
  }
  auto tile = [&](Value number, ValueRange step) -> SmallVector<Value> {
    body(placeOf(number), step[0]);
    return {e.add(step[0], plan.chunks())};
  };
  return e.loop(e.firstBlock, e.index(plan.tiles()), plan.grid(), {e.index(0)}, tile).front();
}

//===-- Producers ---------------------------------------------------------===//

/// Returns what this lane copies of a side: a channel block of the tile. Beyond the tensor it has no bytes.
MatmulEmitter::Copy MatmulEmitter::copyOf(const MatmulSide &side, const TilePlace &place, Value firstKept,
                                          Value chunk, Value at) {
  Value contracted = e.mul(chunk, tile.depth);
  Value position = side.contractsChannels ? firstKept : contracted;
  Value block = e.add(e.div(side.contractsChannels ? contracted : firstKept, blockChannels), lane());
  Value exists = e.both(less(lane(), e.index(side.runs())), less(block, e.index(side.blocks)));
  Value run = e.max(e.index(0), e.min(e.index(side.run()), e.sub(e.index(side.positions), position)));
  Copy copy;
  copy.from = e.add(e.mul(e.add(e.mul(place.n, side.blocks), block), side.positions), position);
  copy.to = e.add(at, e.mul(lane(), side.run() * positionBytes));
  copy.bytes = e.mul(choose(exists, run, e.index(0)), positionBytes);
  return copy;
}

/// Writes zeros to what the last chunk has beyond the last contracted block or position.
void MatmulEmitter::clearMissing(const MatmulSide &side, Value at) {
  int64_t missing = side.missing(plan.chunks());
  if (missing == 0)
    return;
  auto clear = [&](Value position) { WarpgroupEmitter::clear(e.add(at, e.mul(position, positionBytes))); };
  int64_t all = side.stagedPositions();
  if (side.contractsChannels)
    return e.loop(e.add(lane(), all - missing * side.run()), e.index(all), warp, clear);
  e.loop(lane(), e.index(side.runs() * missing), warp, [&](Value number) {
    Value row = e.div(number, missing);
    clear(e.add(e.add(e.mul(row, side.run()), e.rem(number, missing)), side.run() - missing));
  });
}

/// Brings a chunk of both sides by copies of runs. The lanes of the warp share the copies; in a cluster, so
/// do the blocks those of the left side, which each copies for all of them.
void MatmulEmitter::copyRuns(const TilePlace &place, Value chunk, Value rightAt, Value leftAt,
                             Value barrier) {
  if (plan.right.missing(plan.chunks()) || plan.left.missing(plan.chunks()))
    e.when(e.equal(chunk, plan.chunks() - 1), [&] {
      clearMissing(plan.right, rightAt);
      clearMissing(plan.left, leftAt);
      fenceShared();
    });
  Copy right = copyOf(plan.right, place, place.firstPosition, chunk, rightAt);
  Copy left = copyOf(plan.left, place, e.mul(place.channelTile, tile.channels), chunk, leftAt);
  arriveExpecting(barrier, word(e.add(right.bytes, left.bytes)));
  auto begin = [&](const Copy &copy, OpOperand &operand, Value condition, int64_t cluster) {
    Value any = less(e.index(0), copy.bytes);
    e.when(condition ? e.both(any, condition) : any, [&] {
      bulkCopy(pointer(copy.to), globalPointer(e.bufferOf(operand), copy.from, positionBytes),
               word(copy.bytes), barrier, cluster);
    });
  };
  begin(right, op.getRhsMutable(), {}, 1);
  Value mine;
  if (tile.cluster > 1)
    mine = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, e.rem(lane(), tile.cluster),
                                 rankInCluster());
  begin(left, op.getLhsMutable(), mine, tile.cluster);
}

/// Brings a chunk of a side position by position, which the copying threads share. Beyond the tensor they
/// write zeros.
void MatmulEmitter::copyPositions(const MatmulSide &side, OpOperand &operand, const TilePlace &place,
                                  Value firstKept, Value chunk, Value at) {
  Value contracted = e.mul(chunk, tile.depth);
  Value firstPosition = side.contractsChannels ? firstKept : contracted;
  Value firstBlock = e.div(side.contractsChannels ? contracted : firstKept, blockChannels);
  Value buffer = e.bufferOf(operand), all = e.index(side.stagedPositions());
  e.loop(e.thread, all, plan.roles().copyingThreads(), [&](Value number) {
    Value block = e.add(firstBlock, e.div(number, side.run()));
    Value position = e.add(firstPosition, e.rem(number, side.run()));
    Value exists = e.both(less(block, e.index(side.blocks)), less(position, e.index(side.positions)));
    Value from = e.add(e.mul(e.add(e.mul(place.n, side.blocks), block), side.positions), position);
    copyPosition(pointer(e.add(at, e.mul(number, positionBytes))),
                 globalPointer(buffer, choose(exists, from, e.index(0)), positionBytes), exists);
  });
}

void MatmulEmitter::emitStage(const TilePlace &place, Value chunk, Value step) {
  ring.waitEmpty(step);
  Value barrier = ring.full(step), rightAt = ring.stageAt(step);
  Value leftAt = e.add(rightAt, plan.right.bytes());
  if (!plan.copiesPositions())
    return copyRuns(place, chunk, rightAt, leftAt, barrier);
  copyPositions(plan.right, op.getRhsMutable(), place, place.firstPosition, chunk, rightAt);
  copyPositions(plan.left, op.getLhsMutable(), place, e.mul(place.channelTile, tile.channels), chunk, leftAt);
  arriveWithCopies(barrier);
}

void MatmulEmitter::emitCopies() {
  Value steps = overTiles([&](const TilePlace &place, Value firstStep) {
    e.loop(plan.chunks(), [&](Value chunk) { emitStage(place, chunk, e.add(firstStep, chunk)); });
  });
  ring.drain(steps);
}

//===-- Consumers ---------------------------------------------------------===//

/// Runs the products of one stage and leaves them under way.
SmallVector<Value> MatmulEmitter::emitProducts(ValueRange accumulators, Value step) {
  contract.await(ring, step);
  Value at = ring.stageAt(step);
  // The warp's threads get it from one, so that the compiler sees that descriptors are the same in all.
  Value group = broadcast(e.div(consumerThread, warpgroup));
  const MatmulSide &r = plan.right, &l = plan.left;
  Value rowsAt = e.add(at, e.mul(group, plan.rowTiles() * r.rowTileBytes()));
  Matrix right = contract.matrix(rowsAt, r.leading(), r.stride(), r.contractsChannels);
  Matrix left = contract.matrix(e.add(at, r.bytes()), l.leading(), l.stride(), l.contractsChannels);
  auto sums = plan.chunks() == 1 ? contract.none(plan.rowTiles()) : Contract::Sums(accumulators);
  return contract.begin(sums, right, r.rowTileBytes(), left, tile.depth);
}

/// Returns the accumulators of a tile. Each stage's products begin as soon as those of the one before are
/// under way, and then free the stage of these.
SmallVector<Value> MatmulEmitter::accumulate(Value firstStep) {
  SmallVector<Value> init = contract.zero(plan.rowTiles());
  auto sums = e.loop(e.index(0), e.index(plan.chunks()), 1, init, [&](Value chunk, ValueRange carried) {
    Value step = e.add(firstStep, chunk);
    auto next = emitProducts(carried, step);
    if (plan.chunks() > 1)
      contract.follow(ring, step, firstStep);
    return next;
  });
  contract.finish(e.div(firstStep, plan.chunks()), {{ring, e.add(firstStep, plan.chunks() - 1)}});
  return sums;
}

void MatmulEmitter::emitConsumers() {
  consumerThread = pipeline.consumerThread();
  overTiles([&](const TilePlace &place, Value firstStep) { store(place, accumulate(firstStep)); });
}

//===-- Results -----------------------------------------------------------===//

/// Stores the results, some groups of channels after the others.
void MatmulEmitter::store(const TilePlace &place, ValueRange sums) {
  for (int64_t group = 0; group < plan.groups();) {
    Contract::Held held =
        contract.hold(sums, 0, plan.rowTiles(), group, SumsPlan::groupsTogether(plan.rowTiles()));
    storeRows(place, held);
    group = held.first + held.groups;
  }
  contract.release();
}

/// Stores what is held of each row; the padding of channels gets zeros.
void MatmulEmitter::storeRows(const TilePlace &place, const Contract::Held &held) {
  for (int64_t row = 0; row < plan.rowTiles() * Contract::rowsOfThread; ++row) {
    Value inTile = contract.position(consumerThread, row, plan.rowTiles(), ProductShape::rows);
    Value position = e.add(place.firstPosition, inTile);
    Value plane = e.add(e.mul(place.n, plan.resultBlocks()), place.firstBlock);
    Value at = e.mul(e.add(e.mul(plane, plan.positions), position), blockChannels);
    Value pairAt = e.add(at, contract.column());
    e.when(less(position, e.index(plan.positions)), [&] {
      for (int64_t group = held.first; group < held.first + held.groups; ++group)
        storePair(place, contract.pair(held, row, group), pairAt, group);
    });
  }
}

/// Stores a pair of a group of channels, if there is such a group. `at` is the place of that of the tile's
/// first group.
void MatmulEmitter::storePair(const TilePlace &place, Value pair, Value at, int64_t group) {
  auto store = [&] {
    Value channel = e.add(e.mul(e.add(place.firstBlock, group), blockChannels), contract.column());
    e.storeVector(onlyExisting(pair, channel, plan.channels), e.results[0],
                  e.add(at, group * plan.positions * blockChannels));
  };
  if ((plan.channelTiles() - 1) * plan.groups() + group < plan.resultBlocks())
    store();
  else
    e.when(less(e.add(place.firstBlock, group), e.index(plan.resultBlocks())), store);
}

//===-- The kernel --------------------------------------------------------===//

void MatmulEmitter::emit() {
  formClusters(tile.cluster);
  pipeline.run([&] { emitCopies(); }, [] {}, [&] { emitConsumers(); });
}

} // namespace

void kinema::nvidia::emitMatmul(kernel::MatmulOp op, KernelEmitter &e) {
  MatmulPlan plan = matmulPlanOf(op);
  MatmulEmitter(op, plan, e).emit();
}

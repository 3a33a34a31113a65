#include "compiler/Target/CPU/ConvTile.h"

#include "compiler/Target/CPU/ConvPlan.h"
#include "compiler/Target/CPU/Epilogue.h"
#include "compiler/Target/CPU/Layouts.h"
#include "compiler/Target/CPU/Model.h"
#include "compiler/Target/Common/EvenSizes.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

static StagedOperand sourceOf(kernel::ConvOp op) { return {op.prologue()}; }

//===-- Schedule ----------------------------------------------------------===//

kernel::LayoutAttr kinema::cpu::convTileWeight(kernel::ConvOp op, const Machine &machine) {
  WeightBlocks blocks{machine.vector, kernel::channelBlock(op.getSourceType()),
                      op.getDirection() == kernel::Direction::Transposed};
  if (op.readsPoints())
    return winogradWeight(op.getContext(), blocks, op.getWinogradTile());
  if (factorsOf(op, machine, noTile) != Factors::Single)
    return interleavedWeight(op.getContext(), blocks);
  return blockedWeight(op.getContext(), /*rank=*/5, blocks);
}

static bool isSupported(kernel::ConvOp op, const Machine &machine) {
  int64_t lanes = machine.vector;
  StagedOperand source = sourceOf(op);
  if (op.getGroups() != 1 || !source.isSupported(lanes))
    return false;
  if (factorsOf(op, machine, op.getWinogradTile()) != Factors::Single && !source.isBFloat16())
    return false;
  return kernel::layoutOf(tensorOf(op.getWeight())) == convTileWeight(op, machine) &&
         hasVectorEpilogue(op, lanes);
}

static kernel::ScheduleAttr scheduleOf(kernel::ConvOp op, const ConvPlan &plan) {
  BlockShape block = {plan.cuts[0].size, plan.cuts[1].size, plan.cuts[2].size};
  return makeSchedule(op, {plan.grid(), plan.scratchBytes(), plan.cuts.count()},
                      ConvTileParameters{block, plan.parts.parts, plan.tile[1], plan.tile[0]});
}

kernel::ScheduleAttr kinema::cpu::convTileSchedule(kernel::ConvOp op, const Machine &machine,
                                                   BlockShape block, int64_t parts) {
  return scheduleOf(op, ConvPlan(op, machine, block, parts, op.getWinogradTile()));
}

static double cyclesOf(kernel::ConvOp op, const ConvPlan &plan) {
  return plan.cycles(op.getPrologueOperands().size(), op.getEpilogueOperands().size());
}

/// The plan that the op's schedule stands for.
static ConvPlan planOf(kernel::ConvOp op, const Machine &machine) {
  auto chosen = parametersOf<ConvTileParameters>(*op.getSchedule());
  return ConvPlan(op, machine, chosen.block, chosen.parts, chosen.tile());
}

double kinema::cpu::predictConvTile(kernel::ConvOp op, const Level &level) {
  return secondsOf(level.rates, cyclesOf(op, planOf(op, level.machine)));
}

/// The least that a block has along its axes.
static BlockShape smallestBlock(kernel::ConvOp op, const shape::Size3 &tile) {
  auto result = op.getResultType().getShape(); // [N, C, T, H, W]
  auto step = op.getGather().resultStep;
  return {1, std::min(std::max(step[0], tile[0]), result[2]),
          std::min(std::max(step[1], tile[1]), result[3])};
}

static int64_t channelGroups(kernel::ConvOp op, const Machine &machine) {
  return groupBlocks(shape::ceilDiv(op.getResultType().getDimSize(1), machine.vector)).count();
}

kernel::ScheduleAttr kinema::cpu::remakeConvTile(kernel::ConvOp op, const Level &level,
                                                 ScheduleParameters &parameters) {
  const Machine &machine = level.machine;
  if (!isSupported(op, machine))
    return {};
  constexpr int64_t mostPixels = 1 << 16;      // each has an entry in a table
  auto result = op.getResultType().getShape(); // [N, C, T, H, W]
  ConvTileParameters read;
  parameters.read(read);
  shape::Size3 tile = op.getWinogradTile();
  parameters.check(read.winogradFrames, tile[0], tile[0]);
  parameters.check(read.winograd, tile[1], tile[1]);
  BlockShape smallest = smallestBlock(op, tile), &block = read.block;
  parameters.check(block[0], 1, result[0]);
  parameters.check(block[1], smallest[1], result[2], smallest[1]);
  parameters.check(block[2], smallest[2], result[3], smallest[2]);
  parameters.check(read.parts, 1, channelGroups(op, machine));
  if (parameters.failed())
    return {};
  if (int64_t pixels = block[0] * block[1] * block[2] * result[4]; block != smallest && pixels > mostPixels) {
    parameters.fault() << "blocks have " << pixels << " positions, expected at most " << mostPixels;
    return {};
  }
  return scheduleOf(op, ConvPlan(op, machine, block, read.parts, tile));
}

SmallVector<Candidate> kinema::cpu::convTileCandidates(kernel::ConvOp op, const Level &level,
                                                       const shape::Size3 &tile) {
  const Machine &machine = level.machine;
  if (!isSupported(op, machine))
    return {};
  constexpr int64_t maxPixels = 4096;
  auto result = op.getResultType().getShape(); // [N, C, T, H, W]
  auto step = op.getGather().resultStep;
  Best best;
  auto consider = [&](BlockShape block, int64_t parts, int64_t mostPixels) {
    ConvPlan plan(op, machine, block, parts, tile);
    if (plan.blockPixels() <= mostPixels)
      best.consider(cyclesOf(op, plan), [&] { return scheduleOf(op, plan); });
  };
  int64_t frameStep = std::max(step[0], tile[0]), rowStep = std::max(step[1], tile[1]);
  consider(smallestBlock(op, tile), 1, std::numeric_limits<int64_t>::max());
  int64_t groups = channelGroups(op, machine);
  for (int64_t clips : evenSizes(result[0]))
    for (int64_t frames : evenSizes(result[2], frameStep))
      for (int64_t rows : evenSizes(result[3], rowStep))
        for (int64_t parts : partCounts(std::min<int64_t>(groups, 16)))
          consider({clips, frames, rows}, parts, maxPixels);
  return best.take(secondsOf(level.rates, 1));
}

//===-- Emission ----------------------------------------------------------===//

namespace {

/// Writes one kernel; the members are set as the code that computes them is written.
class ConvTileEmitter {
public:
  ConvTileEmitter(kernel::ConvOp op, const ConvPlan &plan, KernelEmitter &e)
      : op(op), plan(plan), e(e), lanes(plan.lanes), epilogue(op, e, plan.tileSize()) {}

  void emit();

private:
  void emitTables();
  void emitSource();
  void emitResultTiles(Value width);
  void emitContraction(Value firstBlock, Value width);
  void emitPass(Value point, Value pass, Value firstBlock, Value width);
  Value fieldOf(Value pass, int64_t field) {
    return loadIndex(e, passes, e.add(e.mul(pass, ConvPlan::passFields), field));
  }
  Value weightsOf(Value point, Value pass, Value firstBlock);
  Value weightsBehind(Value point, Value pass, Value firstBlock, Value width);
  // These are words of weights: of a source block of a result block, and of a whole one of these.
  int64_t sourceBlockWeights() const {
    return shape::product(winogradWindow(plan.kernel, plan.tile)) * plan.reduce * lanes;
  }
  int64_t resultBlockWeights() const { return plan.sourceBlocks * sourceBlockWeights(); }

  kernel::ConvOp op;
  const ConvPlan &plan;
  KernelEmitter &e;
  int64_t lanes;
  TileEpilogue epilogue;
  Value pixels, ranges, tapTable, passes; // tables
  int64_t passCount = 0, classCount = 0;
  Value partial;    // index of the block of positions
  BlockPlace place; // of the grid's block
};

void ConvTileEmitter::emitTables() {
  auto contents = plan.tables();
  std::string name = op->getParentOfType<kernel::DefOp>().getSymName().str();
  pixels = emitTable(e, name + "_pixels", contents.pixels);
  ranges = emitTable(e, name + "_ranges", contents.ranges);
  tapTable = emitTable(e, name + "_taps", contents.taps);
  passes = emitTable(e, name + "_passes", contents.passes);
  passCount = contents.passes.size() / ConvPlan::passFields;
  classCount = contents.classes;
}

void ConvTileEmitter::emitSource() {
  auto start = [&](int axis, Value at) {
    Value q = e.div(at, plan.gather.resultStep[axis]);
    return e.add(e.mul(q, plan.gather.sourceStep[axis]), plan.box.axes[axis].low);
  };
  StagedPart part{place.first[0],           place.size[0],           e.index(0), e.index(plan.sourceBlocks),
                  start(0, place.first[1]), start(1, place.first[2])};
  emitStage(e, sourceOf(op), plan.box, part, e.index(0));
  if (plan.hasPoints())
    emitWinogradTiles(e, WinogradInput::Source, plan.tile, plan.box, e.index(0), e.index(plan.operandAt()));
}

/// Makes the results of a group of `width` blocks from their products.
void ConvTileEmitter::emitResultTiles(Value width) {
  shape::Size3 tile = plan.tile, size = plan.tileSize(), tiles = plan.productSize();
  shape::Size3 strides = {size[1] * size[2] * lanes, size[2] * lanes, lanes}; // between results
  e.loop(e.index(0), width, 1, [&](Value block) {
    e.loop(plan.cuts[0].size * tiles[0], [&](Value frame) { // the clips follow each other
      e.loop(tiles[1], [&](Value line) {
        Value row = e.mul(e.add(e.mul(frame, tiles[1]), line), tiles[2] * lanes);
        Value from = e.add(e.mul(block, plan.productPixels() * lanes), row);
        Value to = e.add(e.mul(frame, tile[0] * strides[0]), e.mul(line, tile[1] * strides[1]));
        to = e.add(to, e.mul(block, plan.blockPixels() * lanes));
        callWinogradResult(e, tile,
                           {e.scratch, e.add(from, plan.productsAt()), e.index(lanes),
                            pointStrides(tile, plan.productStride())},
                           {e.scratch, e.add(to, plan.tileAt()), e.index(tile[2] * lanes), strides},
                           e.index(tiles[2]));
      });
    });
  });
}

/// Returns where a pass's weights of a result block begin, but for the taps before its own.
Value ConvTileEmitter::weightsOf(Value point, Value pass, Value firstBlock) {
  Value at = e.mul(firstBlock, resultBlockWeights());
  at = e.add(at, e.mul(fieldOf(pass, 3), sourceBlockWeights()));
  return e.add(at, e.mul(point, plan.resultBlocks * resultBlockWeights()));
}

/// Returns where the weights of the pass behind this one begin: in the same point, in the next one, or in the
/// next group of result blocks.
Value ConvTileEmitter::weightsBehind(Value point, Value pass, Value firstBlock, Value width) {
  auto isLast = [&](Value number, int64_t count) { return e.equal(number, count - 1); };
  auto choose = [&](Value condition, Value x, Value y) -> Value {
    return arith::SelectOp::create(e.b, e.loc, condition, x, y);
  };
  Value zero = e.index(0), endsPoint = isLast(pass, passCount);
  Value endsGroup = e.both(endsPoint, isLast(point, plan.points()));
  Value nextPass = choose(endsPoint, zero, e.add(pass, 1));
  Value nextPoint = choose(endsGroup, zero, choose(endsPoint, e.add(point, 1), point));
  Value nextBlock = choose(endsGroup, e.add(firstBlock, width), firstBlock);
  Value firstTap = loadIndex(e, tapTable, e.add(e.mul(fieldOf(nextPass, 1), 2), 1));
  return e.add(weightsOf(nextPoint, nextPass, nextBlock), firstTap);
}

/// One pass of the contraction at a point for a group of `width` result blocks.
void ConvTileEmitter::emitPass(Value point, Value pass, Value firstBlock, Value width) {
  auto get = [&](int64_t i) { return fieldOf(pass, i); };
  Value pixelClass = get(0), firstSource = get(3);
  Value range = e.mul(e.add(e.mul(place.variant, classCount), pixelClass), 2);
  const StagedBox &operand = plan.operand;
  ConvTile tile;
  tile.source = tile.tile = e.scratch;
  tile.weights = e.bufferOf(op.getWeightMutable());
  tile.pixels = pixels;
  tile.taps = tapTable;
  tile.sourceAt = e.add(e.add(e.mul(firstSource, operand.blockStride()), e.mul(point, plan.operandStride())),
                        plan.operandAt());
  tile.sourceBlockStride = e.index(operand.blockStride());
  tile.weightsAt = weightsOf(point, pass, firstBlock);
  tile.weightsBlockStride = e.index(sourceBlockWeights());
  tile.weightsGroupStride = e.index(resultBlockWeights());
  tile.tileAt = e.add(e.mul(point, plan.productStride()), plan.productsAt());
  tile.tileGroupStride = e.index(plan.productPixels() * lanes);
  tile.firstPixel = loadIndex(e, ranges, range);
  tile.pixelCount = loadIndex(e, ranges, e.add(range, 1));
  tile.firstTap = get(1);
  tile.tapCount = get(2);
  tile.channelBlocks = get(4);
  tile.accumulate = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, get(5), e.index(0));
  tile.aheadAt = weightsBehind(point, pass, firstBlock, width);
  // As many as this pass has, from where the next one begins: passes of a group have about the same.
  tile.aheadWords = e.mul(e.mul(tile.channelBlocks, tile.tapCount), plan.reduce * lanes);
  callForWidth(e, plan.groups, width,
               [&](int64_t blocks) { callConvTile(e, plan.factors, blocks, plan.depth, tile); });
}

//===-- Blocks ------------------------------------------------------------===//

/// All passes of a group of result blocks, then their epilogue.
void ConvTileEmitter::emitContraction(Value firstBlock, Value width) {
  e.loop(plan.points(), [&](Value point) {
    e.loop(passCount, [&](Value pass) { emitPass(point, pass, firstBlock, width); });
  });
  if (plan.hasPoints())
    emitResultTiles(width);
  e.loop(e.index(0), width, 1, [&](Value i) {
    Value tileAt = e.add(e.mul(i, plan.blockPixels() * lanes), plan.tileAt());
    epilogue.emit(place, partial, e.add(firstBlock, i), tileAt);
  });
}

void ConvTileEmitter::emit() {
  emitTables();
  // The parts of a block of positions follow each other and share what the first of them in this call has
  // staged.
  e.forEachBlock([&](Value block) {
    Value part = e.rem(block, plan.parts.parts);
    partial = e.div(block, plan.parts.parts);
    place = emitBlockPlace(e, plan.cuts, partial);
    auto isEqual = [&](Value x, Value y) {
      return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, x, y);
    };
    e.when(arith::OrIOp::create(e.b, e.loc, isEqual(part, e.index(0)), isEqual(block, e.firstBlock)),
           [&] { emitSource(); });
    auto [from, to] = emitShare(e, plan.parts, part);
    e.loop(from, to, 1, [&](Value group) {
      auto [firstBlock, width] = emitGroup(e, plan.groups, group);
      emitContraction(firstBlock, width);
    });
  });
}

} // namespace

void kinema::cpu::emitConvTile(kernel::ConvOp op, KernelEmitter &e) {
  ConvPlan plan = planOf(op, e.machine);
  ConvTileEmitter(op, plan, e).emit();
}

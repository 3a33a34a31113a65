#include "compiler/Target/CPU/WeightGradTile.h"

#include "compiler/Target/CPU/Blocks.h"
#include "compiler/Target/CPU/MicroKernels.h"
#include "compiler/Target/CPU/Stage.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;
using kernel::LayoutKind;

static StagedOperand gradientOf(kernel::WeightGradOp op) {
  return {op.getGradientOperands(), op.getGradientAccess(), op.getGradient(), op.getGradientType()};
}

static StagedOperand activationOf(kernel::WeightGradOp op) {
  return {op.getActivationOperands(), op.getActivationAccess(), op.getActivation(), op.getActivationType()};
}

//===-- Plan --------------------------------------------------------------===//

namespace {

struct WeightGradPlan {
  WeightGradPlan(kernel::WeightGradOp op, WeightGradParameters parameters);

  WeightGradParameters parameters;
  shape::Size3 kernel;
  BlockCuts pieces;   // of the gradient's positions
  BlockGroups groups; // of output blocks: register tiles
  int64_t outBlocks, inBlocks;
  int64_t reduce, depth; // channels of an input block, and how many of them are used
  shape::Gather gather;  // one phase
  StagedBox gradient, activation;

  int64_t grid() const { return parameters.partials * parameters.outGroups * parameters.inGroups; }
  int64_t blockWeights() const {
    return shape::product(kernel) * reduce * lanes;
  } // of a pair of channel blocks
  int64_t weights() const { return outBlocks * inBlocks * blockWeights(); }
  int64_t activationAt() const { return shape::roundUp(gradient.elements(), 16); }
  int64_t scratchBytes() const { return 4 * (activationAt() + activation.elements()); }
  double cost(int64_t gradientReads, int64_t activationReads) const;
};

WeightGradPlan::WeightGradPlan(kernel::WeightGradOp op, WeightGradParameters parameters)
    : parameters(parameters) {
  auto dz = op.getGradientType().getShape(), x = op.getActivationType().getShape();
  auto window = op.getWindow().getWindow();
  kernel = window.kernel;
  pieces = BlockCuts(dz, parameters.piece);
  outBlocks = shape::ceilDiv(dz[1], lanes);
  reduce = kernel::layoutOf(op.getActivationType()).getBlock();
  depth = std::min(x[1], reduce);
  inBlocks = shape::ceilDiv(x[1], reduce);
  groups = groupBlocks(outBlocks);
  gather = shape::gather(window, {x[2], x[3], x[4]}, {dz[2], dz[3], dz[4]}, shape::Direction::Forward);
  auto [clips, frames, rows] = parameters.piece;
  int64_t most = 0; // output blocks in a group of the grid
  for (int64_t g = 0; g < parameters.outGroups; ++g)
    most = std::max(most, groups.first(groups.count() * (g + 1) / parameters.outGroups) -
                              groups.first(groups.count() * g / parameters.outGroups));
  gradient = {clips, most, {StagedAxis{frames, 1, 0, 1}, {rows, 1, 0, 1}, {dz[4], 1, 0, 1}}, lanes};
  activation = {clips,
                shape::ceilDiv(inBlocks, parameters.inGroups),
                {stagedAxis(gather, 0, frames), stagedAxis(gather, 1, rows), stagedAxis(gather, 2, dz[4])},
                reduce};
}

/// Cycles over machines of 1 to 16 cores; rough.
double WeightGradPlan::cost(int64_t gradientReads, int64_t activationReads) const {
  double rows = pieces.rows(), pixels = rows * gradient.axes[2].extent;
  double tileBlocks = groups.threes ? 3 : groups.rest;
  double calls =
      double(gradient.blocks) / tileBlocks * activation.blocks * shape::product(kernel) * reduce / 4;
  double tile = pixels * 2 * tileBlocks + rows * 6 + 2 * 4 * tileBlocks + 20;
  constexpr double firstCache = 28 << 10, secondCache = 512 << 10;
  double activationPixels = double(activation.blockStride()) / reduce * activation.clips;
  if (32 * (pixels * tileBlocks + activationPixels) > firstCache)
    tile *= 1.05;
  double piece = calls * tile;
  piece += gradient.elements() / 8.0 * (2 + 2 * gradientReads);
  piece += double(activation.elements()) / reduce * (2 + 2 * activationReads);
  double partialBytes = 4.0 * blockWeights() * gradient.blocks * activation.blocks;
  piece += 2 * partialBytes / (partialBytes > secondCache ? 4 : 16);
  if (scratchBytes() > secondCache)
    piece *= 1.1;
  double perBlock = piece * shape::ceilDiv(pieces.count(), parameters.partials);
  double merge = 2.0 * 4 * weights() * parameters.partials / 4;
  return costOverMachines(grid(), [&](int64_t blocks) { return blocks * perBlock; }) + 5 * merge;
}

bool isSupported(kernel::WeightGradOp op) {
  auto gradient = gradientOf(op), activation = activationOf(op);
  auto layout = kernel::layoutOf(cast<RankedTensorType>(op.getResult().getType()));
  return op.getGroups() == 1 && gradient.isSupported() && activation.isSupported() &&
         gradient.width() == lanes && layout.getKind() == LayoutKind::Weight && layout.getBlock() == lanes &&
         layout.getReduce() == activation.width();
}

} // namespace

static kernel::ScheduleAttr scheduleOf(kernel::WeightGradOp op, const WeightGradPlan &plan) {
  Builder builder(op.getContext());
  const auto &p = plan.parameters;
  std::pair<StringRef, int64_t> values[] = {{"clips", p.piece[0]},       {"frames", p.piece[1]},
                                            {"rows", p.piece[2]},        {"partials", p.partials},
                                            {"out_groups", p.outGroups}, {"in_groups", p.inGroups}};
  SmallVector<NamedAttribute> parameters;
  for (auto [name, value] : values)
    parameters.push_back(builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
  return kernel::ScheduleAttr::get(op.getContext(), "cpu.wgrad_tile", plan.grid(), plan.scratchBytes(),
                                   builder.getDictionaryAttr(parameters));
}

kernel::ScheduleAttr kinema::cpu::weightGradTileSchedule(kernel::WeightGradOp op,
                                                         WeightGradParameters parameters) {
  return scheduleOf(op, WeightGradPlan(op, parameters));
}

std::optional<kernel::ScheduleAttr> kinema::cpu::scheduleWeightGradTile(kernel::WeightGradOp op) {
  if (!isSupported(op))
    return std::nullopt;
  constexpr int64_t mostPixels = 2048, mostPartials = 32, partialBytes = 64 << 20;
  auto dz = op.getGradientType().getShape(); // [N, O, T, H, W]
  std::optional<WeightGradPlan> best;
  double bestCost = 0;
  auto consider = [&](WeightGradParameters parameters) {
    WeightGradPlan plan(op, parameters);
    bool fits = parameters.partials <= plan.pieces.count() &&
                (parameters.partials == 1 || parameters.partials * plan.weights() * 4 <= partialBytes) &&
                plan.pieces.rows() * dz[4] <= mostPixels;
    if (best && !fits)
      return;
    double cost = plan.cost(op.getGradientOperands().size(), op.getActivationOperands().size());
    if (!best || cost < bestCost) {
      best = plan;
      bestCost = cost;
    }
  };
  WeightGradPlan smallest(op, {{1, 1, 1}, 1, 1, 1});
  consider(smallest.parameters);
  for (int64_t clips : evenSizes(dz[0]))
    for (int64_t frames : evenSizes(dz[2]))
      for (int64_t rows : evenSizes(dz[3]))
        for (int64_t partials : partCounts(std::min(dz[0] * dz[2] * dz[3], mostPartials)))
          for (int64_t outGroups : partCounts(std::min<int64_t>(smallest.groups.count(), 16)))
            for (int64_t inGroups : partCounts(std::min<int64_t>(smallest.inBlocks, 16)))
              consider({{clips, frames, rows}, partials, outGroups, inGroups});
  return scheduleOf(op, *best);
}

//===-- Emission ----------------------------------------------------------===//

namespace {

class WeightGradEmitter {
public:
  WeightGradEmitter(kernel::WeightGradOp op, const WeightGradPlan &plan, KernelEmitter &e)
      : op(op), plan(plan), e(e) {}

  void emit();

private:
  void emitTables();
  void emitPiece(Value piece);
  void emitTile(Value tile, Value inBlock);

  kernel::WeightGradOp op;
  const WeightGradPlan &plan;
  KernelEmitter &e;
  Value rows, ranges, taps; // tables
  // Of the grid's block:
  Value partial, firstOut, outCount;
  Range tiles, inBlocks, pieces;
  // Of the piece:
  BlockPlace place;
  Value accumulate;
};

void WeightGradEmitter::emitTables() {
  std::vector<int32_t> rowValues, rangeValues, tapValues;
  for (int64_t variant = 0; variant < BlockCuts::variants; ++variant) {
    BlockShape shape = plan.pieces.occurs(variant) ? plan.pieces.shapeOf(variant) : BlockShape{0, 0, 0};
    rangeValues.push_back(rowValues.size() / 2);
    rangeValues.push_back(shape[0] * shape[1] * shape[2]);
    for (int64_t n = 0; n < shape[0]; ++n)
      for (int64_t t = 0; t < shape[1]; ++t)
        for (int64_t h = 0; h < shape[2]; ++h) {
          rowValues.push_back(plan.gradient.resultAt(n, t, h));
          rowValues.push_back(plan.activation.resultAt(n, t, h));
        }
  }
  const auto &kernelTaps = plan.gather.phases.front().taps;
  for (auto [i, tap] : llvm::enumerate(kernelTaps)) {
    tapValues.push_back(plan.activation.tapShift(tap));
    tapValues.push_back(i * plan.reduce * lanes);
  }
  std::string name = op->getParentOfType<kernel::DefOp>().getSymName().str();
  rows = emitTable(e, name + "_rows", rowValues);
  ranges = emitTable(e, name + "_ranges", rangeValues);
  taps = emitTable(e, name + "_taps", tapValues);
}

/// All taps of one register tile of output blocks and one input block.
void WeightGradEmitter::emitTile(Value tile, Value inBlock) {
  auto [outBlock, width] = emitGroup(e, plan.groups, tile);
  Value range = e.mul(place.variant, 2);
  WeightGradTile t;
  t.activation = t.gradient = e.scratch;
  t.out = e.results[0];
  t.rows = rows;
  t.taps = taps;
  t.activationAt =
      e.add(e.mul(e.sub(inBlock, inBlocks.from), plan.activation.blockStride()), plan.activationAt());
  t.activationStep = e.index(plan.activation.axes[2].pitch * plan.reduce);
  t.gradientAt = e.mul(e.sub(outBlock, firstOut), plan.gradient.blockStride());
  t.gradientGroupStride = e.index(plan.gradient.blockStride());
  Value pair = e.add(e.mul(outBlock, plan.inBlocks), inBlock);
  t.outAt = e.add(e.mul(partial, plan.weights()), e.mul(pair, plan.blockWeights()));
  t.outGroupStride = e.index(plan.inBlocks * plan.blockWeights());
  t.firstRow = loadIndex(e, ranges, range);
  t.rowCount = loadIndex(e, ranges, e.add(range, 1));
  t.columns = e.index(plan.gradient.axes[2].extent);
  t.tapCount = e.index(shape::product(plan.kernel));
  t.accumulate = accumulate;
  callForWidth(e, plan.groups, width,
               [&](int64_t blocks) { callWeightGradTile(e, blocks, plan.reduce, plan.depth, t); });
}

void WeightGradEmitter::emitPiece(Value piece) {
  place = emitBlockPlace(e, plan.pieces, piece);
  accumulate = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, piece, pieces.from);
  emitStage(e, gradientOf(op), plan.gradient,
            {place.first[0], place.size[0], firstOut, outCount, place.first[1], place.first[2]}, e.index(0));
  auto start = [&](int axis) {
    return e.add(e.mul(place.first[axis + 1], plan.gather.sourceStep[axis]), plan.activation.axes[axis].low);
  };
  emitStage(
      e, activationOf(op), plan.activation,
      {place.first[0], place.size[0], inBlocks.from, e.sub(inBlocks.to, inBlocks.from), start(0), start(1)},
      e.index(plan.activationAt()));
  e.loop(tiles.from, tiles.to, 1, [&](Value tile) {
    e.loop(inBlocks.from, inBlocks.to, 1, [&](Value inBlock) { emitTile(tile, inBlock); });
  });
}

void WeightGradEmitter::emit() {
  emitTables();
  const auto &p = plan.parameters;
  e.forEachBlock([&](Value block) {
    inBlocks = emitShare(e, {plan.inBlocks, p.inGroups}, e.rem(block, p.inGroups));
    tiles = emitShare(e, {plan.groups.count(), p.outGroups}, e.rem(e.div(block, p.inGroups), p.outGroups));
    partial = e.div(block, p.inGroups * p.outGroups);
    pieces = emitShare(e, {plan.pieces.count(), p.partials}, partial);
    firstOut = emitGroup(e, plan.groups, tiles.from).first;
    outCount = e.sub(emitGroup(e, plan.groups, tiles.to).first, firstOut);
    e.loop(pieces.from, pieces.to, 1, [&](Value piece) { emitPiece(piece); });
  });
}

} // namespace

void kinema::cpu::emitWeightGradTile(kernel::WeightGradOp op, KernelEmitter &e) {
  auto s = *op.getSchedule();
  WeightGradPlan plan(op, {{s.getInt("clips"), s.getInt("frames"), s.getInt("rows")},
                           s.getInt("partials"),
                           s.getInt("out_groups"),
                           s.getInt("in_groups")});
  WeightGradEmitter(op, plan, e).emit();
}

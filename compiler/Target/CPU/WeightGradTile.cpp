#include "compiler/Target/CPU/WeightGradTile.h"

#include "compiler/Target/CPU/Blocks.h"
#include "compiler/Target/CPU/MatrixTile.h"
#include "compiler/Target/CPU/MicroKernels.h"
#include "compiler/Target/CPU/Model.h"
#include "compiler/Target/CPU/Stage.h"
#include "compiler/Target/CPU/Winograd.h"
#include "compiler/Target/Common/EvenSizes.h"
#include "compiler/Target/Common/Layouts.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

static StagedOperand gradientOf(kernel::WeightGradOp op) { return {op.gradient()}; }
static StagedOperand activationOf(kernel::WeightGradOp op) { return {op.activation()}; }

//===-- Plan --------------------------------------------------------------===//

namespace {

struct WeightGradPlan {
  WeightGradPlan(kernel::WeightGradOp op, const Machine &machine, WeightGradParameters wanted);
  /// Shares the same pieces out otherwise.
  void share(int64_t partials, int64_t outGroups, int64_t inGroups);

  Factors factors;
  int64_t lanes;    // lanes of a vector, and channels of a block of the gradient
  int64_t channels; // channels of the activation in a register tile
  WeightGradParameters parameters;
  shape::Size3 kernel;
  BlockCuts pieces;   // of the gradient's positions
  BlockGroups groups; // groups of output blocks: register tiles
  int64_t outBlocks, inBlocks;
  int64_t reduce, depth; // channels of an input block, and how many of them are used
  shape::Gather gather;  // one phase
  shape::Size3 activationSize;
  StagedBox gradient, activation;
  double pieceRows = 0; // rows of a piece's operand, for all taps together
  // The register tiles read these: the boxes, the turned activation where matrices are multiplied, or one
  // point of their Winograd tiles.
  StagedBox gradientOperand, activationOperand;

  int64_t grid() const { return parameters.partials * parameters.outGroups * parameters.inGroups; }
  shape::Size3 tile() const { return parameters.tile(); }
  int64_t points() const { return winogradProducts(tile()); }
  bool hasPoints() const { return points() > 1; }
  std::vector<shape::Tap> taps() const { return winogradTaps(gather.phases.front(), tile()); }
  /// Returns how many taps a point walks.
  int64_t tapCount() const { return shape::product(winogradWindow(kernel, tile())); }
  /// Returns the frames and rows of a piece's gradient that a tap takes to elements of the activation, where
  /// the piece's place is known; else all.
  std::vector<std::array<int64_t, 2>> rowsOf(const shape::Tap &tap, BlockShape piece) const;
  int64_t blockWeights() const {
    return shape::product(kernel) * reduce * lanes;
  } // of a pair of channel blocks
  int64_t weights() const { return outBlocks * inBlocks * blockWeights(); }

  TurnedBox turned() const { return TurnedBox(activation); }

  // In near memory lie the gradient, the activation, then their points (or the turned activation), then the
  // sums [point][out block][in block][tap].
  int64_t activationAt() const { return shape::roundUp(gradient.elements(), 16); }
  int64_t gradientPointsAt() const { return shape::roundUp(activationAt() + activation.elements(), 16); }
  int64_t gradientStride() const { return winogradStride(gradientOperand.elements()); }
  int64_t activationPointsAt() const { return gradientPointsAt() + points() * gradientStride(); }
  int64_t activationStride() const { return winogradStride(activationOperand.elements()); }
  int64_t sumsAt() const { return activationPointsAt() + points() * activationStride(); }
  int64_t sumsStride() const {
    return winogradStride(gradient.blocks * activation.blocks * tapCount() * reduce * lanes);
  }
  /// Returns the place of the activation's operand where there are no points.
  int64_t activationOperandAt() const {
    return factors == Factors::Matrices ? gradientPointsAt() : activationAt();
  }
  int64_t scratchBytes() const {
    return 4 * (hasPoints() ? sumsAt() + points() * sumsStride()
                            : activationOperandAt() + activationOperand.elements());
  }
  /// Over machines of several sizes (cyclesOverMachines); rough.
  double cycles(int64_t gradientReads, int64_t activationReads) const;
};

/// Returns what tiles multiply; Winograd's tiles are computed in f32.
Factors factorsOf(kernel::WeightGradOp op, const Machine &machine, const shape::Size3 &tile) {
  bool pairs = machine.multipliesPairs && tile == noTile && gradientOf(op).isBFloat16() &&
               activationOf(op).isBFloat16();
  bool fills = activationOf(op).width() == matrixRows;
  return !pairs ? Factors::Single : machine.multipliesMatrices && fills ? Factors::Matrices : Factors::Pairs;
}

WeightGradPlan::WeightGradPlan(kernel::WeightGradOp op, const Machine &machine, WeightGradParameters wanted)
    : factors(factorsOf(op, machine, wanted.tile())), lanes(machine.vector), parameters(wanted) {
  auto dz = op.getGradientType().getShape(), x = op.getActivationType().getShape();
  auto window = op.getWindow().getWindow();
  kernel = window.kernel;
  pieces = BlockCuts(dz, parameters.piece);
  outBlocks = shape::ceilDiv(dz[1], lanes);
  reduce = kernel::channelBlock(op.getActivationType());
  channels = factors == Factors::Matrices ? reduce : tileChannels(machine, reduce);
  depth = std::min(x[1], reduce);
  inBlocks = shape::ceilDiv(x[1], reduce);
  groups = groupBlocks(outBlocks);
  activationSize = {x[2], x[3], x[4]};
  gather = shape::gather(window, activationSize, {dz[2], dz[3], dz[4]}, shape::Direction::Forward);
  auto [clips, frames, rows] = parameters.piece;
  int64_t deep = shape::roundUp(frames, tile()[0]), down = shape::roundUp(rows, tile()[1]);
  int64_t across = shape::roundUp(dz[4], tile()[2]);
  gradient = {clips, 0, {StagedAxis{deep, 1, 0, 1}, {down, 1, 0, 1}, {across, 1, 0, 1}}, lanes};
  activation = {clips,
                0,
                {stagedAxis(gather, 0, deep), stagedAxis(gather, 1, down), stagedAxis(gather, 2, across)},
                reduce};
  if (factors != Factors::Single)
    gradient = gradient.inColumnPairs(across);
  if (factors == Factors::Pairs)
    activation = activation.inColumnPairs(across);
  for (const auto &tap : taps())
    pieceRows += clips * rowsOf(tap, parameters.piece).size();
  share(wanted.partials, wanted.outGroups, wanted.inGroups);
}

void WeightGradPlan::share(int64_t partials, int64_t outGroups, int64_t inGroups) {
  parameters.partials = partials;
  parameters.outGroups = outGroups;
  parameters.inGroups = inGroups;
  gradient.blocks = 0; // the most that any group of the grid has
  for (int64_t g = 0; g < outGroups; ++g)
    gradient.blocks = std::max(gradient.blocks, groups.first(groups.count() * (g + 1) / outGroups) -
                                                    groups.first(groups.count() * g / outGroups));
  activation.blocks = shape::ceilDiv(inBlocks, inGroups);
  gradientOperand = gradient;
  activationOperand = activation;
  if (factors == Factors::Matrices)
    activationOperand = turned().words;
  if (hasPoints()) {
    gradientOperand = winogradBox(WinogradInput::Gradient, tile(), gradient);
    activationOperand = winogradBox(WinogradInput::Source, tile(), activation);
  }
}

std::vector<std::array<int64_t, 2>> WeightGradPlan::rowsOf(const shape::Tap &tap, BlockShape piece) const {
  auto isInside = [&](int axis, int64_t result) {
    int64_t at = result * gather.sourceStep[axis] + tap.shift[axis];
    return pieces[axis + 1].count() > 1 || tile()[axis] > 1 || (at >= 0 && at < activationSize[axis]);
  };
  std::vector<std::array<int64_t, 2>> rows;
  for (int64_t t = 0; t < shape::ceilDiv(piece[1], tile()[0]); ++t)
    for (int64_t h = 0; h < shape::ceilDiv(piece[2], tile()[1]); ++h)
      if (isInside(0, t) && isInside(1, h))
        rows.push_back({t, h});
  return rows;
}

double WeightGradPlan::cycles(int64_t gradientReads, int64_t activationReads) const {
  double rows = pieceRows, columns = gradientOperand.axes[2].extent;
  double tileBlocks = groups.threes ? 3 : groups.rest;
  double calls = double(gradient.blocks) / tileBlocks * activation.blocks * reduce / channels * points();
  double sums = channels * tileBlocks;
  double rowCycles = columns * sums / 2 + 6;
  if (factors == Factors::Matrices) // a product waits for the one before where blocks are fewer than 3
    rowCycles = shape::ceilDiv(gradient.axes[2].extent, matrixRows) * matrixCycles(std::max(tileBlocks, 3.0));
  double callCycles = rows * rowCycles + (2 * sums + 20) * tapCount();
  constexpr double firstCache = 28 << 10, secondCache = 512 << 10;
  double activationPixels = double(activationOperand.blockStride()) / reduce * activation.clips;
  if (4 * lanes * (rows / tapCount() * columns * tileBlocks + activationPixels) > firstCache)
    callCycles *= 1.05;
  double piece = calls * callCycles;
  piece += gradient.elements() / double(lanes) * (2 + 2 * gradientReads);
  piece += double(activation.elements()) / reduce * (2 + 2 * activationReads);
  if (factors == Factors::Matrices) // turned: two loads, four shuffles, a store for each two pixels
    piece += double(activation.elements()) / reduce * 4;
  double pairs = double(gradient.blocks) * activation.blocks, transform = winogradCycles(tile());
  if (hasPoints())
    piece += (gradientOperand.elements() + activationOperand.elements()) / double(lanes) * transform;
  double sumBytes = 4.0 * (hasPoints() ? points() * sumsStride() : blockWeights() * pairs);
  piece += 2 * sumBytes / (sumBytes < secondCache ? 16 : hasPoints() ? 12 : 4);
  if (scratchBytes() > secondCache)
    piece *= 1.1;
  double perBlock = piece * shape::ceilDiv(pieces.count(), parameters.partials);
  if (hasPoints())
    perBlock += pairs * tapCount() * reduce * transform;
  double merge = 2.0 * 4 * weights() * parameters.partials / 4;
  return cyclesOverMachines(grid(), [&](int64_t blocks) { return blocks * perBlock; }) +
         cyclesOverMachines(merge);
}

bool takesTile(kernel::WeightGradOp op, int64_t lanes, const shape::Size3 &tile) {
  return kernel::winogradFits(op.getWindow().getWindow(), tile) && activationOf(op).width() == lanes;
}

bool isSupported(kernel::WeightGradOp op, int64_t lanes) {
  auto gradient = gradientOf(op), activation = activationOf(op);
  auto weight = weightBlocksOf(tensorOf(op.getResult()));
  return op.getGroups() == 1 && gradient.isSupported(lanes) && activation.isSupported(lanes) &&
         gradient.width() == lanes && weight == WeightBlocks{lanes, activation.width()};
}

} // namespace

static kernel::ScheduleAttr scheduleOf(kernel::WeightGradOp op, const WeightGradPlan &plan) {
  return makeSchedule(op, {plan.grid(), plan.scratchBytes()}, plan.parameters);
}

kernel::ScheduleAttr kinema::cpu::weightGradTileSchedule(kernel::WeightGradOp op, const Machine &machine,
                                                         WeightGradParameters parameters) {
  return scheduleOf(op, WeightGradPlan(op, machine, parameters));
}

/// Checks the tile among the parameters. One that is not possible becomes none.
static void checkTile(kernel::WeightGradOp op, int64_t lanes, ScheduleParameters &parameters,
                      WeightGradParameters &read) {
  auto checkAxis = [&](StringRef name, int64_t &results, const shape::Size3 &alone) {
    parameters.check(results, 1, takesTile(op, lanes, alone) ? 4 : 1);
    if (results == 3) {
      parameters.fault() << name << " is 3, expected 1, 2 or 4";
      results = 1;
    }
  };
  checkAxis("winograd", read.winograd, {1, 4, 4});
  checkAxis("winograd_frames", read.winogradFrames, {4, 1, 1});
}

kernel::ScheduleAttr kinema::cpu::remakeWeightGradTile(kernel::WeightGradOp op, const Level &level,
                                                       ScheduleParameters &parameters) {
  const Machine &machine = level.machine;
  if (!isSupported(op, machine.vector))
    return {};
  constexpr int64_t mostPixels = 1 << 16;    // each row has an entry in a table
  auto dz = op.getGradientType().getShape(); // [N, O, T, H, W]
  WeightGradParameters read;
  parameters.read(read);
  checkTile(op, machine.vector, parameters, read);
  int64_t frameStep = std::min(read.tile()[0], dz[2]), rowStep = std::min(read.tile()[1], dz[3]);
  parameters.check(read.piece[0], 1, dz[0]);
  parameters.check(read.piece[1], frameStep, dz[2], frameStep);
  parameters.check(read.piece[2], rowStep, dz[3], rowStep);
  if (parameters.failed())
    return {};
  WeightGradPlan plan(op, machine, {read.piece, 1, 1, 1, read.winograd, read.winogradFrames});
  parameters.check(read.partials, 1, plan.pieces.count());
  parameters.check(read.outGroups, 1, plan.groups.count());
  parameters.check(read.inGroups, 1, plan.inBlocks);
  plan.share(read.partials, read.outGroups, read.inGroups);
  if (int64_t pixels = plan.pieces.rows() * dz[4];
      plan.pieces.rows() > frameStep * rowStep && pixels > mostPixels)
    parameters.fault() << "pieces have " << pixels << " positions, expected at most " << mostPixels;
  return parameters.failed() ? kernel::ScheduleAttr() : scheduleOf(op, plan);
}

static double cyclesOf(kernel::WeightGradOp op, const WeightGradPlan &plan) {
  return plan.cycles(op.getGradientOperands().size(), op.getActivationOperands().size());
}

/// The plan that the op's schedule stands for.
static WeightGradPlan planOf(kernel::WeightGradOp op, const Machine &machine) {
  return WeightGradPlan(op, machine, parametersOf<WeightGradParameters>(*op.getSchedule()));
}

double kinema::cpu::predictWeightGradTile(kernel::WeightGradOp op, const Level &level) {
  return secondsOf(level.rates, cyclesOf(op, planOf(op, level.machine)));
}

SmallVector<Candidate> kinema::cpu::weightGradTileCandidates(kernel::WeightGradOp op, const Level &level,
                                                             const shape::Size3 &tile) {
  const Machine &machine = level.machine;
  constexpr int64_t mostPixels = 2048, mostPartials = 32, partialBytes = 64 << 20;
  auto dz = op.getGradientType().getShape(); // [N, O, T, H, W]
  Best best;
  auto consider = [&](const WeightGradPlan &plan) {
    best.consider(cyclesOf(op, plan), [&] { return scheduleOf(op, plan); });
  };
  WeightGradPlan smallest(op, machine, {{1, 1, 1}, 1, 1, 1});
  if (tile == noTile)
    consider(smallest);
  auto considerPiece = [&](BlockShape piece) {
    if (piece[0] * piece[1] * piece[2] * dz[4] > mostPixels)
      return;
    WeightGradPlan plan(op, machine, {piece, 1, 1, 1, tile[1], tile[0]});
    for (int64_t partials : partCounts(std::min(plan.pieces.count(), mostPartials)))
      for (int64_t outGroups : partCounts(std::min<int64_t>(smallest.groups.count(), 16)))
        for (int64_t inGroups : partCounts(std::min<int64_t>(smallest.inBlocks, 16))) {
          if (partials > 1 && partials * plan.weights() * 4 > partialBytes)
            continue;
          plan.share(partials, outGroups, inGroups);
          consider(plan);
        }
  };
  for (int64_t clips : evenSizes(dz[0]))
    for (int64_t frames : evenSizes(dz[2], tile[0]))
      for (int64_t rows : evenSizes(dz[3], tile[1]))
        considerPiece({clips, frames, rows});
  return best.take(secondsOf(level.rates, 1));
}

SmallVector<Candidate> kinema::cpu::weightGradTileCandidates(kernel::WeightGradOp op, const Level &level,
                                                             bool winograd) {
  int64_t lanes = level.machine.vector;
  if (!isSupported(op, lanes))
    return {};
  SmallVector<SmallVector<Candidate>> ways = {weightGradTileCandidates(op, level, noTile)};
  for (const shape::Size3 &tile : winogradTiles(op.getWindow().getWindow()))
    if (winograd && takesTile(op, lanes, tile))
      ways.push_back(weightGradTileCandidates(op, level, tile));
  return mixed(ways);
}

//===-- Emission ----------------------------------------------------------===//

namespace {

class WeightGradEmitter {
public:
  WeightGradEmitter(kernel::WeightGradOp op, const WeightGradPlan &plan, KernelEmitter &e)
      : op(op), plan(plan), e(e), lanes(plan.lanes) {}

  void emit();

private:
  void emitTables();
  void emitPiece(Value piece);
  void emitStages();
  void emitTile(Value point, Value tile, Value inBlock, Value tap);
  void emitSums();

  kernel::WeightGradOp op;
  const WeightGradPlan &plan;
  KernelEmitter &e;
  int64_t lanes;
  Value rows, ranges, taps; // tables
  // These are those of the grid's block.
  Value partial, firstOut, outCount;
  Interval tiles, inBlocks, pieces;
  // These are those of the piece.
  BlockPlace place;
  Value accumulate;
};

/// Writes tables with the rows that each tap walks, for each variant of a piece.
void WeightGradEmitter::emitTables() {
  std::vector<int32_t> rowValues, rangeValues, tapValues;
  bool matrices = plan.factors == Factors::Matrices; // matrices read the activation by bfloat16s
  for (int64_t variant = 0; variant < BlockCuts::variants; ++variant) {
    BlockShape shape = plan.pieces.occurs(variant) ? plan.pieces.shapeOf(variant) : BlockShape{0, 0, 0};
    for (const auto &tap : plan.taps()) {
      int64_t first = rowValues.size() / 2;
      for (int64_t n = 0; n < shape[0]; ++n)
        for (auto [t, h] : plan.rowsOf(tap, shape)) {
          rowValues.push_back(plan.gradientOperand.resultAt(n, t, h));
          rowValues.push_back(plan.activationOperand.resultAt(n, t, h) * (matrices ? 2 : 1));
        }
      rangeValues.push_back(first);
      rangeValues.push_back(rowValues.size() / 2 - first);
    }
  }
  for (auto [i, tap] : llvm::enumerate(plan.taps())) {
    tapValues.push_back(matrices ? plan.turned().tapShift(tap) : plan.activationOperand.tapShift(tap));
    tapValues.push_back(i * plan.reduce * lanes);
  }
  rowValues.insert(rowValues.end(), 2, 0); // the table must not be empty
  std::string name = op->getParentOfType<kernel::DefOp>().getSymName().str();
  rows = emitTable(e, name + "_rows", rowValues);
  ranges = emitTable(e, name + "_ranges", rangeValues);
  taps = emitTable(e, name + "_taps", tapValues);
}

/// Adds the product of a tap at a point, for one register tile of output blocks and one input block.
void WeightGradEmitter::emitTile(Value point, Value tile, Value inBlock, Value tap) {
  auto [outBlock, width] = emitGroup(e, plan.groups, tile);
  int64_t tapCount = plan.taps().size();
  bool direct = !plan.hasPoints();
  Value range = e.mul(e.add(e.mul(place.variant, tapCount), tap), 2);
  Value inLocal = e.sub(inBlock, inBlocks.from), outLocal = e.sub(outBlock, firstOut);
  WeightGradTile t;
  t.activation = t.gradient = e.scratch;
  t.rows = rows;
  t.activationAt = e.add(e.mul(inLocal, plan.activationOperand.blockStride()),
                         direct ? e.index(plan.activationOperandAt())
                                : e.add(e.mul(point, plan.activationStride()), plan.activationPointsAt()));
  if (plan.factors == Factors::Matrices)
    t.activationAt = e.mul(t.activationAt, 2);
  t.activationAt = e.add(t.activationAt, loadIndex(e, taps, e.mul(tap, 2)));
  t.activationStep = e.index(plan.activationOperand.axes[2].pitch * plan.reduce);
  t.gradientAt = e.mul(outLocal, plan.gradientOperand.blockStride());
  if (!direct)
    t.gradientAt = e.add(t.gradientAt, e.add(e.mul(point, plan.gradientStride()), plan.gradientPointsAt()));
  t.gradientGroupStride = e.index(plan.gradientOperand.blockStride());
  int64_t blockSums = tapCount * plan.reduce * lanes;
  if (direct) {
    t.out = e.results[0];
    Value pair = e.add(e.mul(outBlock, plan.inBlocks), inBlock);
    t.outAt = e.add(e.mul(partial, plan.weights()), e.mul(pair, plan.blockWeights()));
    t.outGroupStride = e.index(plan.inBlocks * plan.blockWeights());
  } else {
    t.out = e.scratch;
    t.outAt = e.add(e.add(e.mul(point, plan.sumsStride()), plan.sumsAt()),
                    e.mul(e.add(e.mul(outLocal, plan.activation.blocks), inLocal), blockSums));
    t.outGroupStride = e.index(plan.activation.blocks * blockSums);
  }
  t.outAt = e.add(t.outAt, loadIndex(e, taps, e.add(e.mul(tap, 2), 1)));
  t.firstRow = loadIndex(e, ranges, range);
  t.rowCount = loadIndex(e, ranges, e.add(range, 1));
  t.columns = e.index(plan.gradientOperand.axes[2].extent);
  t.accumulate = accumulate;
  callForWidth(e, plan.groups, width, [&](int64_t blocks) {
    if (plan.factors == Factors::Matrices)
      callMatrixWeightGradTile(e, blocks, plan.gradient.axes[2].extent, plan.turned().words.axes[2].extent,
                               t);
    else
      callWeightGradTile(e, plan.factors, blocks, plan.reduce, plan.depth, t);
  });
}

void WeightGradEmitter::emitStages() {
  emitStage(e, gradientOf(op), plan.gradient,
            {place.first[0], place.size[0], firstOut, outCount, place.first[1], place.first[2]}, e.index(0));
  auto start = [&](int axis) {
    return e.add(e.mul(place.first[axis + 1], plan.gather.sourceStep[axis]), plan.activation.axes[axis].low);
  };
  emitStage(
      e, activationOf(op), plan.activation,
      {place.first[0], place.size[0], inBlocks.from, e.sub(inBlocks.to, inBlocks.from), start(0), start(1)},
      e.index(plan.activationAt()));
  if (plan.factors == Factors::Matrices)
    emitTurned(e, plan.turned(), e.sub(inBlocks.to, inBlocks.from), e.index(plan.activationAt()),
               e.index(plan.activationOperandAt()));
  if (!plan.hasPoints())
    return;
  emitWinogradTiles(e, WinogradInput::Gradient, plan.tile(), plan.gradient, e.index(0),
                    e.index(plan.gradientPointsAt()));
  emitWinogradTiles(e, WinogradInput::Source, plan.tile(), plan.activation, e.index(plan.activationAt()),
                    e.index(plan.activationPointsAt()));
}

void WeightGradEmitter::emitPiece(Value piece) {
  place = emitBlockPlace(e, plan.pieces, piece);
  accumulate = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, piece, pieces.from);
  emitStages();
  e.loop(plan.points(), [&](Value point) {
    e.loop(tiles.from, tiles.to, 1, [&](Value tile) {
      e.loop(inBlocks.from, inBlocks.to, 1, [&](Value inBlock) {
        e.loop(plan.taps().size(), [&](Value tap) { emitTile(point, tile, inBlock, tap); });
      });
    });
  });
}

/// Brings the sums of all points to the partial.
void WeightGradEmitter::emitSums() {
  int64_t vectors = plan.reduce * lanes; // of a tap
  shape::Size3 rest = winogradWindow(plan.kernel, plan.tile());
  shape::Size3 strides = {plan.kernel[1] * plan.kernel[2] * vectors, plan.kernel[2] * vectors, vectors};
  e.loop(e.index(0), outCount, 1, [&](Value out) {
    e.loop(inBlocks.from, inBlocks.to, 1, [&](Value in) {
      Value local = e.add(e.mul(out, plan.activation.blocks), e.sub(in, inBlocks.from));
      Value pair = e.add(e.mul(e.add(firstOut, out), plan.inBlocks), in);
      Value to = e.add(e.mul(partial, plan.weights()), e.mul(pair, plan.blockWeights()));
      e.loop(rest[0], [&](Value frame) {
        e.loop(rest[1] * rest[2], [&](Value place) { // rows and columns are tiled together
          Value tap = e.add(e.mul(e.add(e.mul(local, rest[0]), frame), rest[1] * rest[2]), place);
          Value first = e.add(e.mul(frame, strides[0]), e.mul(place, vectors));
          callWinogradWeightGrad(e, plan.tile(),
                                 {e.scratch, e.add(e.mul(tap, vectors), plan.sumsAt()), e.index(lanes),
                                  pointStrides(plan.tile(), plan.sumsStride())},
                                 {e.results[0], e.add(to, first), e.index(lanes), strides},
                                 e.index(plan.reduce));
        });
      });
    });
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
    if (plan.hasPoints())
      emitSums();
  });
}

} // namespace

void kinema::cpu::emitWeightGradTile(kernel::WeightGradOp op, KernelEmitter &e) {
  WeightGradPlan plan = planOf(op, e.machine);
  WeightGradEmitter(op, plan, e).emit();
}

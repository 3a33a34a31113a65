#include "compiler/Target/CPU/MatmulTile.h"

#include "compiler/Target/CPU/Blocks.h"
#include "compiler/Target/CPU/MicroKernels.h"
#include "compiler/Target/CPU/Model.h"
#include "compiler/Target/CPU/Stage.h"
#include "compiler/Target/Common/EvenSizes.h"
#include "compiler/Target/Common/Layouts.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

//===-- Plan --------------------------------------------------------------===//

namespace {

/// A tensor as matrices of channels by positions, one for each clip. It lies in memory in blocks of channels,
/// each a row of vectors, one for each position.
struct Matrices {
  Matrices(Value tensor, int64_t lanes)
      : lanes(lanes), clips(tensorOf(tensor).getDimSize(0)), channels(tensorOf(tensor).getDimSize(1)),
        positions(shape::product(clip::spatialSize(tensorOf(tensor)))) {}

  int64_t lanes, clips, channels, positions;

  int64_t blocks() const { return shape::ceilDiv(channels, lanes); }
  int64_t blockStride() const { return positions * lanes; }
  /// Returns where the vector of a channel block at a position lies.
  Value at(KernelEmitter &e, Value clip, Value block, Value position) const {
    Value row = e.add(e.mul(clip, blocks()), block);
    return e.mul(e.add(e.mul(row, positions), position), lanes);
  }
};

struct MatmulPlan {
  MatmulPlan(kernel::MatmulOp op, const Machine &machine, MatmulTileParameters parameters);

  int64_t lanes;
  MatmulTileParameters parameters;
  bool turnsLeft, turnsRight; // on the left, rows are positions; on the right, columns are channels
  Matrices left, right, result;
  int64_t depth;
  BlockGroups groups; // of the result's row blocks
  Shares parts;       // of the groups
  Cut columns;
  int64_t mostPixels; // of a register tile

  int64_t wholeBlocks() const { return depth / lanes; } // of the depth
  int64_t rest() const { return depth % lanes; }
  int64_t chunks() const { return shape::ceilDiv(wholeBlocks(), parameters.chunk); }
  int64_t grid() const { return result.clips * columns.count() * parts.parts; }
  /// Returns the most row blocks of a part.
  int64_t rowBlocks() const;

  // In near memory lie columns of the right side, as many more as a tile reads beyond the last one; the left
  // side of a group of rows, where it is turned; and the sums of all rows of the part.
  int64_t tileColumns() const { return shape::roundUp(columns.size, lanes) + mostPixels - 1; }
  int64_t rightStride() const { return tileColumns() * lanes; } // between blocks of the depth
  int64_t leftAt() const { return parameters.chunk * rightStride(); }
  int64_t leftStride() const { return parameters.chunk * lanes * lanes; } // between row blocks
  int64_t sumsAt() const { return leftAt() + (turnsLeft ? 3 * leftStride() : 0); }
  int64_t sumsStride() const { return tileColumns() * lanes; } // between row blocks
  int64_t scratchBytes() const { return 4 * (sumsAt() + rowBlocks() * sumsStride()); }
  /// Over machines of several sizes (cyclesOverMachines); rough.
  double cycles() const;
};

MatmulPlan::MatmulPlan(kernel::MatmulOp op, const Machine &machine, MatmulTileParameters parameters)
    : lanes(machine.vector), parameters(parameters), turnsLeft(op.getTransposeLhs()),
      turnsRight(op.getTransposeRhs()), left(op.getLhs(), lanes), right(op.getRhs(), lanes),
      result(op.getResult(), lanes), depth(clip::matmulDepth(tensorOf(op.getLhs()), turnsLeft)),
      groups(groupBlocks(result.blocks())), parts{groups.count(), parameters.parts},
      columns{result.positions, parameters.columns}, mostPixels(mostTilePixels(machine, Factors::Single)) {}

int64_t MatmulPlan::rowBlocks() const {
  int64_t most = 0;
  for (int64_t part = 0; part < parts.parts; ++part)
    most = std::max(most, groups.first(parts.first(part + 1)) - groups.first(parts.first(part)));
  return most;
}

double MatmulPlan::cycles() const {
  constexpr double secondCache = 512 << 10;
  // Cycles of a vector: copied, or turned with its neighbours.
  constexpr double copied = 1, turned = 3;
  constexpr double perCall = 40; // of a register tile's function, for each of its tiles
  double rows = rowBlocks(), pixels = shape::roundUp(columns.size, mostPixels);
  double products = rows * pixels * depth / 2;
  double vectors = double(depth) / lanes * columns.size;
  double staged = vectors * (turnsRight ? turned : copied) + (turnsLeft ? rows * depth * turned : 0);
  double tiles = rows / 2 * pixels / mostPixels * (chunks() + (rest() > 0));
  double block = products + staged + tiles * perCall + rows * columns.size * copied;
  if (double bytes = scratchBytes(); bytes > secondCache)
    block *= 1.1 + 0.2 * std::min(4.0, bytes / secondCache - 1);
  return cyclesOverMachines(grid(), [&](int64_t blocks) { return blocks * (block + 500); });
}

bool isSupported(kernel::MatmulOp op, const Machine &machine) {
  return llvm::all_of(ValueRange{op.getLhs(), op.getRhs(), op.getResult()},
                      [&](Value tensor) { return kernel::channelBlock(tensorOf(tensor)) == machine.vector; });
}

} // namespace

//===-- Schedule ----------------------------------------------------------===//

static kernel::ScheduleAttr scheduleOf(kernel::MatmulOp op, const MatmulPlan &plan) {
  return makeSchedule(op, {plan.grid(), plan.scratchBytes()}, plan.parameters);
}

kernel::ScheduleAttr kinema::cpu::matmulTileSchedule(kernel::MatmulOp op, const Machine &machine,
                                                     MatmulTileParameters parameters) {
  return scheduleOf(op, MatmulPlan(op, machine, parameters));
}

/// The plan that the op's schedule stands for.
static MatmulPlan planOf(kernel::MatmulOp op, const Machine &machine) {
  return MatmulPlan(op, machine, parametersOf<MatmulTileParameters>(*op.getSchedule()));
}

/// The largest that each parameter may be.
static MatmulTileParameters largestParameters(kernel::MatmulOp op, const Machine &machine) {
  MatmulPlan plan(op, machine, {1, 1, 1});
  return {plan.result.positions, plan.groups.count(), std::max<int64_t>(1, plan.wholeBlocks())};
}

kernel::ScheduleAttr kinema::cpu::remakeMatmulTile(kernel::MatmulOp op, const Level &level,
                                                   ScheduleParameters &parameters) {
  if (!isSupported(op, level.machine))
    return {};
  MatmulTileParameters read, largest = largestParameters(op, level.machine);
  parameters.read(read);
  int64_t lanes = level.machine.vector;
  parameters.check(read.columns, std::min(lanes, largest.columns), largest.columns, lanes);
  parameters.check(read.parts, 1, largest.parts);
  parameters.check(read.chunk, 1, largest.chunk);
  return parameters.failed() ? kernel::ScheduleAttr() : matmulTileSchedule(op, level.machine, read);
}

double kinema::cpu::predictMatmulTile(kernel::MatmulOp op, const Level &level) {
  return secondsOf(level.rates, planOf(op, level.machine).cycles());
}

SmallVector<Candidate> kinema::cpu::matmulTileCandidates(kernel::MatmulOp op, const Level &level) {
  const Machine &machine = level.machine;
  if (!isSupported(op, machine))
    return {};
  constexpr int64_t mostBytes = 2 << 20, mostParts = 64, mostColumns = 512;
  Best best;
  auto consider = [&](MatmulTileParameters parameters, int64_t most) {
    MatmulPlan plan(op, machine, parameters);
    if (plan.scratchBytes() <= most)
      best.consider(plan.cycles(), [&] { return scheduleOf(op, plan); });
  };
  MatmulTileParameters largest = largestParameters(op, machine);
  int64_t lanes = machine.vector;
  consider({std::min(lanes, largest.columns), largest.parts, 1}, std::numeric_limits<int64_t>::max());
  for (int64_t columns : evenSizes(largest.columns, lanes))
    for (int64_t parts : partCounts(std::min(largest.parts, mostParts)))
      for (int64_t depth : {64, 128, 256})
        if (columns <= mostColumns)
          consider({columns, parts, std::clamp<int64_t>(depth / lanes, 1, largest.chunk)}, mostBytes);
  return best.take(secondsOf(level.rates, 1));
}

//===-- Emission ----------------------------------------------------------===//

namespace {

/// Writes one kernel. Its members are set when the code that computes them is written.
class MatmulEmitter {
public:
  MatmulEmitter(kernel::MatmulOp op, const MatmulPlan &plan, KernelEmitter &e)
      : op(op), plan(plan), e(e), lanes(plan.lanes) {}

  void emit();

private:
  /// A Chunk is a part of the depth: `blocks` of them from `first` on, of which a vector's first `depth`
  /// channels or positions are multiplied.
  struct Chunk {
    Value first, blocks;
    int64_t depth;
  };

  void emitTables();
  void emitBlock();
  void emitChunk(const Chunk &chunk, Value accumulate);
  void emitRight(const Chunk &chunk);
  void emitLeft(const Chunk &chunk, Value rowBlock, Value at);
  void emitGroup(const Chunk &chunk, Value group, Value accumulate);
  void emitResults();
  void stageTurned(Value buffer, Value at, int64_t valid, Value to);
  Value isNot(Value i, Value other) {
    return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, i, other);
  }

  kernel::MatmulOp op;
  const MatmulPlan &plan;
  KernelEmitter &e;
  int64_t lanes;
  Value pixels, taps; // tables
  Value clip, firstColumn, columns;
  Interval groups;        // of the part
  Value firstRow, endRow; // its blocks of rows
};

void MatmulEmitter::emitTables() {
  std::vector<int32_t> positions;
  for (int64_t column = 0; column < plan.tileColumns(); ++column)
    positions.insert(positions.end(), 2, column * lanes); // the same in the source and among the sums
  std::string name = op->getParentOfType<kernel::DefOp>().getSymName().str();
  pixels = emitTable(e, name + "_pixels", positions);
  taps = emitTable(e, name + "_taps", {0, 0});
}

/// Turns the first `valid` vectors from `at` on, with zeros in place of those that follow, into near memory.
void MatmulEmitter::stageTurned(Value buffer, Value at, int64_t valid, Value to) {
  SmallVector<Value> rows(lanes, e.zero(lanes));
  for (int64_t i = 0; i < valid; ++i)
    rows[i] = e.loadVector(buffer, e.add(at, i * lanes), lanes);
  turn(e, rows);
  for (auto [i, row] : llvm::enumerate(rows))
    e.storeVector(row, e.scratch, e.add(to, i * lanes));
}

/// Brings the chunk of the block's columns to near memory: [depth block, column, lanes of depth].
void MatmulEmitter::emitRight(const Chunk &chunk) {
  Value buffer = e.operands[1];
  e.loop(e.index(0), chunk.blocks, 1, [&](Value block) {
    Value depthBlock = e.add(chunk.first, block), to = e.mul(block, plan.rightStride());
    if (!plan.turnsRight) {
      Value from = plan.right.at(e, clip, depthBlock, firstColumn);
      e.loop(e.index(0), columns, 1, [&](Value column) {
        Value shift = e.mul(column, lanes);
        e.storeVector(e.loadVector(buffer, e.add(from, shift), lanes), e.scratch, e.add(to, shift));
      });
      return;
    }
    e.loop(e.index(0), columns, lanes, [&](Value column) {
      Value channels = e.div(e.add(firstColumn, column), lanes);
      stageTurned(buffer, plan.right.at(e, clip, channels, e.mul(depthBlock, lanes)), chunk.depth,
                  e.add(to, e.mul(column, lanes)));
    });
  });
}

/// Brings the chunk of a block of rows to near memory: [depth, lanes of rows]. Rows beyond the last one are
/// zero.
void MatmulEmitter::emitLeft(const Chunk &chunk, Value rowBlock, Value at) {
  Value buffer = e.operands[0];
  auto stage = [&](int64_t valid) {
    e.loop(e.index(0), chunk.blocks, 1, [&](Value block) {
      Value from = plan.left.at(e, clip, e.add(chunk.first, block), e.mul(rowBlock, lanes));
      stageTurned(buffer, from, valid, e.add(at, e.mul(block, lanes * lanes)));
    });
  };
  int64_t rest = plan.left.positions % lanes;
  if (rest == 0)
    return stage(lanes);
  e.when(isNot(rowBlock, e.index(plan.result.blocks() - 1)), [&] { stage(lanes); }, [&] { stage(rest); });
}

/// Adds the chunk's products to the sums of a group of row blocks.
void MatmulEmitter::emitGroup(const Chunk &chunk, Value group, Value accumulate) {
  auto [firstBlock, width] = cpu::emitGroup(e, plan.groups, group);
  ConvTile tile;
  tile.source = tile.tile = e.scratch;
  tile.pixels = pixels;
  tile.taps = taps;
  tile.sourceAt = e.index(0);
  tile.sourceBlockStride = e.index(plan.rightStride());
  tile.weightsBlockStride = e.index(lanes * lanes);
  if (plan.turnsLeft) {
    e.loop(e.index(0), width, 1, [&, first = firstBlock](Value i) {
      emitLeft(chunk, e.add(first, i), e.add(e.mul(i, plan.leftStride()), plan.leftAt()));
    });
    tile.weights = e.scratch;
    tile.weightsAt = e.index(plan.leftAt());
    tile.weightsGroupStride = e.index(plan.leftStride());
  } else {
    tile.weights = e.operands[0];
    tile.weightsAt = plan.left.at(e, clip, firstBlock, e.mul(chunk.first, lanes));
    tile.weightsGroupStride = e.index(plan.left.blockStride());
  }
  tile.tileAt = e.add(e.mul(e.sub(firstBlock, firstRow), plan.sumsStride()), plan.sumsAt());
  tile.tileGroupStride = e.index(plan.sumsStride());
  tile.firstPixel = e.index(0);
  tile.pixelCount = columns;
  tile.firstTap = e.index(0);
  tile.tapCount = e.index(1);
  tile.channelBlocks = chunk.blocks;
  tile.accumulate = accumulate;
  tile.aheadAt = tile.aheadWords = e.index(0);
  callForWidth(e, plan.groups, width,
               [&](int64_t blocks) { callConvTile(e, Factors::Single, blocks, chunk.depth, tile); });
}

void MatmulEmitter::emitChunk(const Chunk &chunk, Value accumulate) {
  emitRight(chunk);
  e.loop(groups.from, groups.to, 1, [&](Value group) { emitGroup(chunk, group, accumulate); });
}

/// Stores the sums, with zeros in place of rows beyond the last one.
void MatmulEmitter::emitResults() {
  bool padded = plan.result.channels % lanes != 0;
  e.loop(firstRow, endRow, 1, [&](Value block) {
    Value from = e.add(e.mul(e.sub(block, firstRow), plan.sumsStride()), plan.sumsAt());
    Value to = plan.result.at(e, clip, block, firstColumn);
    Value valid = padded ? channelMask(e, block, plan.result.channels, lanes) : Value();
    e.loop(e.index(0), columns, 1, [&](Value column) {
      Value shift = e.mul(column, lanes);
      Value sums = e.loadVector(e.scratch, e.add(from, shift), lanes);
      if (padded)
        sums = arith::SelectOp::create(e.b, e.loc, valid, sums, e.zero(lanes));
      e.storeVector(sums, e.results[0], e.add(to, shift));
    });
  });
}

void MatmulEmitter::emitBlock() {
  int64_t whole = plan.wholeBlocks(), most = plan.parameters.chunk;
  e.loop(plan.chunks(), [&](Value i) {
    Value first = e.mul(i, most);
    emitChunk({first, e.min(e.index(most), e.sub(e.index(whole), first)), lanes}, isNot(i, e.index(0)));
  });
  if (plan.rest())
    emitChunk({e.index(whole), e.index(1), plan.rest()},
              arith::ConstantOp::create(e.b, e.loc, e.b.getBoolAttr(whole > 0)));
  emitResults();
}

void MatmulEmitter::emit() {
  emitTables();
  e.forEachBlock([&](Value block) {
    Value rest = e.div(block, plan.parts.parts);
    groups = emitShare(e, plan.parts, e.rem(block, plan.parts.parts));
    firstRow = cpu::emitGroup(e, plan.groups, groups.from).first;
    endRow = cpu::emitGroup(e, plan.groups, groups.to).first;
    clip = e.div(rest, plan.columns.count());
    firstColumn = e.mul(e.rem(rest, plan.columns.count()), plan.columns.size);
    columns = e.min(e.index(plan.columns.size), e.sub(e.index(plan.columns.total), firstColumn));
    emitBlock();
  });
}

} // namespace

void kinema::cpu::emitMatmulTile(kernel::MatmulOp op, KernelEmitter &e) {
  MatmulPlan plan = planOf(op, e.machine);
  MatmulEmitter(op, plan, e).emit();
}

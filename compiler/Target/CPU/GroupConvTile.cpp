#include "compiler/Target/CPU/GroupConvTile.h"

#include "compiler/Target/CPU/Epilogue.h"
#include "compiler/Target/CPU/GroupedSource.h"
#include "compiler/Target/CPU/MicroKernels.h"
#include "compiler/Target/CPU/Model.h"
#include "compiler/Target/Common/EvenSizes.h"
#include "compiler/Target/Common/Layouts.h"

#include <map>

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

static StagedOperand sourceOf(kernel::ConvOp op) { return {op.prologue()}; }

static GroupChannels channelsOf(kernel::ConvOp op, int64_t lanes) {
  int64_t groups = op.getGroups();
  return {op.getResultType().getDimSize(1) / groups, op.getSourceType().getDimSize(1) / groups, lanes};
}

//===-- Plan --------------------------------------------------------------===//

kernel::LayoutAttr kinema::cpu::groupConvTileWeight(kernel::ConvOp op, const Machine &machine) {
  return blockedWeight(op.getContext(), /*rank=*/5, {machine.vector, 1});
}

namespace {

struct GroupConvPlan {
  GroupConvPlan(kernel::ConvOp op, const Machine &machine, GroupConvParameters parameters);

  int64_t lanes;
  GroupConvParameters parameters;
  shape::Gather gather;
  BlockCuts cuts;       // of the result
  int64_t columns;      // of the result
  int64_t resultBlocks; // channel blocks of the result
  int64_t taps;         // taps of the window
  shape::Size3 kernel, sourceSize;
  bool exchanged;      // the weight's vectors are of the source's channels
  int64_t mostColumns; // the most columns of a tile
  GroupedSource source;

  int64_t grid() const { return cuts.count() * parameters.parts; }
  int64_t blockPixels() const { return cuts.rows() * columns; }

  // In near memory, each on cache lines of its own, lie the source; the weight, where its vectors are
  // rearranged to [source channel][tap]; and the sums.
  int64_t weightsAt() const { return shape::roundUp(source.box.elements(), 16); }
  int64_t tileAt() const { return weightsAt() + (exchanged ? blockWeights() : 0); }
  int64_t scratchBytes() const { return 4 * (tileAt() + blockPixels() * lanes); }
  /// Counts the weights of a block of the result.
  int64_t blockWeights() const { return source.channels.sources * taps * lanes; }
  /// Over machines of several sizes (cyclesOverMachines); rough.
  double cycles(int64_t prologueReads, int64_t epilogueReads) const;

  /// Counts the results of a phase along W.
  int64_t columnsOf(const shape::Phase &phase) const {
    return shape::ceilDiv(std::max<int64_t>(0, columns - phase.offset[2]), gather.resultStep[2]);
  }
  /// Returns the columns of a tile when they are cut evenly.
  int64_t tileColumns(const shape::Phase &phase) const {
    int64_t count = columnsOf(phase);
    return count == 0 ? 1 : shape::ceilDiv(count, shape::ceilDiv(count, mostColumns));
  }
  /// Returns, for each result of the phase along frames (axis 0) or rows (axis 1), the first tap that lies in
  /// the source, and the one behind the last.
  std::vector<std::array<int64_t, 2>> tapsInside(const shape::Phase &phase, int axis) const;
};

GroupedSource stagedSource(kernel::ConvOp op, int64_t lanes, const BlockCuts &cuts, int64_t planes) {
  shape::Gather gather = op.getGather();
  auto size = clip::spatialSize(op.getSourceType());
  auto axisOf = [&](int axis, int64_t count) {
    return stagedAxis(gather, axis, shape::ceilDiv(count, gather.resultStep[axis]));
  };
  std::array<StagedAxis, 3> axes = {axisOf(0, cuts[1].size), axisOf(1, cuts[2].size),
                                    axisOf(2, op.getResultType().getDimSize(4))};
  for (int axis = 0; axis < 2; ++axis)
    if (cuts[axis + 1].count() == 1)
      axes[axis] = axes[axis].withinSource(size[axis]);
  return {channelsOf(op, lanes), cuts[0].size, axes, planes};
}

GroupConvPlan::GroupConvPlan(kernel::ConvOp op, const Machine &machine, GroupConvParameters parameters)
    : lanes(machine.vector), parameters(parameters), gather(op.getGather()),
      cuts(op.getResultType().getShape(), parameters.block), columns(op.getResultType().getDimSize(4)),
      resultBlocks(shape::ceilDiv(op.getResultType().getDimSize(1), lanes)),
      taps(op.getWindow().getWindow().taps()), kernel(op.getWindow().getWindow().kernel),
      sourceSize(clip::spatialSize(op.getSourceType())),
      // Registers hold, beside the sums, a row of weights and an element of the source.
      mostColumns(std::min<int64_t>(14, registersOf(machine) - 6)),
      source(stagedSource(op, lanes, cuts, parameters.planes)) {
  bool isDepthwise = source.channels.results == 1 && source.channels.sources == 1;
  exchanged = op.getDirection() == kernel::Direction::Transposed && !isDepthwise;
}

std::vector<std::array<int64_t, 2>> GroupConvPlan::tapsInside(const shape::Phase &phase, int axis) const {
  AxisTaps taps(phase, axis);
  std::vector<std::array<int64_t, 2>> inside;
  for (int64_t q = 0; q < phase.count[axis]; ++q) {
    auto isInside = [&](int64_t tap) {
      int64_t at = q * gather.sourceStep[axis] + taps.shift(tap);
      return at >= 0 && at < sourceSize[axis];
    };
    int64_t from = 0, to = taps.count;
    while (from < to && !isInside(from))
      ++from;
    while (from < to && !isInside(to - 1))
      --to;
    inside.push_back({from, to});
  }
  return inside;
}

double GroupConvPlan::cycles(int64_t prologueReads, int64_t epilogueReads) const {
  constexpr double secondCache = 512 << 10, firstCache = 32 << 10;
  double pixels = blockPixels(), products = 0;
  for (const auto &phase : gather.phases) {
    double along = AxisTaps(phase, 2).count,
           rows = pixels / columns / gather.resultStep[0] / gather.resultStep[1];
    double tile = tileColumns(phase), tiles = columnsOf(phase) / tile;
    // The processor does two products or two loads a cycle; the other terms are for the loops over rows of
    // taps.
    double row =
        std::max(tile * along, std::min(tile * along, tile * gather.sourceStep[2] + along) + along) / 2 + 4;
    double tapRows = along == 0 ? 0 : phase.taps.size() / along;
    products += rows * tiles * (row * tapRows * source.channels.sources + 10);
  }
  double passes = source.passes();
  double stage = source.cost(prologueReads);
  bool sharesStage = source.channels.isUniform && passes == 1;
  double block = products + passes * stage / (sharesStage ? source.channels.results / lanes : 1) +
                 pixels * (4 + 2 * epilogueReads + 2 * (passes - 1));
  if (exchanged)
    block += 2.0 * blockWeights();
  double bytes = scratchBytes();
  if (bytes > firstCache)
    block *= 1.05;
  if (bytes > secondCache)
    block *= 1 + 0.2 * std::min(4.0, bytes / secondCache - 1) + 0.1;
  double share = shape::ceilDiv(resultBlocks, parameters.parts);
  return cyclesOverMachines(grid(), [&](int64_t blocks) { return blocks * (share * block + 500); });
}

bool isSupported(kernel::ConvOp op, const Machine &machine) {
  int64_t lanes = machine.vector;
  StagedOperand source = sourceOf(op);
  return op.getGroups() > 1 && source.isSupported(lanes) && source.width() == lanes &&
         channelsOf(op, lanes).isSupported() &&
         kernel::layoutOf(tensorOf(op.getWeight())) == groupConvTileWeight(op, machine) &&
         hasVectorEpilogue(op, lanes);
}

} // namespace

//===-- Schedule ----------------------------------------------------------===//

static kernel::ScheduleAttr scheduleOf(kernel::ConvOp op, const GroupConvPlan &plan) {
  return makeSchedule(op, {plan.grid(), plan.scratchBytes(), plan.cuts.count()}, plan.parameters);
}

kernel::ScheduleAttr kinema::cpu::groupConvTileSchedule(kernel::ConvOp op, const Machine &machine,
                                                        GroupConvParameters parameters) {
  return scheduleOf(op, GroupConvPlan(op, machine, parameters));
}

kernel::ScheduleAttr kinema::cpu::remakeGroupConvTile(kernel::ConvOp op, const Level &level,
                                                      ScheduleParameters &parameters) {
  const Machine &machine = level.machine;
  if (!isSupported(op, machine))
    return {};
  auto result = op.getResultType().getShape(); // [N, C, T, H, W]
  auto step = op.getGather().resultStep;
  int64_t frames = std::min(step[0], result[2]), rows = std::min(step[1], result[3]);
  GroupConvParameters read;
  parameters.read(read);
  parameters.check(read.block[0], 1, result[0]);
  parameters.check(read.block[1], frames, result[2], frames);
  parameters.check(read.block[2], rows, result[3], rows);
  parameters.check(read.parts, 1, shape::ceilDiv(result[1], machine.vector));
  checkPlanes(parameters, read.planes, channelsOf(op, machine.vector));
  return parameters.failed() ? kernel::ScheduleAttr() : groupConvTileSchedule(op, machine, read);
}

static double cyclesOf(kernel::ConvOp op, const GroupConvPlan &plan) {
  return plan.cycles(op.getPrologueOperands().size(), op.getEpilogueOperands().size());
}

/// The plan that the op's schedule stands for.
static GroupConvPlan planOf(kernel::ConvOp op, const Machine &machine) {
  return GroupConvPlan(op, machine, parametersOf<GroupConvParameters>(*op.getSchedule()));
}

double kinema::cpu::predictGroupConvTile(kernel::ConvOp op, const Level &level) {
  return secondsOf(level.rates, cyclesOf(op, planOf(op, level.machine)));
}

SmallVector<Candidate> kinema::cpu::groupConvTileCandidates(kernel::ConvOp op, const Level &level) {
  const Machine &machine = level.machine;
  if (!isSupported(op, machine))
    return {};
  constexpr int64_t mostBytes = 2 << 20, mostParts = 64;
  auto result = op.getResultType().getShape(); // [N, C, T, H, W]
  auto step = op.getGather().resultStep;
  Best best;
  auto consider = [&](GroupConvParameters parameters, int64_t most) {
    GroupConvPlan plan(op, machine, parameters);
    if (plan.scratchBytes() <= most)
      best.consider(cyclesOf(op, plan), [&] { return scheduleOf(op, plan); });
  };
  auto counts = planeCounts(channelsOf(op, machine.vector));
  consider({{1, std::min(step[0], result[2]), std::min(step[1], result[3])}, 1, counts.back()},
           std::numeric_limits<int64_t>::max());
  int64_t blocks = shape::ceilDiv(result[1], machine.vector);
  for (int64_t clips : evenSizes(result[0]))
    for (int64_t frames : evenSizes(result[2], step[0]))
      for (int64_t rows : evenSizes(result[3], step[1]))
        for (int64_t planes : counts)
          for (int64_t parts : partCounts(std::min(blocks, mostParts)))
            consider({{clips, frames, rows}, parts, planes}, mostBytes);
  return best.take(secondsOf(level.rates, 1));
}

//===-- Emission ----------------------------------------------------------===//

namespace {

/// Writes one kernel. Its members are set when the code that computes them is written.
class GroupConvEmitter {
public:
  GroupConvEmitter(kernel::ConvOp op, const GroupConvPlan &plan, KernelEmitter &e)
      : op(op), plan(plan), e(e), lanes(plan.lanes), box(plan.source.box),
        epilogue(op, e, {plan.cuts[1].size, plan.cuts[2].size, plan.columns}) {}

  void emit();

private:
  /// Walks along one axis of a phase.
  struct Walk {
    AxisTaps taps;
    int64_t stride; // of a position in the box
    int64_t inside; // where the table of ranges has this axis's, or -1: all taps always
    Value from, to; // the taps of a result that are inside
  };
  /// A Row is a row of a phase's results.
  struct Row {
    const shape::Phase *phase;
    Walk frames, rows;
    AxisTaps columns;
    Value sourceAt, tileAt; // those of column 0
  };

  void emitRanges();
  Value emitWeights(Value block);
  void emitPasses(Value block, Value from);
  void emitPhase(const shape::Phase &phase, size_t index);
  void emitRow(const Row &row);
  void emitTile(const Row &row, Value column, int64_t count);
  SmallVector<Value> overTaps(const Walk &walk, ValueRange start,
                              function_ref<SmallVector<Value>(Value, ValueRange)> body);
  SmallVector<Value> emitProducts(const Row &row, int64_t count, Value sourceAt, Value weightsAt,
                                  ValueRange sums);
  /// Returns how far in the box a tap with this number shifts along an axis whose positions lie `stride`
  /// apart.
  Value tapShift(int axis, const AxisTaps &taps, int64_t stride, Value tap) {
    int64_t step = box.axes[axis].step;
    return e.add(e.mul(tap, taps.shiftStep / step * stride),
                 (taps.firstShift - box.axes[axis].low) / step * stride);
  }

  kernel::ConvOp op;
  const GroupConvPlan &plan;
  KernelEmitter &e;
  int64_t lanes;
  const StagedBox &box;
  TileEpilogue epilogue;
  Value ranges;                                   // table
  std::vector<std::array<int64_t, 2>> rangeStart; // for each phase: where those of frames and of rows begin
  BlockPlace place;                               // place of the grid's block
  Value pass, weights, weightsAt;                 // those of the channel block
};

void GroupConvEmitter::emitRanges() {
  std::vector<int32_t> values;
  for (const auto &phase : plan.gather.phases) {
    auto &start = rangeStart.emplace_back();
    for (int axis = 0; axis < 2; ++axis) {
      auto inside = plan.tapsInside(phase, axis);
      bool isAll = llvm::all_of(
          inside, [&](auto range) { return range[0] == 0 && range[1] == AxisTaps(phase, axis).count; });
      start[axis] = isAll ? -1 : values.size();
      for (auto [from, to] : inside) {
        values.push_back(from);
        values.push_back(to);
      }
    }
  }
  values.push_back(0); // the table must not be empty
  ranges = emitTable(e, op->getParentOfType<kernel::DefOp>().getSymName().str() + "_ranges", values);
}

/// Rearranges the weight's vectors of a result block in scratch, where those in memory are of the source's
/// channels.
Value GroupConvEmitter::emitWeights(Value block) {
  const GroupChannels &channels = plan.source.channels;
  Value memory = e.bufferOf(op.getWeightMutable());
  Value last = e.index(op.getResultType().getDimSize(1) - 1);
  e.loop(lanes, [&](Value lane) {
    Value channel = e.min(e.add(e.mul(block, lanes), lane), last);
    Value group = e.div(channel, channels.results), inGroup = e.rem(channel, channels.results);
    e.loop(channels.sources, [&](Value i) {
      Value from = e.add(e.mul(group, channels.sources), i);
      Value vectors = e.mul(e.add(e.mul(e.div(from, lanes), channels.results), inGroup), plan.taps * lanes);
      Value fromAt = e.add(vectors, e.rem(from, lanes));
      Value toAt = e.add(e.add(e.mul(i, plan.taps * lanes), lane), plan.weightsAt());
      e.loop(plan.taps, [&](Value tap) {
        Value shift = e.mul(tap, lanes);
        e.store(e.load(memory, e.add(fromAt, shift)), e.scratch, e.add(toAt, shift));
      });
    });
  });
  return e.index(plan.weightsAt());
}

SmallVector<Value> GroupConvEmitter::overTaps(const Walk &walk, ValueRange start,
                                              function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  if (walk.inside < 0 && walk.taps.count == 1)
    return body(e.index(0), start);
  return e.loop(walk.from, walk.to, 1, start, body);
}

/// Multiplies, for one channel, a row of taps on `count` neighbouring columns; each element of the source is
/// loaded once.
SmallVector<Value> GroupConvEmitter::emitProducts(const Row &row, int64_t count, Value sourceAt,
                                                  Value weightsAt, ValueRange carried) {
  SmallVector<Value> sums(carried), vectors;
  const StagedAxis &axis = box.axes[2];
  std::map<int64_t, SmallVector<std::array<int64_t, 2>>> uses; // position in the box: column, tap
  for (int64_t tap = 0; tap < row.columns.count; ++tap) {
    int64_t index = row.columns.firstIndex + tap * row.columns.indexStep;
    vectors.push_back(e.loadVector(weights, e.add(weightsAt, index * lanes), lanes));
    for (int64_t column = 0; column < count; ++column)
      uses[column * axis.pitch + (row.columns.shift(tap) - axis.low) / axis.step].push_back({column, tap});
  }
  for (const auto &[position, products] : uses) {
    Value x = plan.source.load(e, e.add(sourceAt, position * box.width));
    for (auto [column, tap] : products)
      sums[column] = e.fma(x, vectors[tap], sums[column]);
  }
  return sums;
}

/// Computes the sums of `count` neighbouring columns.
void GroupConvEmitter::emitTile(const Row &row, Value column, int64_t count) {
  int64_t step = plan.gather.resultStep[2];
  SmallVector<Value> positions;
  for (int64_t i = 0; i < count; ++i)
    positions.push_back(e.add(row.tileAt, e.mul(e.add(column, i), step * lanes)));
  Value zero = e.constant(0.0f, e.vectorType(lanes));
  SmallVector<Value> start(count, zero);
  if (plan.source.passes() > 1) {
    SmallVector<Type> types(count, zero.getType());
    start = e.choose(
        e.equal(pass, 0), types, [&] { return start; },
        [&] {
          return llvm::map_to_vector(positions, [&](Value at) { return e.loadVector(e.scratch, at, lanes); });
        });
  }
  Value sourceAt = e.add(row.sourceAt, e.mul(column, box.axes[2].pitch * box.width));
  int64_t kernelRow = plan.kernel[2] * lanes, kernelFrame = plan.kernel[1] * kernelRow;
  auto indexOf = [&](const AxisTaps &taps, Value tap) {
    return e.add(e.mul(tap, taps.indexStep), taps.firstIndex);
  };
  auto channel = [&](Value i, ValueRange carried) {
    Value x = e.add(sourceAt, plan.source.planeAt(e, i));
    Value w = e.add(weightsAt, e.mul(e.add(e.mul(pass, plan.source.planes), i), plan.taps * lanes));
    return overTaps(row.frames, carried, [&](Value t, ValueRange atFrame) {
      Value frameAt = e.add(x, tapShift(0, row.frames.taps, row.frames.stride, t));
      Value frameWeights = e.add(w, e.mul(indexOf(row.frames.taps, t), kernelFrame));
      return overTaps(row.rows, atFrame, [&](Value h, ValueRange atRow) {
        return emitProducts(row, count, e.add(frameAt, tapShift(1, row.rows.taps, row.rows.stride, h)),
                            e.add(frameWeights, e.mul(indexOf(row.rows.taps, h), kernelRow)), atRow);
      });
    });
  };
  auto sums = e.loop(e.index(0), e.index(plan.source.planes), 1, start, channel);
  for (auto [at, sum] : llvm::zip_equal(positions, sums))
    e.storeVector(sum, e.scratch, at);
}

void GroupConvEmitter::emitRow(const Row &row) {
  int64_t columns = plan.columnsOf(*row.phase), count = plan.tileColumns(*row.phase);
  int64_t whole = columns / count * count;
  e.loop(e.index(0), e.index(whole), count, [&](Value column) { emitTile(row, column, count); });
  if (columns > whole)
    emitTile(row, e.index(whole), columns - whole);
}

void GroupConvEmitter::emitPhase(const shape::Phase &phase, size_t index) {
  const auto &step = plan.gather.resultStep;
  Row row{&phase,
          {AxisTaps(phase, 0), box.frameStride(), rangeStart[index][0], {}, {}},
          {AxisTaps(phase, 1), box.rowStride(), rangeStart[index][1], {}, {}},
          AxisTaps(phase, 2),
          {},
          {}};
  auto results = [&](int axis) { // those of the block
    return e.div(e.add(place.size[axis + 1], step[axis] - 1 - phase.offset[axis]), step[axis]);
  };
  auto setRange = [&](Walk &walk, int axis, Value result) {
    walk.from = e.index(0);
    walk.to = e.index(walk.taps.count);
    if (walk.inside < 0)
      return;
    Value at = e.add(e.mul(e.add(e.div(place.first[axis + 1], step[axis]), result), 2), walk.inside);
    walk.from = loadIndex(e, ranges, at);
    walk.to = loadIndex(e, ranges, e.add(at, 1));
  };
  e.loop(e.index(0), place.size[0], 1, [&](Value clip) {
    e.loop(e.index(0), results(0), 1, [&](Value t) {
      setRange(row.frames, 0, t);
      Value frame = e.add(e.mul(clip, plan.cuts[1].size), e.add(e.mul(t, step[0]), phase.offset[0]));
      Value frameAt = e.add(e.mul(clip, box.clipStride()), e.mul(t, box.axes[0].pitch * box.frameStride()));
      e.loop(e.index(0), results(1), 1, [&](Value h) {
        setRange(row.rows, 1, h);
        Value line = e.add(e.mul(frame, plan.cuts[2].size), e.add(e.mul(h, step[1]), phase.offset[1]));
        row.sourceAt = e.add(frameAt, e.mul(h, box.axes[1].pitch * box.rowStride()));
        row.tileAt = e.add(e.mul(line, plan.columns * lanes), plan.tileAt() + phase.offset[2] * lanes);
        emitRow(row);
      });
    });
  });
}

/// Computes all sums of a channel block; `from` is the first block of its share.
void GroupConvEmitter::emitPasses(Value block, Value from) {
  const GroupedSource &source = plan.source;
  StagedPart part;
  part.firstClip = place.first[0];
  part.clips = place.size[0];
  auto start = [&](int axis) {
    Value result = e.div(place.first[axis + 1], plan.gather.resultStep[axis]);
    return e.add(e.mul(result, plan.gather.sourceStep[axis]), box.axes[axis].low);
  };
  part.firstFrame = start(0);
  part.firstRow = start(1);
  e.loop(source.passes(), [&](Value i) {
    pass = i;
    auto stage = [&] { source.emitStage(e, sourceOf(op), part, block, pass, e.index(0)); };
    if (source.channels.isUniform && source.passes() == 1) { // blocks of a group share the source
      Value isFirst = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::eq, block, from);
      Value begins = e.equal(e.rem(e.mul(block, lanes), source.channels.results), 0);
      e.when(arith::OrIOp::create(e.b, e.loc, isFirst, begins), stage);
    } else {
      stage();
    }
    for (auto [index, phase] : llvm::enumerate(plan.gather.phases))
      emitPhase(phase, index);
  });
}

void GroupConvEmitter::emit() {
  emitRanges();
  weights = plan.exchanged ? e.scratch : e.bufferOf(op.getWeightMutable());
  int64_t parts = plan.parameters.parts;
  e.forEachBlock([&](Value gridBlock) {
    Value partial = e.div(gridBlock, parts);
    place = emitBlockPlace(e, plan.cuts, partial);
    Interval blocks = emitShare(e, {plan.resultBlocks, parts}, e.rem(gridBlock, parts));
    e.loop(blocks.from, blocks.to, 1, [&](Value block) {
      weightsAt = plan.exchanged ? emitWeights(block) : e.mul(block, plan.blockWeights());
      emitPasses(block, blocks.from);
      epilogue.emit(place, partial, block, e.index(plan.tileAt()));
    });
  });
}

} // namespace

void kinema::cpu::emitGroupConvTile(kernel::ConvOp op, KernelEmitter &e) {
  GroupConvPlan plan = planOf(op, e.machine);
  GroupConvEmitter(op, plan, e).emit();
}

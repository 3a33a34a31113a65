#include "compiler/Target/CPU/GroupWeightGrad.h"

#include "compiler/Target/CPU/GroupedSource.h"
#include "compiler/Target/CPU/MicroKernels.h"
#include "compiler/Target/CPU/Model.h"
#include "compiler/Target/Common/EvenSizes.h"
#include "compiler/Target/Common/Layouts.h"

#include <map>

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

static StagedOperand gradientOf(kernel::WeightGradOp op) { return {op.gradient()}; }
static StagedOperand activationOf(kernel::WeightGradOp op) { return {op.activation()}; }

static GroupChannels channelsOf(kernel::WeightGradOp op, int64_t lanes) {
  int64_t groups = op.getGroups();
  return {op.getGradientType().getDimSize(1) / groups, op.getActivationType().getDimSize(1) / groups, lanes};
}

/// Returns how many sums registers hold beside what is multiplied.
static int64_t mostSums(const Machine &machine) { return registersOf(machine) == 16 ? 9 : 20; }

//===-- Plan --------------------------------------------------------------===//

namespace {

struct GroupWeightGradPlan {
  GroupWeightGradPlan(kernel::WeightGradOp op, const Machine &machine, GroupWeightGradParameters parameters);

  int64_t lanes;
  GroupWeightGradParameters parameters;
  shape::Size3 kernel, activationSize;
  shape::Gather gather; // one phase
  BlockCuts pieces;     // of the gradient's positions
  int64_t outBlocks;
  StagedBox gradient;
  GroupedSource activation;

  // A tile of sums has all taps along the axes from `firstAxis` on, for `channels` channels. It has each sum
  // `ways` times, for neighbouring columns, where there are too few sums to keep the units busy.
  int64_t firstAxis = 0, tileTaps = 1, channels = 1, ways = 1;
  int64_t tileColumns; // columns that a tile walks in one go

  int64_t grid() const { return parameters.partials * parameters.parts; }
  int64_t taps() const { return shape::product(kernel); }
  int64_t blockWeights() const { return activation.channels.sources * taps() * lanes; }
  int64_t weights() const { return outBlocks * blockWeights(); } // those of a partial

  // In near memory lie the gradient and the activation.
  int64_t activationAt() const { return shape::roundUp(gradient.elements(), 16); }
  int64_t scratchBytes() const { return 4 * (activationAt() + activation.box.elements()); }
  /// Over machines of several sizes (cyclesOverMachines); rough.
  double cycles(int64_t gradientReads, int64_t activationReads) const;

  const shape::Phase &phase() const { return gather.phases.front(); }
  /// Returns the frames of the gradient that the tap at frame `t` of the kernel takes to frames of the
  /// activation.
  std::array<int64_t, 2> framesInside(int64_t t) const;
};

GroupedSource stagedActivation(kernel::WeightGradOp op, int64_t lanes, const shape::Gather &gather,
                               const GroupWeightGradParameters &p) {
  std::array<StagedAxis, 3> axes = {stagedAxis(gather, 0, p.piece[1]), stagedAxis(gather, 1, p.piece[2]),
                                    stagedAxis(gather, 2, op.getGradientType().getDimSize(4))};
  return {channelsOf(op, lanes), p.piece[0], axes, p.planes};
}

shape::Gather gatherOf(kernel::WeightGradOp op) {
  return shape::gather(op.getWindow().getWindow(), clip::spatialSize(op.getActivationType()),
                       clip::spatialSize(op.getGradientType()), shape::Direction::Forward);
}

GroupWeightGradPlan::GroupWeightGradPlan(kernel::WeightGradOp op, const Machine &machine,
                                         GroupWeightGradParameters parameters)
    : lanes(machine.vector), parameters(parameters), kernel(op.getWindow().getWindow().kernel),
      activationSize(clip::spatialSize(op.getActivationType())), gather(gatherOf(op)),
      pieces(op.getGradientType().getShape(), parameters.piece),
      outBlocks(shape::ceilDiv(op.getGradientType().getDimSize(1), lanes)),
      gradient{parameters.piece[0],
               1,
               {StagedAxis{parameters.piece[1], 1, 0, 1},
                {parameters.piece[2], 1, 0, 1},
                {op.getGradientType().getDimSize(4), 1, 0, 1}},
               lanes},
      activation(stagedActivation(op, lanes, gather, parameters)) {
  int64_t most = mostSums(machine), enough = most / 2;
  tileTaps = taps();
  while (tileTaps > most && firstAxis < 2)
    tileTaps /= kernel[firstAxis++];
  for (int64_t count = 1; count * tileTaps <= most && count <= parameters.planes; ++count)
    if (parameters.planes % count == 0 && (!activation.channels.isUniform || lanes % count == 0))
      channels = count;
  while (ways < 4 && ways * channels * tileTaps < enough)
    ways *= 2;
  int64_t columns = gradient.axes[2].extent;
  tileColumns = shape::ceilDiv(columns, shape::ceilDiv(columns, registersOf(machine) == 16 ? 4 : 8));
}

std::array<int64_t, 2> GroupWeightGradPlan::framesInside(int64_t t) const {
  int64_t shift = AxisTaps(phase(), 0).shift(t), from = 0, to = pieces[1].total;
  auto isInside = [&](int64_t frame) {
    int64_t at = frame * gather.sourceStep[0] + shift;
    return at >= 0 && at < activationSize[0];
  };
  while (from < to && !isInside(from))
    ++from;
  while (from < to && !isInside(to - 1))
    --to;
  return {from, to};
}

double GroupWeightGradPlan::cycles(int64_t gradientReads, int64_t activationReads) const {
  constexpr double secondCache = 512 << 10, firstCache = 32 << 10;
  double rows = pieces.rows(), tiles = double(taps()) / tileTaps * activation.channels.sources / channels;
  double products = tileColumns * tileTaps * channels;
  // The processor does two products or two loads a cycle.
  double along = kernel[2],
         loads = products / along * (tileColumns * gather.sourceStep[2] + along) / tileColumns;
  double tile = std::max({products, loads + tileColumns, 8.0}) / 2 + 3;
  double columns = double(gradient.axes[2].extent) / tileColumns;
  double piece = tiles * (rows * columns * tile + rows * 6 + 4 * tileTaps * channels * ways);
  piece += activation.passes() * activation.cost(activationReads);
  piece += gradient.elements() / double(lanes) * (2 + 2 * gradientReads);
  double bytes = scratchBytes();
  if (bytes > firstCache)
    piece *= 1.05;
  if (bytes > secondCache)
    piece *= 1.1 + 0.2 * std::min(4.0, bytes / secondCache - 1);
  double share = shape::ceilDiv(outBlocks, parameters.parts);
  double merge = 2.0 * 4 * weights() * parameters.partials / 4;
  double block = share * piece * shape::ceilDiv(pieces.count(), parameters.partials);
  return cyclesOverMachines(grid(), [&](int64_t blocks) { return blocks * (block + 500); }) +
         cyclesOverMachines(merge);
}

bool isSupported(kernel::WeightGradOp op, const Machine &machine) {
  int64_t lanes = machine.vector;
  auto gradient = gradientOf(op), activation = activationOf(op);
  auto weight = weightBlocksOf(tensorOf(op.getResult()));
  return op.getGroups() > 1 && gradient.isSupported(lanes) && activation.isSupported(lanes) &&
         gradient.width() == lanes && activation.width() == lanes && channelsOf(op, lanes).isSupported() &&
         op.getWindow().getWindow().kernel[2] <= mostSums(machine) && weight == WeightBlocks{lanes, 1};
}

} // namespace

//===-- Schedule ----------------------------------------------------------===//

static kernel::ScheduleAttr scheduleOf(kernel::WeightGradOp op, const GroupWeightGradPlan &plan) {
  return makeSchedule(op, {plan.grid(), plan.scratchBytes()}, plan.parameters);
}

kernel::ScheduleAttr kinema::cpu::groupWeightGradSchedule(kernel::WeightGradOp op, const Machine &machine,
                                                          GroupWeightGradParameters parameters) {
  return scheduleOf(op, GroupWeightGradPlan(op, machine, parameters));
}

kernel::ScheduleAttr kinema::cpu::remakeGroupWeightGrad(kernel::WeightGradOp op, const Level &level,
                                                        ScheduleParameters &parameters) {
  const Machine &machine = level.machine;
  if (!isSupported(op, machine))
    return {};
  auto dz = op.getGradientType().getShape(); // [N, O, T, H, W]
  GroupWeightGradParameters read;
  parameters.read(read);
  parameters.check(read.piece[0], 1, dz[0]);
  parameters.check(read.piece[1], 1, dz[2]);
  parameters.check(read.piece[2], 1, dz[3]);
  parameters.check(read.partials, 1, BlockCuts(dz, read.piece).count());
  parameters.check(read.parts, 1, shape::ceilDiv(dz[1], machine.vector));
  checkPlanes(parameters, read.planes, channelsOf(op, machine.vector));
  return parameters.failed() ? kernel::ScheduleAttr() : groupWeightGradSchedule(op, machine, read);
}

static double cyclesOf(kernel::WeightGradOp op, const GroupWeightGradPlan &plan) {
  return plan.cycles(op.getGradientOperands().size(), op.getActivationOperands().size());
}

/// The plan that the op's schedule stands for.
static GroupWeightGradPlan planOf(kernel::WeightGradOp op, const Machine &machine) {
  return GroupWeightGradPlan(op, machine, parametersOf<GroupWeightGradParameters>(*op.getSchedule()));
}

double kinema::cpu::predictGroupWeightGrad(kernel::WeightGradOp op, const Level &level) {
  return secondsOf(level.rates, cyclesOf(op, planOf(op, level.machine)));
}

SmallVector<Candidate> kinema::cpu::groupWeightGradCandidates(kernel::WeightGradOp op, const Level &level) {
  const Machine &machine = level.machine;
  if (!isSupported(op, machine))
    return {};
  constexpr int64_t mostBytes = 2 << 20, mostPartials = 32, mostParts = 64, partialBytes = 64 << 20;
  auto dz = op.getGradientType().getShape(); // [N, O, T, H, W]
  Best best;
  auto counts = planeCounts(channelsOf(op, machine.vector));
  auto consider = [&](GroupWeightGradParameters parameters, int64_t most) {
    GroupWeightGradPlan plan(op, machine, parameters);
    if (plan.scratchBytes() > most ||
        (parameters.partials > 1 && parameters.partials * plan.weights() * 4 > partialBytes))
      return;
    best.consider(cyclesOf(op, plan), [&] { return scheduleOf(op, plan); });
  };
  consider({{1, 1, 1}, 1, 1, counts.back()}, std::numeric_limits<int64_t>::max());
  int64_t blocks = shape::ceilDiv(dz[1], machine.vector);
  for (int64_t clips : evenSizes(dz[0]))
    for (int64_t frames : evenSizes(dz[2]))
      for (int64_t rows : evenSizes(dz[3])) {
        BlockShape piece = {clips, frames, rows};
        for (int64_t planes : counts)
          for (int64_t partials : partCounts(std::min(BlockCuts(dz, piece).count(), mostPartials)))
            for (int64_t parts : partCounts(std::min(blocks, mostParts)))
              consider({piece, partials, parts, planes}, mostBytes);
      }
  return best.take(secondsOf(level.rates, 1));
}

//===-- Emission ----------------------------------------------------------===//

namespace {

/// Writes one kernel. Its members are set when the code that computes them is written.
class GroupWeightGradEmitter {
public:
  GroupWeightGradEmitter(kernel::WeightGradOp op, const GroupWeightGradPlan &plan, KernelEmitter &e)
      : op(op), plan(plan), e(e), lanes(plan.lanes), box(plan.activation.box) {}

  void emit();

private:
  void emitFrames();
  void emitPiece(Value block, Value piece);
  void emitTile(Value channel, Value t, Value h, Value outAt);
  SmallVector<Value> emitRow(Value gradientAt, Value activationAt, ValueRange sums);
  SmallVector<Value> emitColumns(Value gradientAt, Value activationAt, int64_t count, ValueRange sums);
  SmallVector<Value> loadSums(ArrayRef<Value> positions);
  /// Returns a tap's number along each axis, counted from the first tap of the tile.
  shape::Size3 tapOf(int64_t i) const {
    const auto &k = plan.kernel;
    return {plan.firstAxis == 0 ? i / (k[1] * k[2]) : 0, plan.firstAxis <= 1 ? i / k[2] % k[1] : 0, i % k[2]};
  }
  /// Returns how many words a tap of number `tap` shifts along an axis.
  Value tapShift(int axis, Value tap) {
    AxisTaps taps(plan.phase(), axis);
    int64_t stride = strides()[axis], step = box.axes[axis].step;
    return e.add(e.mul(tap, taps.shiftStep / step * stride),
                 (taps.firstShift - box.axes[axis].low) / step * stride);
  }
  shape::Size3 strides() const { return {box.frameStride(), box.rowStride(), box.width}; }

  kernel::WeightGradOp op;
  const GroupWeightGradPlan &plan;
  KernelEmitter &e;
  int64_t lanes;
  const StagedBox &box;
  Value frames;     // table: for each tap's frame, the gradient's frames that it takes to the activation's
  Value partial;    // that of the grid's block
  BlockPlace place; // place of the piece
  Value pass, accumulate; // of the piece; `accumulate`: adds to what the partial holds
};

void GroupWeightGradEmitter::emitFrames() {
  std::vector<int32_t> values;
  for (int64_t t = 0; t < plan.kernel[0]; ++t)
    for (int64_t end : plan.framesInside(t))
      values.push_back(end);
  frames = emitTable(e, op->getParentOfType<kernel::DefOp>().getSymName().str() + "_frames", values);
}

SmallVector<Value> GroupWeightGradEmitter::loadSums(ArrayRef<Value> positions) {
  Value zero = e.constant(0.0f, e.vectorType(lanes));
  SmallVector<Type> types(positions.size(), zero.getType());
  return e.choose(
      accumulate, types,
      [&] {
        return llvm::map_to_vector(positions,
                                   [&](Value at) { return e.loadVector(e.results[0], at, lanes); });
      },
      [&] { return SmallVector<Value>(positions.size(), zero); });
}

/// Multiplies `count` neighbouring columns; each vector is loaded once.
SmallVector<Value> GroupWeightGradEmitter::emitColumns(Value gradientAt, Value activationAt, int64_t count,
                                                       ValueRange carried) {
  SmallVector<Value> sums(carried), gradients(count);
  AxisTaps along(plan.phase(), 2);
  const StagedAxis &axis = box.axes[2];
  // The key is the column of the box, and how far tap and channel shift otherwise; the values are the column
  // of the gradient and the sum.
  std::map<std::pair<int64_t, int64_t>, SmallVector<std::array<int64_t, 2>>> uses;
  AxisTaps frameTaps(plan.phase(), 0), rowTaps(plan.phase(), 1);
  for (int64_t channel = 0; channel < plan.channels; ++channel)
    for (int64_t i = 0; i < plan.tileTaps; ++i) {
      auto [t, h, w] = tapOf(i);
      int64_t shift = channel * (plan.activation.channels.isUniform ? 1 : box.blockStride());
      shift += t * (frameTaps.shiftStep / box.axes[0].step) * box.frameStride() +
               h * (rowTaps.shiftStep / box.axes[1].step) * box.rowStride();
      for (int64_t column = 0; column < count; ++column) {
        int64_t position = column * axis.pitch + (along.shift(w) - axis.low) / axis.step;
        uses[{position, shift}].push_back(
            {column, (column % plan.ways * plan.channels + channel) * plan.tileTaps + i});
      }
    }
  for (const auto &[place, products] : uses) {
    Value x = plan.activation.load(e, e.add(activationAt, place.first * box.width + place.second));
    for (auto [column, sum] : products) {
      if (!gradients[column])
        gradients[column] = e.loadVector(e.scratch, e.add(gradientAt, column * lanes), lanes);
      sums[sum] = e.fma(x, gradients[column], sums[sum]);
    }
  }
  return sums;
}

SmallVector<Value> GroupWeightGradEmitter::emitRow(Value gradientAt, Value activationAt, ValueRange carried) {
  int64_t columns = plan.gradient.axes[2].extent, count = plan.tileColumns, whole = columns / count * count;
  int64_t pitch = box.axes[2].pitch * box.width;
  auto sums = e.loop(e.index(0), e.index(whole), count, carried, [&](Value column, ValueRange inner) {
    return emitColumns(e.add(gradientAt, e.mul(column, lanes)), e.add(activationAt, e.mul(column, pitch)),
                       count, inner);
  });
  if (whole == columns)
    return sums;
  return emitColumns(e.add(gradientAt, whole * lanes), e.add(activationAt, whole * pitch), columns - whole,
                     sums);
}

/// Computes the sums of a tile over the piece. t and h are those of its first tap, and `outAt` is where the
/// channel's weights begin.
void GroupWeightGradEmitter::emitTile(Value channel, Value t, Value h, Value outAt) {
  const auto &k = plan.kernel;
  Value first = e.mul(e.add(e.mul(t, k[1]), h), k[2]);
  SmallVector<Value> positions;
  for (int64_t c = 0; c < plan.channels; ++c)
    for (int64_t i = 0; i < plan.tileTaps; ++i)
      positions.push_back(e.add(outAt, e.mul(e.add(first, c * plan.taps() + i), lanes)));
  SmallVector<Value> start = loadSums(positions);
  start.resize(plan.ways * positions.size(), e.constant(0.0f, e.vectorType(lanes)));

  // Where the tile has one frame of taps, frames in the padding are left out.
  Value from = e.index(0), to = place.size[1];
  if (plan.firstAxis > 0) {
    auto local = [&](int64_t end) {
      Value frame = e.sub(loadIndex(e, frames, e.add(e.mul(t, 2), end)), place.first[1]);
      return e.min(e.max(frame, e.index(0)), place.size[1]);
    };
    from = local(0);
    to = local(1);
  }
  Value source = e.add(e.add(plan.activation.planeAt(e, channel), plan.activationAt()),
                       e.add(tapShift(0, t), tapShift(1, h)));
  auto sums = e.loop(e.index(0), place.size[0], 1, start, [&](Value clip, ValueRange atClip) {
    return e.loop(from, to, 1, atClip, [&](Value frame, ValueRange atFrame) {
      return e.loop(e.index(0), place.size[2], 1, atFrame, [&](Value line, ValueRange atRow) {
        const StagedBox &dz = plan.gradient;
        Value gradientAt = e.add(e.mul(clip, dz.clipStride()),
                                 e.add(e.mul(frame, dz.frameStride()), e.mul(line, dz.rowStride())));
        Value activationAt = e.add(e.add(source, e.mul(clip, box.clipStride())),
                                   e.add(e.mul(frame, box.axes[0].pitch * box.frameStride()),
                                         e.mul(line, box.axes[1].pitch * box.rowStride())));
        return emitRow(gradientAt, activationAt, atRow);
      });
    });
  });
  for (auto [i, at] : llvm::enumerate(positions)) {
    Value sum = sums[i];
    for (int64_t way = 1; way < plan.ways; ++way)
      sum = e.addf(sum, sums[way * positions.size() + i]);
    e.storeVector(sum, e.results[0], at);
  }
}

void GroupWeightGradEmitter::emitPiece(Value block, Value piece) {
  place = emitBlockPlace(e, plan.pieces, piece);
  StagedPart part{place.first[0], place.size[0], block, e.index(1), place.first[1], place.first[2]};
  emitStage(e, gradientOf(op), plan.gradient, part, e.index(0));
  part.firstFrame = e.add(e.mul(place.first[1], plan.gather.sourceStep[0]), box.axes[0].low);
  part.firstRow = e.add(e.mul(place.first[2], plan.gather.sourceStep[1]), box.axes[1].low);
  Value partialAt = e.add(e.mul(partial, plan.weights()), e.mul(block, plan.blockWeights()));
  e.loop(plan.activation.passes(), [&](Value i) {
    pass = i;
    plan.activation.emitStage(e, activationOf(op), part, block, pass, e.index(plan.activationAt()));
    e.loop(e.index(0), e.index(plan.parameters.planes), plan.channels, [&](Value channel) {
      Value weights = e.mul(e.add(e.mul(pass, plan.parameters.planes), channel), plan.taps() * lanes);
      e.loop(plan.firstAxis > 0 ? plan.kernel[0] : 1, [&](Value t) {
        e.loop(plan.firstAxis > 1 ? plan.kernel[1] : 1,
               [&](Value h) { emitTile(channel, t, h, e.add(partialAt, weights)); });
      });
    });
  });
}

void GroupWeightGradEmitter::emit() {
  emitFrames();
  const auto &p = plan.parameters;
  e.forEachBlock([&](Value gridBlock) {
    partial = e.div(gridBlock, p.parts);
    Interval pieces = emitShare(e, {plan.pieces.count(), p.partials}, partial);
    Interval blocks = emitShare(e, {plan.outBlocks, p.parts}, e.rem(gridBlock, p.parts));
    e.loop(blocks.from, blocks.to, 1, [&](Value block) {
      e.loop(pieces.from, pieces.to, 1, [&](Value piece) {
        accumulate = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, piece, pieces.from);
        emitPiece(block, piece);
      });
    });
  });
}

} // namespace

void kinema::cpu::emitGroupWeightGrad(kernel::WeightGradOp op, KernelEmitter &e) {
  GroupWeightGradPlan plan = planOf(op, e.machine);
  GroupWeightGradEmitter(op, plan, e).emit();
}

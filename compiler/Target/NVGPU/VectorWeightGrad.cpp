#include "compiler/Target/NVGPU/VectorWeightGrad.h"

#include "compiler/Target/Common/ReferenceOps.h"
#include "compiler/Target/NVGPU/VectorModel.h"
#include "compiler/Target/NVGPU/WarpgroupEmitter.h"
#include "compiler/Target/NVGPU/WidenBfloat16.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

static constexpr int64_t width = WeightVectors::width;

//===-- The plan ----------------------------------------------------------===//

VectorWeightGradPlan::VectorWeightGradPlan(kernel::WeightGradOp op, const VectorWeightGradTile &tile)
    : tile(tile), weight(*weightVectorsOf(tensorOf(op.getResult()))) {
  RankedTensorType gradient = op.getGradientType(), activation = op.getActivationType();
  clips = gradient.getDimSize(0);
  positions = shape::product(clip::spatialSize(activation));
  outputs = gradient.getDimSize(1);
  inputs = activation.getDimSize(1);
  storedOutputs = shape::roundUp(outputs, weight.ofOutputs ? width : weight.other);
  storedInputs = shape::roundUp(inputs, weight.ofOutputs ? weight.other : width);
}

int64_t VectorWeightGradPlan::clipsTogether() const {
  constexpr int64_t most = 8; // whose operands the registers hold beside the sums
  return shape::ceilDiv(clips, shape::ceilDiv(clips, most));
}

static bool isSupported(kernel::WeightGradOp op, const Processor &processor) {
  auto vectors = weightVectorsOf(tensorOf(op.getResult()));
  if (op.getGroups() != 1 || !vectors ||
      !coversAll(op.getWindow().getWindow(), op.getActivationType(), op.getGradientType()))
    return false;
  auto operands = vectors->ofOutputs ? op.getGradientOperands() : op.getActivationOperands();
  return reference::channelWidth(processor.machine, reference::tensorTypes(operands)) == width;
}

//===-- The schedule ------------------------------------------------------===//

static kernel::ScheduleAttr scheduleOf(kernel::WeightGradOp op, const VectorWeightGradPlan &plan) {
  return makeSchedule(op, {plan.blocks(), 0, /*partials=*/1, plan.threads()}, plan.tile);
}

static Work workOf(kernel::WeightGradOp op, const VectorWeightGradPlan &plan, const Processor &processor,
                   double reads) {
  constexpr double ofItem = 30, ofRow = 15, ofClip = 2, ofLoad = 3, ofStore = 6, ofElement = 4; // f32
  bool byOutputs = plan.weight.ofOutputs;
  auto vector = byOutputs ? op.gradient() : op.activation(),
       single = byOutputs ? op.activation() : op.gradient();
  double clips = plan.clips, vectors = plan.tile.vectors, rows = std::min(plan.tile.rows, plan.rows());
  double ofVector = 2 * ofLoad * vector.size() + width * operationsOf(vector.getRegion());
  double ofColumns = clips * vectors * (ofLoad * single.size() + operationsOf(single.getRegion()));
  VectorWork work{plan.blocks(), plan.threads(), plan.values(), 0};
  work.instructions = ofItem + ofColumns * (plan.holdsColumns() ? 1 : rows) +
                      rows * (ofRow + clips * (ofClip + ofVector + width * vectors) + ofStore * vectors);
  // Each round of clips waits once for its operands, and the threads of a warp share what they load.
  double columns = plan.threads() * vectors, rounds = rows * clips / plan.clipsTogether();
  work.atOnce = ofElement * columns;
  work.loaded = ofElement * columns * rounds;
  double operands = clips * (columns * single.size() + rows * width * vector.size());
  work.cached = ofElement * (operands + rows * width * columns);
  work.memory = reads + ofElement * width * plan.rows() * plan.columns();
  return workOfVectors(work, processor);
}

Prediction nvidia::predictVectorWeightGrad(kernel::WeightGradOp op, const Processor &processor) {
  VectorWeightGradPlan plan(op, parametersOf<VectorWeightGradTile>(*op.getSchedule()));
  return predictionOf(processor.rates, workOf(op, plan, processor, kernel::trafficOf(op).reads));
}

SmallVector<Candidate> nvidia::vectorWeightGradCandidates(kernel::WeightGradOp op,
                                                          const Processor &processor) {
  if (!isSupported(op, processor))
    return {};
  VectorWeightGradPlan plan(op, {1, 1, 1, 1});
  double reads = kernel::trafficOf(op).reads;
  Best best;
  for (int64_t lanes : {8, 16, 32})
    for (int64_t vectors : {1, 2, 4})
      for (int64_t rows : {1, 2, 4, 8, 16})
        for (int64_t warps : {1, 2, 4, 8}) {
          plan.tile = {lanes, vectors, rows, warps};
          best.consider(secondsOf(processor.rates, workOf(op, plan, processor, reads)),
                        [&] { return scheduleOf(op, plan); });
        }
  return best.take();
}

kernel::ScheduleAttr nvidia::remakeVectorWeightGrad(kernel::WeightGradOp op, const Processor &processor,
                                                    ScheduleParameters &parameters) {
  if (!isSupported(op, processor))
    return {};
  VectorWeightGradTile tile;
  parameters.read(tile);
  parameters.check(tile.lanes, width, warp, width);
  parameters.check(tile.vectors, 1, VectorWeightGradPlan::mostVectors);
  parameters.check(tile.rows, 1, VectorWeightGradPlan::mostRows);
  parameters.check(tile.warps, 1, VectorWeightGradPlan::mostWarps);
  return parameters.failed() ? kernel::ScheduleAttr() : scheduleOf(op, VectorWeightGradPlan(op, tile));
}

kernel::ScheduleAttr nvidia::vectorWeightGradSchedule(kernel::WeightGradOp op,
                                                      const VectorWeightGradTile &tile) {
  return scheduleOf(op, VectorWeightGradPlan(op, tile));
}

//===-- The kernel --------------------------------------------------------===//

namespace {

class VectorWeightGradEmitter : WarpgroupEmitter {
public:
  VectorWeightGradEmitter(kernel::WeightGradOp op, const VectorWeightGradPlan &plan, KernelEmitter &e)
      : WarpgroupEmitter(e), op(op), plan(plan),
        vector(e, byOutputs ? op.gradient() : op.activation(),
               byOutputs ? op.getGradientType() : op.getActivationType(), width),
        single(e, byOutputs ? op.activation() : op.gradient(),
               byOutputs ? op.getActivationType() : op.getGradientType(), 1) {}

  void emit();

private:
  using Position = std::array<Value, 3>;
  /// A Place is a channel, of a vector the first one, and the position that it is read at.
  struct Place {
    Value channel;
    Position position;
  };

  Position positionOf(Value number);
  Place rowOf(Value number);
  Place columnOf(Value number);
  Value read(reference::RegionReader &reader, Value n, const Place &place);
  SmallVector<Value> readColumns(Value firstClip, int64_t clips);
  SmallVector<Value> withClips(ValueRange sums, Value firstClip, int64_t clips, ValueRange factors);
  SmallVector<Value> emitSums(ValueRange held);
  void store(int64_t number, Value sum);
  void emitItem(Value item);

  kernel::WeightGradOp op;
  const VectorWeightGradPlan &plan;
  bool byOutputs = plan.weight.ofOutputs;
  int64_t vectorChannels = byOutputs ? plan.outputs : plan.inputs,
          singleChannels = byOutputs ? plan.inputs : plan.outputs;
  reference::RegionReader vector, single;
  // These are a thread's.
  Place row;
  SmallVector<Place> columns;
  SmallVector<Value> exists; // whether a column is one; null: it always is
};

} // namespace

VectorWeightGradEmitter::Position VectorWeightGradEmitter::positionOf(Value number) {
  shape::Size3 size = clip::spatialSize(op.getActivationType());
  if (plan.positions == 1)
    return {e.index(0), e.index(0), e.index(0)};
  Value line = e.div(number, size[2]);
  return {e.div(line, size[1]), e.rem(line, size[1]), e.rem(number, size[2])};
}

/// Returns the place of a vector: of outputs, or of inputs of one of the positions.
VectorWeightGradEmitter::Place VectorWeightGradEmitter::rowOf(Value number) {
  int64_t vectors = shape::ceilDiv(vectorChannels, width);
  return {e.mul(e.rem(number, vectors), width), positionOf(byOutputs ? e.index(0) : e.div(number, vectors))};
}

/// Returns the place of a column: an output, or an input of one of the positions, which lie between blocks of
/// inputs.
VectorWeightGradEmitter::Place VectorWeightGradEmitter::columnOf(Value number) {
  if (!byOutputs)
    return {number, positionOf(e.index(0))};
  Value block = e.div(number, plan.weight.other), inBlock = e.rem(number, plan.weight.other);
  Value channel = e.add(e.mul(e.div(block, plan.positions), plan.weight.other), inBlock);
  return {channel, positionOf(e.rem(block, plan.positions))};
}

Value VectorWeightGradEmitter::read(reference::RegionReader &reader, Value n, const Place &place) {
  reader.enter(n, place.channel);
  auto [t, h, w] = place.position;
  return reader.value({n, place.channel, t, h, w});
}

/// Returns the operands of the columns, clip by clip.
SmallVector<Value> VectorWeightGradEmitter::readColumns(Value firstClip, int64_t clips) {
  SmallVector<Value> values;
  for (int64_t clip = 0; clip < clips; ++clip)
    for (Place column : columns) {
      column.channel = e.min(column.channel, e.index(singleChannels - 1)); // where it is padding
      values.push_back(read(single, e.add(firstClip, clip), column));
    }
  return values;
}

/// Returns the sums with the products of these clips and `factors`, what the columns have of them. All
/// operands are loaded before the first is multiplied.
SmallVector<Value> VectorWeightGradEmitter::withClips(ValueRange sums, Value firstClip, int64_t clips,
                                                      ValueRange factors) {
  SmallVector<Value> next(sums), vectors;
  for (int64_t clip = 0; clip < clips; ++clip)
    vectors.push_back(read(vector, e.add(firstClip, clip), row));
  for (auto [i, factor] : llvm::enumerate(factors)) {
    Value &sum = next[i % columns.size()];
    sum = e.fma(e.splat(factor, width), vectors[i / columns.size()], sum);
  }
  return next;
}

/// Returns a row's sums over all clips; `held`: what the columns have of them, if they are few.
SmallVector<Value> VectorWeightGradEmitter::emitSums(ValueRange held) {
  SmallVector<Value> sums(columns.size(), e.zero(width));
  int64_t together = plan.clipsTogether(), rest = plan.clips % together;
  if (plan.holdsColumns())
    return withClips(sums, e.index(0), plan.clips, held);
  sums = e.loop(e.index(0), e.index(plan.clips - rest), together, sums, [&](Value clip, ValueRange sums) {
    return withClips(sums, clip, together, readColumns(clip, together));
  });
  Value last = e.index(plan.clips - rest);
  return withClips(sums, last, rest, readColumns(last, rest));
}

/// Stores the sums of a column, which are zeros where a channel is padding.
void VectorWeightGradEmitter::store(int64_t number, Value sum) {
  const Place &column = columns[number];
  Value zeros = e.zero(width);
  if (Value exist = existing(row.channel, width, vectorChannels))
    sum = choose(exist, sum, zeros);
  if (plan.columns() > singleChannels * (byOutputs ? plan.positions : 1))
    sum = choose(e.inRange(column.channel, singleChannels), sum, zeros);
  auto [t, h, w] = byOutputs ? column.position : row.position;
  Value o = byOutputs ? row.channel : column.channel, i = byOutputs ? column.channel : row.channel;
  e.storeVector(sum, e.results[0], e.position(tensorOf(op.getResult()), {e.index(0), o, i, t, h, w}));
}

/// Computes a thread's columns of its rows.
void VectorWeightGradEmitter::emitItem(Value item) {
  Value lane = e.rem(item, plan.tile.lanes), rest = e.div(item, plan.tile.lanes);
  int64_t group = plan.tile.lanes * plan.tile.vectors;
  Value first = e.add(e.mul(e.rem(rest, plan.columnGroups()), group), lane);
  bool isEven = plan.columns() % group == 0;
  for (int64_t i = 0; i < plan.tile.vectors; ++i) {
    Value number = e.add(first, i * plan.tile.lanes);
    exists.push_back(isEven ? Value() : e.inRange(number, plan.columns()));
    columns.push_back(columnOf(isEven ? number : e.min(number, e.index(plan.columns() - 1))));
  }
  SmallVector<Value> held;
  if (plan.holdsColumns())
    held = readColumns(e.index(0), plan.clips);
  Value firstRow = e.mul(e.div(rest, plan.columnGroups()), plan.tile.rows);
  Value endRow = e.min(e.add(firstRow, plan.tile.rows), e.index(plan.rows()));
  e.loop(firstRow, endRow, 1, [&](Value number) {
    row = rowOf(number);
    for (auto [i, sum] : llvm::enumerate(emitSums(held))) {
      if (exists[i])
        e.when(exists[i], [&, i = i, sum = sum] { store(i, sum); });
      else
        store(i, sum);
    }
  });
}

void VectorWeightGradEmitter::emit() {
  Value item = e.add(e.mul(e.firstBlock, plan.threads()), e.thread);
  if (plan.items() % plan.threads())
    e.when(e.inRange(item, plan.items()), [&] { emitItem(item); });
  else
    emitItem(item);
  widenInWords(*e.b.getInsertionBlock());
}

void nvidia::emitVectorWeightGrad(kernel::WeightGradOp op, KernelEmitter &e) {
  VectorWeightGradPlan plan(op, parametersOf<VectorWeightGradTile>(*op.getSchedule()));
  VectorWeightGradEmitter(op, plan, e).emit();
}

// Pass fuse-kernels: clip operations become kernels. Contractions, pools, the loss and the update are
// anchors, one kernel each; pointwise operations are virtual and ride in the prologues and epilogues of the
// kernels that read or make their values; reductions ride with the kernel that stores what they sum.
#include "compiler/Conversion/ClipToKernel/Expression.h"
#include "compiler/Conversion/Passes.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

namespace kinema {
#define GEN_PASS_DEF_FUSEKERNELS
#include "compiler/Conversion/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using kernel::Access;
using kernel::Yield;

namespace {

/// What a kernel yields beside the stored value: reductions of it, and where each finds its numbers.
struct Outputs {
  SmallVector<Type> types;
  SmallVector<clip::ChannelReductionOp> moments;
  SmallVector<clip::ChannelReductionOp> sums;
  SmallVector<SmallVector<int64_t>>
      rows; // of each operation of `sums`, a row of the partials for each result
};

/// Where the merged numbers of a reduction come from.
struct Reduction {
  Value partials;
  SmallVector<int64_t> rows;
};

class Fuser {
public:
  Fuser(func::FuncOp function, FuseLevel level) : function(function), level(level), b(function) {}

  LogicalResult run();

private:
  LogicalResult visit(Operation *op);
  LogicalResult visitPointwise(clip::PointwiseOp op);
  LogicalResult anchor(Operation *op);

  // Anchors.
  LogicalResult conv(Operation *op, Value source, Value weight, Value bias, clip::WindowAttr window,
                     int64_t groups, kernel::Direction direction);
  LogicalResult weightGrad(clip::ConvWeightGradOp op);
  LogicalResult pool(Operation *op, clip::WindowAttr window, kernel::PoolKind kind);
  LogicalResult poolGrad(Operation *op, Value g, Value x, clip::WindowAttr window, kernel::PoolKind kind);
  LogicalResult loss(clip::SoftmaxCrossEntropyOp op);
  LogicalResult sgd(clip::SgdOp op);
  LogicalResult fold(clip::FoldWeightOp op);
  LogicalResult convert(Operation *op);
  LogicalResult place(Operation *op, ArrayRef<kernel::PieceAttr> pieces);
  LogicalResult dropout(clip::DropoutOp op);
  LogicalResult softmax(Operation *op);
  LogicalResult matmul(clip::MatmulOp op);
  LogicalResult spread(clip::PointwiseOp op);
  LogicalResult spreadSum(clip::SpreadSumOp op);

  // Prologues and epilogues.
  LogicalResult prologue(RegionBuilder &region, Value source, bool inlineJoins = false);
  Value epilogueEnd(Value made);
  RankedTensorType latticeOf(clip::ConvDataGradOp op);
  SmallVector<clip::ChannelReductionOp> reductionsOf(Value value);
  void yieldReductions(RegionBuilder &region, Value value, Value scalar, Outputs &outputs);
  void bind(Operation *kernel, const Outputs &outputs, Value value);

  // Stored values.
  LogicalResult require(Value value);
  LogicalResult materialise(Value value);
  void map(Location loc, Value value);
  LogicalResult reduce(Operation *op);
  void finalize(Value partials, ArrayRef<Operation *> members);
  void collectFollowers(llvm::SetVector<Operation *> &members);

  func::FuncOp function;
  FuseLevel level;
  OpBuilder b;
  StoredValues stored;
  DenseMap<Value, Value> gradients; // result of a conv_wgrad -> its partials
  llvm::MapVector<Operation *, Reduction> reductions;
  DenseSet<Value> merged;          // partials whose kernel.finalize stands
  DenseSet<Operation *> finalized; // channel arithmetic that has been computed
};

LogicalResult Fuser::run() {
  for (Value argument : function.getArguments())
    stored[argument] = argument;
  SmallVector<Operation *> ops;
  for (Operation &op : function.front())
    ops.push_back(&op);
  for (Operation *op : ops) {
    b.setInsertionPoint(op);
    if (failed(visit(op)))
      return failure();
  }
  for (Operation *op : llvm::reverse(ops))
    if (isOpTriviallyDead(op))
      op->erase();
  return success();
}

LogicalResult Fuser::visit(Operation *op) {
  if (auto read = dyn_cast<clip::ReadOp>(op)) {
    stored[read] = read;
    return success();
  }
  if (isa<clip::WriteOp, func::ReturnOp>(op)) {
    for (OpOperand &operand : op->getOpOperands()) {
      if (failed(require(operand.get())))
        return failure();
      operand.set(stored.lookup(operand.get()));
    }
    return success();
  }
  if (isa<clip::ChannelReductionOp>(op))
    return reduce(op);
  if (isa<clip::ChannelwiseOp>(op)) {
    if (!finalized.contains(op))
      finalize({}, {op});
    return success();
  }
  auto pointwise = pointwiseOf(op);
  return pointwise ? visitPointwise(pointwise) : anchor(op);
}

LogicalResult Fuser::visitPointwise(clip::PointwiseOp op) {
  Value result = op->getResult(0);
  bool spreads = false, readsTensors = false;
  for (Value operand : op->getOperands()) {
    Access access = accessOf(operand, result);
    bool isSmall = access == Access::BatchChannel || access == Access::Spread;
    if (isSmall && failed(require(operand)))
      return failure();
    spreads |= access == Access::Spread;
    readsTensors |= access == Access::Pixel;
  }
  if (spreads)
    return spread(op);
  bool stores = level == FuseLevel::None && readsTensors && !stored.contains(result);
  return stores ? materialise(result) : success();
}

//===-- Channels that move ------------------------------------------------===//

using Pieces = SmallVector<kernel::PieceAttr>;

static Pieces piecesOf(clip::ConcatOp op) {
  Pieces pieces;
  int64_t to = 0;
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    int64_t count = tensorOf(input).getDimSize(1);
    pieces.push_back(kernel::PieceAttr::get(op.getContext(), i, 0, to, count, 0));
    to += count;
  }
  return pieces;
}

static Pieces piecesOf(clip::SliceOp op) {
  return {kernel::PieceAttr::get(op.getContext(), 0, op.getBegin(), 0, op.getCount(), 0)};
}

static Pieces piecesOf(clip::PadChannelsOp op) {
  int64_t count = op.getX().getType().getDimSize(1);
  return {kernel::PieceAttr::get(op.getContext(), 0, 0, op.getBegin(), count, 0)};
}

static Pieces piecesOf(clip::ShiftOp op) {
  int64_t moved = op.getChannels(), all = op.getType().getDimSize(1), frames = op.getFrames();
  Pieces pieces;
  auto add = [&](int64_t first, int64_t count, int64_t frames) {
    if (count)
      pieces.push_back(kernel::PieceAttr::get(op.getContext(), 0, first, first, count, frames));
  };
  add(0, moved, frames);
  add(moved, moved, -frames);
  add(2 * moved, all - 2 * moved, 0);
  return pieces;
}

//===-- Anchors -----------------------------------------------------------===//

LogicalResult Fuser::anchor(Operation *op) {
  using kernel::Direction;
  using kernel::PoolKind;
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](clip::ConvOp c) {
        return conv(c, c.getX(), c.getWeight(), c.getBias(), c.getWindow(), c.getGroups(),
                    Direction::Forward);
      })
      .Case([&](clip::ConvDataGradOp c) {
        return conv(c, c.getG(), c.getWeight(), {}, c.getWindow(), c.getGroups(), Direction::Transposed);
      })
      .Case([&](clip::ConvWeightGradOp c) { return weightGrad(c); })
      .Case([&](clip::MaxPoolOp p) { return pool(p, p.getWindow(), PoolKind::Max); })
      .Case([&](clip::AvgPoolOp p) { return pool(p, p.getWindow(), PoolKind::Average); })
      .Case([&](clip::MaxPoolGradOp p) {
        return poolGrad(p, p.getG(), p.getX(), p.getWindow(), PoolKind::Max);
      })
      .Case(
          [&](clip::AvgPoolGradOp p) { return poolGrad(p, p.getG(), {}, p.getWindow(), PoolKind::Average); })
      .Case<clip::ConcatOp, clip::SliceOp, clip::PadChannelsOp, clip::ShiftOp>(
          [&](auto o) { return place(o, piecesOf(o)); })
      .Case([&](clip::DropoutOp d) { return dropout(d); })
      .Case<clip::SoftmaxOp, clip::SoftmaxGradOp>([&](auto) { return softmax(op); })
      .Case([&](clip::MatmulOp m) { return matmul(m); })
      .Case([&](clip::SpreadSumOp s) { return spreadSum(s); })
      .Case([&](clip::SoftmaxCrossEntropyOp l) { return loss(l); })
      .Case([&](clip::SgdOp s) { return sgd(s); })
      .Case([&](clip::FoldWeightOp f) { return fold(f); })
      .Case<clip::FoldTimeOp, clip::UnfoldTimeOp>([&](auto) { return convert(op); })
      .Default([](Operation *op) { return op->emitError("no kernel computes ") << op->getName() << " yet"; });
}

LogicalResult Fuser::conv(Operation *op, Value source, Value weight, Value bias, clip::WindowAttr window,
                          int64_t groups, kernel::Direction direction) {
  Location loc = op->getLoc();
  RegionBuilder in(b.getContext(), loc, stored);
  if (failed(prologue(in, source)) || failed(require(weight)))
    return failure();
  Value made = op->getResult(0), end = epilogueEnd(made);
  auto type = tensorOf(end);
  auto gradient = dyn_cast<clip::ConvDataGradOp>(op);
  if (auto lattice = gradient && end == made ? latticeOf(gradient) : RankedTensorType()) {
    type = lattice;
    window = clip::WindowAttr::get(b.getContext(), shape::Window());
  }
  RegionBuilder out(b.getContext(), loc, stored);
  Value accumulator = out.addArgument({});
  if (bias)
    accumulator = arith::AddFOp::create(out.b, loc, accumulator, out.emitChannel(bias));
  out.define(made, accumulator);
  Value scalar = out.emit(end);
  Outputs outputs{{type}, {}, {}, {}};
  out.yield(Yield::Store, scalar);
  yieldReductions(out, end, scalar, outputs);
  auto kernel = kernel::ConvOp::create(b, loc, outputs.types, stored.lookup(weight), in.operands,
                                       out.operands, direction, window, groups, /*winograd=*/1, in.access,
                                       out.access, kernel::ScheduleAttr());
  in.finish(kernel.getPrologue());
  out.finish(kernel.getEpilogue());
  bind(kernel, outputs, end);
  return success();
}

LogicalResult Fuser::weightGrad(clip::ConvWeightGradOp op) {
  RegionBuilder gradient(b.getContext(), op.getLoc(), stored),
      activation(b.getContext(), op.getLoc(), stored);
  if (failed(prologue(gradient, op.getG())) || failed(prologue(activation, op.getX())))
    return failure();
  SmallVector<int64_t> shape = {ShapedType::kDynamic};
  llvm::append_range(shape, op.getType().getShape());
  auto kernel = kernel::WeightGradOp::create(
      b, op.getLoc(), RankedTensorType::get(shape, b.getF32Type()), gradient.operands, activation.operands,
      op.getWindow(), op.getGroups(), gradient.access, activation.access, kernel::ScheduleAttr());
  gradient.finish(kernel.getGradient());
  activation.finish(kernel.getActivation());
  gradients[op] = kernel.getResult();
  return success();
}

LogicalResult Fuser::pool(Operation *op, clip::WindowAttr window, kernel::PoolKind kind) {
  RegionBuilder in(b.getContext(), op->getLoc(), stored);
  Value source = op->getOperand(0);
  // A global pool reads each element once, as the map would that stores a join for it.
  bool readOnce = kind == kernel::PoolKind::Average && clip::isGlobalPool(window, tensorOf(source)) &&
                  llvm::all_of(source.getUsers(),
                               [&](Operation *user) { return user == op || isa<clip::ReluGradOp>(user); });
  if (failed(prologue(in, source, readOnce)))
    return failure();
  auto kernel = kernel::PoolOp::create(b, op->getLoc(), op->getResult(0).getType(), kind, in.operands, window,
                                       in.access, kernel::ScheduleAttr());
  in.finish(kernel.getPrologue());
  stored[op->getResult(0)] = kernel.getResult();
  return success();
}

LogicalResult Fuser::poolGrad(Operation *op, Value g, Value x, clip::WindowAttr window,
                              kernel::PoolKind kind) {
  RegionBuilder in(b.getContext(), op->getLoc(), stored);
  if (failed(require(g)))
    return failure();
  if (!x)
    in.yield(Yield::Value, in.constant(0.0f));
  else if (failed(prologue(in, x)))
    return failure();
  auto kernel =
      kernel::PoolGradOp::create(b, op->getLoc(), op->getResult(0).getType(), kind, stored.lookup(g),
                                 in.operands, window, in.access, kernel::ScheduleAttr());
  in.finish(kernel.getPrologue());
  stored[op->getResult(0)] = kernel.getResult();
  return success();
}

LogicalResult Fuser::loss(clip::SoftmaxCrossEntropyOp op) {
  if (failed(require(op.getLogits())))
    return failure();
  auto kernel = kernel::SoftmaxCrossEntropyOp::create(b, op.getLoc(), op.getResultTypes(),
                                                      stored.lookup(op.getLogits()), op.getLabels(),
                                                      op.getSmoothing(), kernel::ScheduleAttr());
  stored[op.getLoss()] = kernel.getLoss();
  stored[op.getDlogits()] = kernel.getDlogits();
  return success();
}

LogicalResult Fuser::sgd(clip::SgdOp op) {
  Value gradient = gradients.lookup(op.getGradient());
  if (!gradient || stored.contains(op.getGradient())) {
    if (failed(require(op.getGradient())))
      return failure();
    gradient = stored.lookup(op.getGradient());
  }
  auto kernel =
      kernel::SgdOp::create(b, op.getLoc(), op.getNewWeight().getType(), op.getNewVelocity().getType(),
                            stored.lookup(op.getWeight()), stored.lookup(op.getVelocity()), gradient,
                            op.getHyper(), kernel::ScheduleAttr());
  stored[op.getNewWeight()] = kernel.getNewWeights().front();
  stored[op.getNewVelocity()] = kernel.getNewVelocities().front();
  return success();
}

LogicalResult Fuser::fold(clip::FoldWeightOp op) {
  stored[op] = kernel::FoldOp::create(b, op.getLoc(), op.getType(), stored.lookup(op.getWeight()),
                                      stored.lookup(op.getScale()), kernel::ScheduleAttr());
  return success();
}

LogicalResult Fuser::convert(Operation *op) {
  if (failed(require(op->getOperand(0))))
    return failure();
  auto kernel = kernel::ConvertOp::create(b, op->getLoc(), TypeRange{op->getResult(0).getType()},
                                          stored.lookup(op->getOperand(0)), kernel::ScheduleAttr());
  stored[op->getResult(0)] = kernel.getResult(0);
  return success();
}

LogicalResult Fuser::place(Operation *op, ArrayRef<kernel::PieceAttr> pieces) {
  SmallVector<Value> inputs;
  for (Value input : op->getOperands()) {
    if (failed(require(input)))
      return failure();
    inputs.push_back(stored.lookup(input));
  }
  SmallVector<Attribute> list(pieces.begin(), pieces.end());
  stored[op->getResult(0)] = kernel::PlaceOp::create(b, op->getLoc(), op->getResult(0).getType(), inputs,
                                                     b.getArrayAttr(list), kernel::ScheduleAttr());
  return success();
}

LogicalResult Fuser::dropout(clip::DropoutOp op) {
  if (failed(require(op.getX())))
    return failure();
  if (!op.getHyper()) { // the identity
    stored[op] = stored.lookup(op.getX());
    return success();
  }
  stored[op] =
      kernel::DropoutOp::create(b, op.getLoc(), op.getType(), stored.lookup(op.getX()), op.getHyper(),
                                op.getRateAttr(), op.getStreamAttr(), kernel::ScheduleAttr());
  return success();
}

LogicalResult Fuser::softmax(Operation *op) {
  for (Value operand : op->getOperands())
    if (failed(require(operand)))
      return failure();
  Value first = stored.lookup(op->getOperand(0)), made;
  Type type = op->getResult(0).getType();
  if (isa<clip::SoftmaxOp>(op))
    made = kernel::SoftmaxOp::create(b, op->getLoc(), type, first, kernel::ScheduleAttr());
  else
    made = kernel::SoftmaxGradOp::create(b, op->getLoc(), type, first, stored.lookup(op->getOperand(1)),
                                         kernel::ScheduleAttr());
  stored[op->getResult(0)] = made;
  return success();
}

LogicalResult Fuser::matmul(clip::MatmulOp op) {
  if (failed(require(op.getLhs())) || failed(require(op.getRhs())))
    return failure();
  stored[op] = kernel::MatmulOp::create(b, op.getLoc(), op.getType(), stored.lookup(op.getLhs()),
                                        stored.lookup(op.getRhs()), op.getTransposeLhs(),
                                        op.getTransposeRhs(), kernel::ScheduleAttr());
  return success();
}

/// Of what is spread otherwise than over T, H and W.
LogicalResult Fuser::spread(clip::PointwiseOp op) {
  for (Value operand : op->getOperands())
    if (failed(require(operand)))
      return failure();
  Location loc = op->getLoc();
  RegionBuilder body(b.getContext(), loc, stored);
  body.yield(Yield::Store, body.emit(op->getResult(0)));
  auto kernel =
      kernel::MapOp::create(b, loc, op->getResultTypes(), body.operands, body.access, kernel::ScheduleAttr());
  body.finish(kernel.getBody());
  stored[op->getResult(0)] = kernel.getResult(0);
  return success();
}

LogicalResult Fuser::spreadSum(clip::SpreadSumOp op) {
  RegionBuilder in(b.getContext(), op.getLoc(), stored);
  if (failed(prologue(in, op.getX(), /*inlineJoins=*/op.getX().hasOneUse())))
    return failure();
  auto kernel = kernel::SpreadSumOp::create(b, op.getLoc(), op.getType(), in.operands, in.access,
                                            kernel::ScheduleAttr());
  in.finish(kernel.getPrologue());
  stored[op] = kernel.getResult();
  return success();
}

//===-- Prologues and epilogues -------------------------------------------===//

/// Inlines what makes `source`, if that reads at most two tensors and is no join; stores it first otherwise.
LogicalResult Fuser::prologue(RegionBuilder &region, Value source, bool inlineJoins) {
  Leaves leaves = leavesOf(source, stored);
  bool inlined = level == FuseLevel::All && leaves.complete && (inlineJoins || !leaves.joins) &&
                 leaves.tensors.size() <= 2 && !leaves.tensors.empty();
  if (!inlined && failed(require(source)))
    return failure();
  region.yield(Yield::Value, region.emit(source));
  return success();
}

/// Follows the only user of what an anchor makes while that is pointwise and the rest of it is at hand: the
/// value that the epilogue stores instead.
Value Fuser::epilogueEnd(Value made) {
  Value end = made;
  while (level != FuseLevel::None && end.hasOneUse()) {
    Operation *user = *end.user_begin();
    if (!pointwiseOf(user) || user->getResult(0).getType() != made.getType())
      break;
    stored[end] = end; // as if it were at hand
    bool complete = leavesOf(user->getResult(0), stored).complete;
    stored.erase(end);
    if (!complete)
      break;
    end = user->getResult(0);
  }
  return end;
}

/// The gradient of a strided 1x1x1 conv is zero but on the points that the conv reads. Where another gradient
/// will add it (at a fork: a projection beside the main path), only those are stored, at the conv's own
/// resolution. Null where all must be stored.
RankedTensorType Fuser::latticeOf(clip::ConvDataGradOp op) {
  auto full = tensorOf(op.getResult()), points = tensorOf(op.getG());
  shape::Window window = op.getWindow().getWindow();
  constexpr shape::Size3 one = {1, 1, 1}, none = {0, 0, 0};
  if (level == FuseLevel::None || window.kernel != one || window.stride == one || window.padLow != none ||
      window.padHigh != none || !op->hasOneUse() || !isa<clip::AddOp>(*op->user_begin()))
    return {};
  for (int axis = 0; axis < 3; ++axis) {
    int64_t count = points.getDimSize(axis + 2);
    if (count > 1 && kernel::latticeStride(full.getDimSize(axis + 2), count) != window.stride[axis])
      return {}; // the sizes do not tell the stride
  }
  SmallVector<int64_t> shape(points.getShape());
  shape[1] = full.getDimSize(1);
  return RankedTensorType::get(shape, full.getElementType());
}

/// The reductions of `value` that can be computed where it is stored.
SmallVector<clip::ChannelReductionOp> Fuser::reductionsOf(Value value) {
  SmallVector<clip::ChannelReductionOp> found;
  for (Operation *user : value.getUsers()) {
    auto reduction = dyn_cast<clip::ChannelReductionOp>(user);
    if (!reduction || user->getOperand(0) != value || reductions.contains(user))
      continue;
    bool complete = llvm::all_of(user->getOperands().drop_front(), [&](Value operand) {
      return accessOf(operand, value) == Access::Pixel ? leavesOf(operand, stored).complete
                                                       : stored.contains(operand);
    });
    if (complete)
      found.push_back(reduction);
  }
  llvm::sort(found, [](Operation *x, Operation *y) { return x->isBeforeInBlock(y); });
  return found;
}

void Fuser::yieldReductions(RegionBuilder &region, Value value, Value scalar, Outputs &outputs) {
  SmallVector<clip::ChannelReductionOp> found;
  if (level != FuseLevel::None || outputs.types.empty())
    found = reductionsOf(value);
  int64_t channels = tensorOf(value).getDimSize(1);
  auto partials = [&](int64_t rows) {
    return RankedTensorType::get({ShapedType::kDynamic, rows, channels}, b.getF32Type());
  };
  for (clip::ChannelReductionOp op : found)
    (op.takesMoments() ? outputs.moments : outputs.sums).push_back(op);
  if (!outputs.moments.empty()) {
    region.yield(Yield::Moments, scalar);
    outputs.types.push_back(partials(3));
  }
  SmallVector<Value> rows;
  auto rowOf = [&](Value summed) -> int64_t {
    auto known = llvm::find(rows, summed);
    if (known == rows.end()) {
      region.yield(Yield::Sum, summed);
      rows.push_back(summed);
      return rows.size() - 1;
    }
    return known - rows.begin();
  };
  for (clip::ChannelReductionOp op : outputs.sums)
    outputs.rows.push_back(llvm::map_to_vector<4>(region.emitSummands(op), rowOf));
  if (!rows.empty())
    outputs.types.push_back(partials(rows.size()));
}

void Fuser::bind(Operation *kernel, const Outputs &outputs, Value value) {
  unsigned next = 0;
  if (!stored.contains(value))
    stored[value] = kernel->getResult(next++);
  if (!outputs.moments.empty()) {
    for (Operation *op : outputs.moments)
      reductions[op] = {kernel->getResult(next), {}};
    ++next;
  }
  for (auto [op, rows] : llvm::zip(outputs.sums, outputs.rows))
    reductions[op] = {kernel->getResult(next), rows};
}

//===-- Stored values -----------------------------------------------------===//

LogicalResult Fuser::require(Value value) {
  if (stored.contains(value))
    return success();
  if (Value partials = gradients.lookup(value)) {
    stored[value] =
        kernel::ReduceOp::create(b, value.getLoc(), value.getType(), partials, kernel::ScheduleAttr());
    return success();
  }
  return materialise(value);
}

/// Stores a virtual value, with the reductions of it.
LogicalResult Fuser::materialise(Value value) {
  if (!leavesOf(value, stored).complete)
    return value.getDefiningOp()->emitError("the value of ")
           << value.getDefiningOp()->getName() << " cannot be stored here";
  map(value.getLoc(), value);
  return success();
}

/// A kernel.map that stores a value, if it is not yet stored, and takes the reductions of it.
void Fuser::map(Location loc, Value value) {
  RegionBuilder body(b.getContext(), loc, stored);
  Outputs outputs;
  Value scalar = body.emit(value);
  if (!stored.contains(value)) {
    outputs.types.push_back(value.getType());
    body.yield(Yield::Store, scalar);
  }
  yieldReductions(body, value, scalar, outputs);
  auto kernel =
      kernel::MapOp::create(b, loc, outputs.types, body.operands, body.access, kernel::ScheduleAttr());
  body.finish(kernel.getBody());
  bind(kernel, outputs, value);
}

/// A reduction that rode with no kernel gets a map; then its numbers are merged, once for all that share the
/// partials.
LogicalResult Fuser::reduce(Operation *op) {
  Value value = op->getOperand(0);
  if (!reductions.contains(op) && failed(require(value)))
    return failure();
  if (!reductions.contains(op))
    map(op->getLoc(), value);
  Value partials = reductions[op].partials;
  if (!merged.insert(partials).second)
    return success();
  SmallVector<Operation *> sharing;
  for (auto &[other, reduction] : reductions)
    if (reduction.partials == partials)
      sharing.push_back(other);
  finalize(partials, sharing);
  return success();
}

/// Adds the channel arithmetic that can be computed from the members' results and what is stored.
void Fuser::collectFollowers(llvm::SetVector<Operation *> &members) {
  for (Operation *op = members.front(); op; op = op->getNextNode()) {
    if (!isa<clip::ChannelwiseOp>(op) || finalized.contains(op) || members.contains(op))
      continue;
    auto isMember = [&](Value operand) {
      return operand.getDefiningOp() && members.contains(operand.getDefiningOp());
    };
    if (llvm::any_of(op->getOperands(), isMember) && llvm::all_of(op->getOperands(), [&](Value operand) {
          return isMember(operand) || stored.contains(operand);
        }))
      members.insert(op);
  }
}

void Fuser::finalize(Value partials, ArrayRef<Operation *> roots) {
  llvm::SetVector<Operation *> members(roots.begin(), roots.end());
  collectFollowers(members);
  finalized.insert(members.begin(), members.end());
  Location loc = members.front()->getLoc();
  RegionBuilder body(b.getContext(), loc, stored);
  auto reduction = dyn_cast<clip::ChannelReductionOp>(members.front());
  bool moments = reduction && reduction.takesMoments();
  SmallVector<Value> statistics;
  if (partials)
    for (int64_t i = 0, n = moments ? 2 : tensorOf(partials).getDimSize(1); i < n; ++i)
      statistics.push_back(body.addArgument({}));
  SmallVector<Value> results;
  for (Operation *op : members) {
    if (auto channelwise = dyn_cast<clip::ChannelwiseOp>(op))
      body.computeChannels(channelwise);
    else
      for (auto [i, result] : llvm::enumerate(op->getResults()))
        body.define(result, statistics[moments ? i : reductions[op].rows[i]]);
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !members.contains(user); }))
        results.push_back(result);
  }
  for (Value result : results)
    body.yield(Yield::Value, body.emitChannel(result));
  SmallVector<Type> types(results.size());
  llvm::transform(results, types.begin(), [](Value result) { return result.getType(); });
  auto kernel = kernel::FinalizeOp::create(b, loc, types, partials, body.operands, moments, /*folded=*/false,
                                           kernel::ScheduleAttr());
  body.finish(kernel.getBody());
  for (auto [result, value] : llvm::zip(results, kernel.getResults()))
    stored[result] = value;
}

struct FuseKernels : kinema::impl::FuseKernelsBase<FuseKernels> {
  using FuseKernelsBase::FuseKernelsBase;

  void runOnOperation() override {
    getOperation().walk([&](func::FuncOp function) {
      if (failed(Fuser(function, fuse).run()))
        signalPassFailure();
    });
  }
};

} // namespace

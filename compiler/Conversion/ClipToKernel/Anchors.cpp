// Makes the kernels of clip operations that have kernels of their own: what each reads from memory, what it
// computes in prologue and epilogue, what it leaves.
#include "compiler/Conversion/ClipToKernel/Fuser.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kinema;
using kernel::Direction;
using kernel::PoolKind;
using kernel::ScheduleAttr;
using kernel::Yield;

//===-- Convs -------------------------------------------------------------===//

/// Makes the forward conv, or the data gradient. The latter is stored on the conv's lattice, in the type
/// `lattice`, where there is one and no epilogue goes on from the result.
template <typename Conv>
static LogicalResult makeConv(Fuser &f, Conv op, Value source, Value bias, Direction direction,
                              RankedTensorType lattice) {
  Location loc = op.getLoc();
  RegionBuilder in = f.region(loc);
  if (failed(f.prologue(in, source)) || failed(f.require(op.getWeight())))
    return failure();
  Value made = op.getResult(), end = f.storage.storedFor(made);
  bool onLattice = lattice && end == made;
  auto window = onLattice ? clip::WindowAttr::get(f.b.getContext(), shape::Window()) : op.getWindow();
  RegionBuilder out = f.region(loc);
  Value accumulator = out.addArgument({});
  if (bias)
    accumulator = arith::AddFOp::create(out.b, loc, accumulator, out.emitChannel(bias));
  out.define(made, accumulator);
  Value scalar = out.emit(end);
  Outputs outputs{{onLattice ? lattice : tensorOf(end)}};
  out.yield(Yield::Store, scalar);
  f.reductions.yield(out, end, scalar, outputs);
  auto kernel = kernel::ConvOp::create(f.b, loc, outputs.types, f.storage.lookup(op.getWeight()), in.operands,
                                       out.operands, direction, window, op.getGroups(), in.access, out.access,
                                       ScheduleAttr());
  in.finish(kernel.getPrologue());
  out.finish(kernel.getEpilogue());
  f.bind(kernel, outputs, end);
  return success();
}

static LogicalResult make(Fuser &f, clip::ConvOp op) {
  return makeConv(f, op, op.getX(), op.getBias(), Direction::Forward, {});
}

static LogicalResult make(Fuser &f, clip::ConvDataGradOp op) {
  return makeConv(f, op, op.getG(), {}, Direction::Transposed, f.storage.latticeOf(op));
}

static LogicalResult make(Fuser &f, clip::ConvWeightGradOp op) {
  RegionBuilder gradient = f.region(op.getLoc()), activation = f.region(op.getLoc());
  if (failed(f.prologue(gradient, op.getG())) || failed(f.prologue(activation, op.getX())))
    return failure();
  SmallVector<int64_t> shape = {ShapedType::kDynamic};
  llvm::append_range(shape, op.getType().getShape());
  auto kernel =
      kernel::WeightGradOp::create(f.b, op.getLoc(), RankedTensorType::get(shape, f.b.getF32Type()),
                                   gradient.operands, activation.operands, op.getWindow(), op.getGroups(),
                                   gradient.access, activation.access, ScheduleAttr());
  gradient.finish(kernel.getGradient());
  activation.finish(kernel.getActivation());
  f.storage.holdPartials(op, kernel.getResult());
  return success();
}

//===-- Pools -------------------------------------------------------------===//

template <typename Pool> static LogicalResult makePool(Fuser &f, Pool op, PoolKind kind) {
  RegionBuilder in = f.region(op.getLoc());
  Value source = op.getX();
  // A global pool reads each element once, and so would the map that stores a join for it.
  bool readOnce = kind == PoolKind::Average && clip::isGlobalPool(op.getWindow(), tensorOf(source)) &&
                  llvm::all_of(source.getUsers(),
                               [&](Operation *user) { return user == op || isa<clip::ReluGradOp>(user); });
  if (failed(f.prologue(in, source, readOnce)))
    return failure();
  auto kernel = kernel::PoolOp::create(f.b, op.getLoc(), op.getType(), kind, in.operands, op.getWindow(),
                                       in.access, ScheduleAttr());
  in.finish(kernel.getPrologue());
  f.storage.hold(op, kernel.getResult());
  return success();
}

static LogicalResult make(Fuser &f, clip::MaxPoolOp op) { return makePool(f, op, PoolKind::Max); }
static LogicalResult make(Fuser &f, clip::AvgPoolOp op) { return makePool(f, op, PoolKind::Average); }

/// A maximum is looked for in `x`, which is null for an average.
template <typename PoolGrad>
static LogicalResult makePoolGrad(Fuser &f, PoolGrad op, PoolKind kind, Value x) {
  RegionBuilder in = f.region(op.getLoc());
  if (failed(f.require(op.getG())))
    return failure();
  if (!x)
    in.yield(Yield::Value, in.constant(0.0f));
  else if (failed(f.prologue(in, x)))
    return failure();
  auto kernel = kernel::PoolGradOp::create(f.b, op.getLoc(), op.getType(), kind, f.storage.lookup(op.getG()),
                                           in.operands, op.getWindow(), in.access, ScheduleAttr());
  in.finish(kernel.getPrologue());
  f.storage.hold(op, kernel.getResult());
  return success();
}

static LogicalResult make(Fuser &f, clip::MaxPoolGradOp op) {
  return makePoolGrad(f, op, PoolKind::Max, op.getX());
}
static LogicalResult make(Fuser &f, clip::AvgPoolGradOp op) {
  return makePoolGrad(f, op, PoolKind::Average, {});
}

static LogicalResult make(Fuser &f, clip::SpreadSumOp op) {
  RegionBuilder in = f.region(op.getLoc());
  if (failed(f.prologue(in, op.getX(), /*joinsToo=*/op.getX().hasOneUse())))
    return failure();
  auto kernel =
      kernel::SpreadSumOp::create(f.b, op.getLoc(), op.getType(), in.operands, in.access, ScheduleAttr());
  in.finish(kernel.getPrologue());
  f.storage.hold(op, kernel.getResult());
  return success();
}

//===-- Channels that move ------------------------------------------------===//

using Pieces = SmallVector<Attribute>;

static kernel::PieceAttr piece(Operation *op, int64_t input, int64_t from, int64_t to, int64_t count,
                               int64_t frames = 0) {
  return kernel::PieceAttr::get(op->getContext(), input, from, to, count, frames);
}

static Pieces piecesOf(clip::ConcatOp op) {
  Pieces pieces;
  int64_t to = 0;
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    int64_t count = tensorOf(input).getDimSize(1);
    pieces.push_back(piece(op, i, 0, to, count));
    to += count;
  }
  return pieces;
}

static Pieces piecesOf(clip::SliceOp op) { return {piece(op, 0, op.getBegin(), 0, op.getCount())}; }

static Pieces piecesOf(clip::PadChannelsOp op) {
  return {piece(op, 0, 0, op.getBegin(), op.getX().getType().getDimSize(1))};
}

static Pieces piecesOf(clip::ShiftOp op) {
  int64_t moved = op.getChannels(), all = op.getType().getDimSize(1), frames = op.getFrames();
  Pieces pieces;
  auto add = [&](int64_t first, int64_t count, int64_t frames) {
    if (count)
      pieces.push_back(piece(op, 0, first, first, count, frames));
  };
  add(0, moved, frames);
  add(moved, moved, -frames);
  add(2 * moved, all - 2 * moved, 0);
  return pieces;
}

namespace {
/// Collects the operands and pieces of a kernel that puts channels side by side.
struct Placement {
  SmallVector<Value> inputs;
  Pieces pieces;

  int64_t numberOf(Value input) {
    auto *known = llvm::find(inputs, input);
    int64_t number = known - inputs.begin();
    if (known == inputs.end())
      inputs.push_back(input);
    return number;
  }
  /// Adds a piece of what `inner` makes, by the pieces of which that consists.
  void addThrough(kernel::PlaceOp inner, kernel::PieceAttr outer) {
    for (auto piece : inner.getPieces().getAsRange<kernel::PieceAttr>()) {
      int64_t begin = std::max(outer.getFrom(), piece.getTo());
      int64_t end = std::min(outer.getFrom() + outer.getCount(), piece.getTo() + piece.getCount());
      if (begin < end)
        pieces.push_back(::piece(
            inner, numberOf(inner.getInputs()[piece.getInput()]), piece.getFrom() + begin - piece.getTo(),
            outer.getTo() + begin - outer.getFrom(), end - begin, outer.getFrames() + piece.getFrames()));
    }
  }
};
} // namespace

template <typename Op> static LogicalResult makePlace(Fuser &f, Op op) {
  if (failed(f.require(op->getOperands())))
    return failure();
  Placement placement;
  const Pieces pieces = piecesOf(op);
  for (auto piece : ArrayAttr::get(op->getContext(), pieces).template getAsRange<kernel::PieceAttr>()) {
    Value value = op->getOperand(piece.getInput());
    if (kernel::PlaceOp inner = f.storage.placeReadThrough(value, pieces))
      placement.addThrough(inner, piece);
    else
      placement.pieces.push_back(::piece(op, placement.numberOf(f.storage.lookup(value)), piece.getFrom(),
                                         piece.getTo(), piece.getCount(), piece.getFrames()));
  }
  f.storage.hold(op, kernel::PlaceOp::create(f.b, op.getLoc(), op.getType(), placement.inputs,
                                             f.b.getArrayAttr(placement.pieces), ScheduleAttr()));
  return success();
}

static LogicalResult make(Fuser &f, clip::ConcatOp op) { return makePlace(f, op); }
static LogicalResult make(Fuser &f, clip::SliceOp op) { return makePlace(f, op); }
static LogicalResult make(Fuser &f, clip::PadChannelsOp op) { return makePlace(f, op); }
static LogicalResult make(Fuser &f, clip::ShiftOp op) { return makePlace(f, op); }

static LogicalResult make(Fuser &f, clip::ArrangeOp op) {
  if (failed(f.require(op.getX())))
    return failure();
  f.storage.hold(op, kernel::ArrangeOp::create(f.b, op.getLoc(), op.getType(), f.storage.lookup(op.getX()),
                                               op.getHow(), ScheduleAttr()));
  return success();
}

//===-- Others ------------------------------------------------------------===//

static LogicalResult make(Fuser &f, clip::DropoutOp op) {
  if (failed(f.require(op.getX())))
    return failure();
  Value x = f.storage.lookup(op.getX());
  if (!op.getHyper()) // then it is the identity
    f.storage.hold(op, x);
  else
    f.storage.hold(op, kernel::DropoutOp::create(f.b, op.getLoc(), op.getType(), x, op.getHyper(),
                                                 op.getRateAttr(), op.getStreamAttr(), ScheduleAttr()));
  return success();
}

static LogicalResult make(Fuser &f, clip::SoftmaxOp op) {
  if (failed(f.require(op.getX())))
    return failure();
  f.storage.hold(op, kernel::SoftmaxOp::create(f.b, op.getLoc(), op.getType(), f.storage.lookup(op.getX()),
                                               ScheduleAttr()));
  return success();
}

static LogicalResult make(Fuser &f, clip::SoftmaxGradOp op) {
  if (failed(f.require(op->getOperands())))
    return failure();
  f.storage.hold(op,
                 kernel::SoftmaxGradOp::create(f.b, op.getLoc(), op.getType(), f.storage.lookup(op.getG()),
                                               f.storage.lookup(op.getY()), ScheduleAttr()));
  return success();
}

static LogicalResult make(Fuser &f, clip::StandardiseOp op) {
  if (failed(f.require(op.getX())))
    return failure();
  f.storage.hold(op,
                 kernel::StandardiseOp::create(f.b, op.getLoc(), op.getType(), f.storage.lookup(op.getX()),
                                               op.getOver(), op.getGroups(), op.getEps(), ScheduleAttr()));
  return success();
}

static LogicalResult make(Fuser &f, clip::StandardiseGradOp op) {
  if (failed(f.require(op->getOperands())))
    return failure();
  f.storage.hold(op, kernel::StandardiseGradOp::create(f.b, op.getLoc(), op.getType(),
                                                       f.storage.lookup(op.getG()),
                                                       f.storage.lookup(op.getX()), op.getOver(),
                                                       op.getGroups(), op.getEps(), ScheduleAttr()));
  return success();
}

static LogicalResult make(Fuser &f, clip::MatmulOp op) {
  if (failed(f.require(op->getOperands())))
    return failure();
  f.storage.hold(op, kernel::MatmulOp::create(f.b, op.getLoc(), op.getType(), f.storage.lookup(op.getLhs()),
                                              f.storage.lookup(op.getRhs()), op.getTransposeLhs(),
                                              op.getTransposeRhs(), ScheduleAttr()));
  return success();
}

static LogicalResult make(Fuser &f, clip::SoftmaxCrossEntropyOp op) {
  if (failed(f.require(op.getLogits())))
    return failure();
  auto kernel = kernel::SoftmaxCrossEntropyOp::create(f.b, op.getLoc(), op.getResultTypes(),
                                                      f.storage.lookup(op.getLogits()), op.getLabels(),
                                                      op.getHyper(), op.getSmoothing(), ScheduleAttr());
  f.storage.hold(op.getLoss(), kernel.getLoss());
  f.storage.hold(op.getDlogits(), kernel.getDlogits());
  return success();
}

static LogicalResult make(Fuser &f, clip::TargetCrossEntropyOp op) {
  if (failed(f.require(op.getLogits())))
    return failure();
  auto kernel = kernel::TargetCrossEntropyOp::create(
      f.b, op.getLoc(), op.getResultTypes(), f.storage.lookup(op.getLogits()), op.getTargets(),
      op.getShares(), op.getHyper(), op.getSigmoid(), ScheduleAttr());
  f.storage.hold(op.getLoss(), kernel.getLoss());
  f.storage.hold(op.getDlogits(), kernel.getDlogits());
  return success();
}

/// Makes the norms of tensors' pieces, with as many as keep a GPU's blocks busy.
static Value pieceNorms(Fuser &f, Location loc, Value tensor) {
  constexpr int64_t elementsOfPiece = 1 << 16;
  int64_t pieces = shape::ceilDiv(tensorOf(tensor).getNumElements(), elementsOfPiece);
  auto type =
      RankedTensorType::get({pieces}, f.b.getF32Type(), kernel::LayoutAttr::rowMajor(f.b.getContext(), 1));
  return kernel::NormsOp::create(f.b, loc, TypeRange{type}, tensor, /*together=*/false, ScheduleAttr())
      .getResult(0);
}

static LogicalResult make(Fuser &f, clip::NormOp op) {
  if (failed(f.require(op.getInputs())))
    return failure();
  Location loc = op.getLoc();
  auto norms = llvm::map_to_vector(op.getInputs(),
                                   [&](Value input) { return pieceNorms(f, loc, f.storage.lookup(input)); });
  constexpr size_t most = 100; // tensors of one launch
  auto number =
      RankedTensorType::get({1}, f.b.getF32Type(), kernel::LayoutAttr::rowMajor(f.b.getContext(), 1));
  while (norms.size() > 1 || norms.front().getType() != number) {
    SmallVector<Value> joined;
    for (ArrayRef<Value> rest = norms; !rest.empty(); rest = rest.drop_front(std::min(rest.size(), most))) {
      ArrayRef<Value> some = rest.take_front(most);
      joined.push_back(kernel::NormsOp::create(f.b, loc, TypeRange{number}, some,
                                               /*together=*/some.size() > 1, ScheduleAttr())
                           .getResult(0));
    }
    norms = std::move(joined);
  }
  f.storage.hold(op, norms.front());
  return success();
}

/// Returns a gradient as memory holds it: its partials, unless they have been merged already; null after an
/// error.
static Value gradientOrPartials(Fuser &f, Value gradient) {
  Value partials = f.storage.partialsOf(gradient);
  if (partials && !f.storage.holds(gradient))
    return partials;
  return succeeded(f.require(gradient)) ? f.storage.lookup(gradient) : Value();
}

static LogicalResult make(Fuser &f, clip::GradientSumOp op) {
  SmallVector<Value> gradients;
  for (Value gradient : op.getGradients()) {
    gradients.push_back(gradientOrPartials(f, gradient));
    if (!gradients.back())
      return failure();
  }
  f.storage.hold(op, kernel::ReduceOp::create(f.b, op.getLoc(), op.getType(), gradients, ScheduleAttr()));
  return success();
}

/// Makes the update. It adds up the partials of a gradient itself, unless they have been merged already.
static LogicalResult make(Fuser &f, clip::UpdateOp op) {
  Value gradient = gradientOrPartials(f, op.getGradient());
  if (!gradient)
    return failure();
  SmallVector<Value> tensors;
  for (Value tensor : op.getTensors())
    tensors.push_back(tensor == op.getGradient() ? gradient : f.storage.lookup(tensor));
  auto factor = [&](const APFloat &value) {
    double number = value.convertToDouble();
    return number == 1.0 ? DenseF64ArrayAttr() : f.b.getDenseF64ArrayAttr(number);
  };
  auto kernel =
      kernel::UpdateOp::create(f.b, op.getLoc(), op.getResultTypes(), op.getRule(), tensors, op.getHyper(),
                               factor(op.getRateFactor()), factor(op.getDecayFactor()), op.getMaxNormAttr(),
                               op.getAveraged(), op.getHeld(), op.getChecked(), ScheduleAttr());
  for (auto [value, made] : llvm::zip_equal(op.getNewTensors(), kernel.getNewTensors()))
    f.storage.hold(value, made);
  return success();
}

static LogicalResult make(Fuser &f, clip::RankSumOp op) {
  if (failed(f.require(op.getValues())))
    return failure();
  auto values = llvm::map_to_vector(op.getValues(), [&](Value value) { return f.storage.lookup(value); });
  auto kernel = kernel::RankSumOp::create(f.b, op.getLoc(), op.getResultTypes(), values, op.getWeighted());
  for (auto [sum, made] : llvm::zip_equal(op.getSums(), kernel.getSums()))
    f.storage.hold(sum, made);
  return success();
}

static LogicalResult make(Fuser &f, clip::FoldWeightOp op) {
  f.storage.hold(op, kernel::FoldOp::create(f.b, op.getLoc(), op.getType(), f.storage.lookup(op.getWeight()),
                                            f.storage.lookup(op.getScale()), ScheduleAttr()));
  return success();
}

LogicalResult kinema::makeAnchor(Fuser &f, Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<clip::ConvOp, clip::ConvDataGradOp, clip::ConvWeightGradOp, clip::MaxPoolOp, clip::AvgPoolOp,
            clip::MaxPoolGradOp, clip::AvgPoolGradOp, clip::SpreadSumOp, clip::ConcatOp, clip::SliceOp,
            clip::PadChannelsOp, clip::ShiftOp, clip::ArrangeOp, clip::DropoutOp, clip::SoftmaxOp,
            clip::SoftmaxGradOp, clip::StandardiseOp, clip::StandardiseGradOp, clip::MatmulOp,
            clip::SoftmaxCrossEntropyOp, clip::TargetCrossEntropyOp, clip::NormOp, clip::UpdateOp,
            clip::GradientSumOp, clip::FoldWeightOp, clip::RankSumOp>(
          [&](auto found) { return make(f, found); })
      .Default([](Operation *op) { return op->emitError("no kernel computes ") << op->getName() << " yet"; });
}

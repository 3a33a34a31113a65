#include "compiler/Conversion/ClipToKernel/Expression.h"

#include "dialects/Clip/Formula.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace kinema;
using kernel::Access;

clip::PointwiseOp kinema::pointwiseOf(Operation *op) {
  auto pointwise = dyn_cast_or_null<clip::PointwiseOp>(op);
  return pointwise && pointwise.isPointwise() ? pointwise : clip::PointwiseOp();
}

Access kinema::accessOf(Value operand, Value result) {
  auto type = cast<RankedTensorType>(operand.getType()), whole = cast<RankedTensorType>(result.getType());
  if (type == whole)
    return Access::Pixel;
  if (type.getRank() == 1)
    return Access::Channel;
  bool byChannel = type.getShape().take_front(2) == whole.getShape().take_front(2) &&
                   shape::product(clip::spatialSize(type)) == 1;
  return byChannel ? Access::BatchChannel : Access::Spread;
}

namespace {
/// Walks an expression down to stored values.
struct LeafCollector {
  const StoredValues &stored;
  Value atHand;
  Leaves leaves = {};

  void vector(Value value) {
    leaves.complete &= stored.contains(value);
    leaves.vectors.insert(value);
  }

  void tensor(Value value) {
    if (value == atHand || stored.contains(value)) {
      leaves.tensors.insert(value);
      return;
    }
    auto op = pointwiseOf(value.getDefiningOp());
    leaves.complete &= bool(op);
    if (op)
      operands(op);
  }

  void operands(clip::PointwiseOp op) {
    unsigned tensors = 0;
    for (Value operand : op->getOperands()) {
      Access access = accessOf(operand, op->getResult(0));
      tensors += access == Access::Pixel;
      leaves.complete &= access != Access::Spread;
      access == Access::Pixel ? tensor(operand) : vector(operand);
    }
    leaves.joins |= tensors > 1 && clip::keepsResult(op);
    leaves.costly |= op->walk([](math::ErfOp) { return WalkResult::interrupt(); }).wasInterrupted();
  }
};
} // namespace

Leaves kinema::leavesOf(Value value, const StoredValues &stored, Value atHand) {
  LeafCollector collector{stored, atHand};
  collector.tensor(value);
  return collector.leaves;
}

RegionBuilder::RegionBuilder(MLIRContext *context, Location location, const StoredValues &stored)
    : b(context), loc(location), stored(stored) {
  b.setInsertionPointToStart(&region.emplaceBlock());
}

Value RegionBuilder::addArgument(Value value) {
  Value argument = region.front().addArgument(b.getF32Type(), loc);
  if (value)
    scalars[value] = argument;
  return argument;
}

void RegionBuilder::define(Value value, Value scalar) { scalars[value] = scalar; }

Value RegionBuilder::constant(float value) {
  return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
}

Value RegionBuilder::operand(Value value, Access how) {
  Value argument = addArgument(value);
  operands.push_back(stored.lookup(value));
  access.push_back(how);
  return argument;
}

Value RegionBuilder::emitChannel(Value vector) {
  if (Value scalar = scalars.lookup(vector))
    return scalar;
  return operand(vector, Access::Channel);
}

Value RegionBuilder::emit(Value value) {
  if (Value scalar = scalars.lookup(value))
    return scalar;
  if (Value tensor = stored.lookup(value))
    return operand(value, tensor.getType() == value.getType() ? Access::Pixel : Access::Lattice);
  auto scalarOf = [&](Value operand) { return operandOf(operand, value); };
  clip::Formula formula(b, value.getLoc(), scalarOf);
  Value scalar = pointwiseOf(value.getDefiningOp()).formula(formula);
  scalars[value] = scalar;
  return scalar;
}

/// Returns the scalar of an operand of the operation that computes `result`.
Value RegionBuilder::operandOf(Value value, Value result) {
  Access access = accessOf(value, result);
  if (access == Access::Pixel)
    return emit(value);
  Value scalar = scalars.lookup(value);
  return scalar ? scalar : operand(value, access);
}

SmallVector<Value> RegionBuilder::emitSummands(clip::ChannelReductionOp op) {
  auto scalarOf = [&](Value operand) { return operandOf(operand, op->getOperand(0)); };
  clip::Formula formula(b, op->getLoc(), scalarOf);
  return op.summands(formula);
}

void RegionBuilder::computeChannels(clip::ChannelwiseOp op) {
  auto scalarOf = [&](Value operand) { return emitChannel(operand); };
  clip::Formula formula(b, op->getLoc(), scalarOf);
  for (auto [result, scalar] : llvm::zip_equal(op->getResults(), op.formulas(formula)))
    define(result, scalar);
}

void RegionBuilder::yield(kernel::Yield kind, Value scalar) {
  kinds.push_back(kind);
  yielded.push_back(scalar);
}

void RegionBuilder::finish(Region &target) {
  kernel::YieldOp::create(b, loc, yielded, kinds);
  target.takeBody(region);
}

#include "compiler/Conversion/ClipToKernel/Expression.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kinema;
using kernel::Access;

bool kinema::isGlobalPool(clip::WindowAttr attr, RankedTensorType input) {
  shape::Window window = attr.getWindow();
  return window.kernel == clip::spatialSize(input) && window.padLow == shape::Size3{0, 0, 0} &&
         window.padHigh == shape::Size3{0, 0, 0};
}

static bool isGlobalPoolGrad(Operation *op) {
  auto grad = dyn_cast<clip::AvgPoolGradOp>(op);
  return grad && isGlobalPool(grad.getWindow(), grad.getResult().getType());
}

bool kinema::isSpreadByChannel(Value factor, Value value) {
  auto type = cast<RankedTensorType>(factor.getType());
  return type != value.getType() &&
         type.getShape().take_front(2) == cast<RankedTensorType>(value.getType()).getShape().take_front(2) &&
         shape::product(clip::spatialSize(type)) == 1;
}

namespace {
/// Walks an expression down to stored values.
struct LeafCollector {
  const StoredValues &stored;
  Leaves leaves;

  void vector(Value value) {
    leaves.complete &= stored.contains(value);
    leaves.vectors.insert(value);
  }

  void tensor(Value value) {
    if (stored.contains(value)) {
      leaves.tensors.insert(value);
      return;
    }
    Operation *op = value.getDefiningOp();
    if (op && isGlobalPoolGrad(op))
      return vector(op->getOperand(0));
    leaves.complete &= op && TypeSwitch<Operation *, bool>(op)
                                 .Case<clip::ReluOp, clip::SigmoidOp, clip::ScaleOp>(
                                     [&](auto) { return tensor(op->getOperand(0)), true; })
                                 .Case<clip::ReluGradOp>([&](auto) { return pair(op), true; })
                                 .Case<clip::AddOp>([&](auto) { return join(op), true; })
                                 .Case<clip::MulOp>([&](clip::MulOp mul) { return product(mul); })
                                 .Case<clip::AffineOp>([&](auto) { return channels(op, 1), true; })
                                 .Case<clip::Affine2Op>([&](auto) { return channels(op, 2), true; })
                                 .Default([](auto) { return false; });
  }

  void pair(Operation *op) {
    tensor(op->getOperand(0));
    tensor(op->getOperand(1));
  }
  void join(Operation *op) {
    leaves.joins = true;
    pair(op);
  }
  bool product(clip::MulOp mul) {
    if (!isSpreadByChannel(mul.getRhs(), mul.getLhs()))
      return mul.getRhs().getType() == mul.getLhs().getType() && (join(mul), true);
    tensor(mul.getLhs());
    vector(mul.getRhs());
    return true;
  }
  void channels(Operation *op, unsigned tensors) {
    for (auto [i, operand] : llvm::enumerate(op->getOperands()))
      i < tensors ? tensor(operand) : vector(operand);
  }
};
} // namespace

Leaves kinema::leavesOf(Value value, const StoredValues &stored) {
  LeafCollector collector{stored, {}};
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
  access.push_back(static_cast<int32_t>(how));
  return argument;
}

Value RegionBuilder::emitChannel(Value vector) {
  if (Value scalar = scalars.lookup(vector))
    return scalar;
  return operand(vector, Access::Channel);
}

Value RegionBuilder::emitSpread(Value factor) { return operand(factor, Access::Spread); }

Value RegionBuilder::emit(Value value) {
  if (Value scalar = scalars.lookup(value))
    return scalar;
  if (Value tensor = stored.lookup(value))
    return operand(value, tensor.getType() == value.getType() ? Access::Pixel : Access::Lattice);
  Value scalar = compute(value.getDefiningOp());
  scalars[value] = scalar;
  return scalar;
}

Value RegionBuilder::compute(Operation *op) {
  auto zero = [&] { return constant(0.0f); };
  auto fma = [&](Value x, Value y, Value z) -> Value { return math::FmaOp::create(b, loc, x, y, z); };
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](clip::ReluOp relu) -> Value {
        return arith::MaximumFOp::create(b, loc, emit(relu.getX()), zero());
      })
      .Case([&](clip::SigmoidOp sigmoid) -> Value {
        Value decay = math::ExpOp::create(b, loc, arith::NegFOp::create(b, loc, emit(sigmoid.getX())));
        return arith::DivFOp::create(b, loc, constant(1.0f),
                                     arith::AddFOp::create(b, loc, constant(1.0f), decay));
      })
      .Case([&](clip::ScaleOp scale) -> Value {
        return arith::MulFOp::create(b, loc, emit(scale.getX()),
                                     constant(scale.getFactor().convertToDouble()));
      })
      .Case([&](clip::ReluGradOp grad) -> Value {
        Value positive = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, emit(grad.getY()), zero());
        return arith::SelectOp::create(b, loc, positive, emit(grad.getG()), zero());
      })
      .Case([&](clip::AddOp add) -> Value {
        Value lhs = emit(add.getLhs());
        return arith::AddFOp::create(b, loc, lhs, emit(add.getRhs()));
      })
      .Case([&](clip::MulOp mul) -> Value {
        Value lhs = emit(mul.getLhs());
        Value rhs = scalars.lookup(mul.getRhs());
        if (!rhs)
          rhs = isSpreadByChannel(mul.getRhs(), mul.getLhs()) ? operand(mul.getRhs(), Access::BatchChannel)
                                                              : emit(mul.getRhs());
        return arith::MulFOp::create(b, loc, lhs, rhs);
      })
      .Case([&](clip::AffineOp affine) -> Value {
        Value x = emit(affine.getX()), scale = emitChannel(affine.getScale());
        return fma(x, scale, emitChannel(affine.getOffset()));
      })
      .Case([&](clip::Affine2Op affine) -> Value {
        Value g = emit(affine.getG()), z = emit(affine.getZ()), p = emitChannel(affine.getP());
        Value q = emitChannel(affine.getQ()), r = emitChannel(affine.getR());
        return fma(p, g, fma(q, z, r));
      })
      .Case([&](clip::AvgPoolGradOp grad) -> Value {
        Value share = constant(1.0f / grad.getWindow().getWindow().taps());
        return arith::MulFOp::create(b, loc, operand(grad.getG(), Access::BatchChannel), share);
      });
}

void RegionBuilder::yield(kernel::Yield kind, Value scalar) {
  kinds.push_back(static_cast<int32_t>(kind));
  yielded.push_back(scalar);
}

void RegionBuilder::finish(Region &target) {
  kernel::YieldOp::create(b, loc, yielded, kinds);
  target.takeBody(region);
}

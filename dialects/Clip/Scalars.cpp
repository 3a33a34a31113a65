#include "dialects/Clip/Scalars.h"

#include "dialects/Clip/Clip.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <numbers>

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

//===-- Numbers -----------------------------------------------------------===//

/// Returns the larger or smaller of two numbers; NaN where one is NaN, as arith.maximumf and minimumf have
/// it.
static double extreme(double x, double y, bool largest) {
  if (std::isnan(x) || std::isnan(y))
    return std::nan("");
  return largest ? std::max(x, y) : std::min(x, y);
}

/// Compares two numbers; a comparison is false where one is NaN, but for those that say "unordered or".
static std::optional<bool> compare(arith::CmpFPredicate predicate, double x, double y) {
  switch (predicate) {
  case arith::CmpFPredicate::OEQ:
    return x == y;
  case arith::CmpFPredicate::OGT:
    return x > y;
  case arith::CmpFPredicate::OGE:
    return x >= y;
  case arith::CmpFPredicate::OLT:
    return x < y;
  case arith::CmpFPredicate::OLE:
    return x <= y;
  default:
    return std::nullopt;
  }
}

/// Returns the number of an operation; nothing where it is none of those that a map may hold.
static std::optional<double> number(Operation *op, ArrayRef<double> x) {
  using Number = std::optional<double>;
  return TypeSwitch<Operation *, Number>(op)
      .Case([](arith::ConstantOp constant) -> Number {
        auto value = dyn_cast<FloatAttr>(constant.getValue());
        return value ? Number(value.getValueAsDouble()) : std::nullopt;
      })
      .Case([&](arith::AddFOp) { return x[0] + x[1]; })
      .Case([&](arith::SubFOp) { return x[0] - x[1]; })
      .Case([&](arith::MulFOp) { return x[0] * x[1]; })
      .Case([&](arith::DivFOp) { return x[0] / x[1]; })
      .Case([&](math::FmaOp) { return std::fma(x[0], x[1], x[2]); })
      .Case([&](arith::NegFOp) { return -x[0]; })
      .Case([&](arith::MaximumFOp) { return extreme(x[0], x[1], true); })
      .Case([&](arith::MinimumFOp) { return extreme(x[0], x[1], false); })
      .Case([&](arith::CmpFOp op) -> Number {
        std::optional<bool> holds = compare(op.getPredicate(), x[0], x[1]);
        return holds ? Number(*holds) : std::nullopt;
      })
      .Case([&](arith::SelectOp) { return x[0] != 0 ? x[1] : x[2]; })
      .Case([&](math::ExpOp) { return std::exp(x[0]); })
      .Case([&](math::LogOp) { return std::log(x[0]); })
      .Case([&](math::SqrtOp) { return std::sqrt(x[0]); })
      .Case([&](math::TanhOp) { return std::tanh(x[0]); })
      .Case([&](math::ErfOp) { return std::erf(x[0]); })
      .Case([&](math::AbsFOp) { return std::abs(x[0]); })
      .Case([&](ExpitOp) { return 1 / (1 + std::exp(-x[0])); })
      .Default([](Operation *) { return Number(); });
}

static bool isScalar(Type type) { return type.isF32() || type.isInteger(1); }

bool clip::isScalarArithmetic(Operation *op) {
  const SmallVector<double> any(op->getNumOperands(), 1.0);
  return llvm::all_of(op->getOperandTypes(), isScalar) && llvm::all_of(op->getResultTypes(), isScalar) &&
         number(op, any).has_value();
}

double clip::numberOf(Operation *op, ArrayRef<double> operands) { return *number(op, operands); }

//===-- Derivatives -------------------------------------------------------===//

using Derivatives = SmallVector<Value>;

static bool isConstant(Value value) { return value.getDefiningOp<arith::ConstantOp>() != nullptr; }

/// Gives `g` to the operand that a maximum or minimum takes.
static Derivatives ofExtreme(Formula &f, Value x, Value y, Value g, bool largest) {
  Value zero = f.constant(0);
  Value tie = isConstant(x) || isConstant(y) ? zero : f.mul(g, 0.5f);
  Value first = largest ? f.greater(x, y) : f.greater(y, x);
  Value second = largest ? f.greater(y, x) : f.greater(x, y);
  return {f.select(first, g, f.select(second, zero, tie)), f.select(second, g, f.select(first, zero, tie))};
}

/// Of x / y, the derivatives are 1 / y and -(x / y) / y.
static Derivatives ofQuotient(Formula &f, Value y, Value quotient, Value g) {
  return {f.div(g, y), f.neg(f.div(f.mul(g, quotient), y))};
}

static Value ofAbsolute(Formula &f, Value x, Value g) {
  Value zero = f.constant(0);
  return f.select(f.greater(x, zero), g, f.select(f.greater(zero, x), f.neg(g), zero));
}

/// Computes 2 / sqrt(pi) * exp(-x^2) * g.
static Value ofErf(Formula &f, Value x, Value g) {
  Value bell = f.exp(f.neg(f.mul(x, x)));
  return f.mul(f.mul(g, bell), float(2 * std::numbers::inv_sqrtpi));
}

Derivatives clip::derivatives(Formula &f, Operation *op, Value g) {
  auto x = [&](unsigned i) { return op->getOperand(i); };
  Value y = op->getResult(0);
  return TypeSwitch<Operation *, Derivatives>(op)
      .Case([&](arith::AddFOp) { return Derivatives{g, g}; })
      .Case([&](arith::SubFOp) { return Derivatives{g, f.neg(g)}; })
      .Case([&](arith::MulFOp) { return Derivatives{f.mul(g, x(1)), f.mul(g, x(0))}; })
      .Case([&](arith::DivFOp) { return ofQuotient(f, x(1), y, g); })
      .Case([&](math::FmaOp) { return Derivatives{f.mul(g, x(1)), f.mul(g, x(0)), g}; })
      .Case([&](arith::NegFOp) { return Derivatives{f.neg(g)}; })
      .Case([&](arith::MaximumFOp) { return ofExtreme(f, x(0), x(1), g, true); })
      .Case([&](arith::MinimumFOp) { return ofExtreme(f, x(0), x(1), g, false); })
      .Case([&](arith::SelectOp) {
        Value zero = f.constant(0);
        return Derivatives{Value(), f.select(x(0), g, zero), f.select(x(0), zero, g)};
      })
      .Case([&](math::ExpOp) { return Derivatives{f.mul(g, y)}; })
      .Case([&](math::LogOp) { return Derivatives{f.div(g, x(0))}; })
      .Case([&](math::SqrtOp) { return Derivatives{f.div(f.mul(g, 0.5f), y)}; })
      .Case([&](math::TanhOp) { return Derivatives{f.sub(g, f.mul(f.mul(g, y), y))}; })
      .Case([&](math::ErfOp) { return Derivatives{ofErf(f, x(0), g)}; })
      .Case([&](math::AbsFOp) { return Derivatives{ofAbsolute(f, x(0), g)}; })
      .Case([&](ExpitOp) {
        Value gy = f.mul(g, y);
        return Derivatives{f.sub(gy, f.mul(gy, y))};
      })
      .Default([](Operation *op) { return Derivatives(op->getNumOperands()); });
}

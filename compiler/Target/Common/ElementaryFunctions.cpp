#include "compiler/Target/Common/ElementaryFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"

using namespace mlir;
using namespace kinema;

namespace {
/// Builds formulas of numbers in f32, or of vectors of such.
struct Formula {
  OpBuilder &b;
  Location loc;
  Type type;

  Value number(double value) {
    FloatAttr attr = b.getFloatAttr(getElementTypeOrSelf(type), value);
    auto vector = dyn_cast<VectorType>(type);
    return arith::ConstantOp::create(
        b, loc, vector ? TypedAttr(DenseElementsAttr::get(vector, Attribute(attr))) : attr);
  }
  Value fma(Value x, Value y, Value z) { return math::FmaOp::create(b, loc, x, y, z); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }

  /// Returns x, or the nearest number in [-most, most]. NaN stays what it is.
  Value within(Value x, double most) {
    return arith::MaximumFOp::create(b, loc, arith::MinimumFOp::create(b, loc, x, number(most)),
                                     number(-most));
  }
  /// Returns the polynomial of x with these coefficients, that of the highest power last.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = number(coefficients.back());
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, number(coefficient));
    return sum;
  }
};

template <typename Op> struct OfFloats : OpRewritePattern<Op> {
  // Those of MLIR have a benefit of 1.
  explicit OfFloats(MLIRContext *context) : OpRewritePattern<Op>(context, /*benefit=*/2) {}

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return failure();
    Formula formula{rewriter, op.getLoc(), op.getType()};
    rewriter.replaceOp(op, valueOf(formula, op.getOperand()));
    return success();
  }
  virtual Value valueOf(Formula &f, Value x) const = 0;
};

/// Has one formula for all x, where MLIR's selects each coefficient by x. The coefficients minimise the
/// relative error of x * p(x^2) / q(x^2) up to the number from which erf is 1 in f32; it is 2e-8 before
/// rounding, and at most 6 units in the last place with it.
struct ExpandErf : OfFloats<math::ErfOp> {
  using OfFloats::OfFloats;

  Value valueOf(Formula &f, Value x) const override {
    constexpr double one = 3.92;
    x = f.within(x, one);
    Value square = f.mul(x, x);
    Value p = f.polynomial(square, {1.1283791065216064, 0.19039687514305115, 0.052747275680303574,
                                    0.0037651588208973408, 0.0002848648582585156, 2.0500617665675236e-06});
    Value q = f.polynomial(square, {1.0, 0.5020675659179688, 0.1141049861907959, 0.014968302100896835,
                                    0.001162410480901599, 3.809051850112155e-05});
    return arith::DivFOp::create(f.b, f.loc, f.mul(x, p), q);
  }
};

/// Takes 2^(x / ln 2) as that of an integer times that of the rest, which two constants keep exact. It is
/// infinite from 88.4 on, where the other power is.
struct ExpandExp : OfFloats<math::ExpOp> {
  using OfFloats::OfFloats;

  Value valueOf(Formula &f, Value x) const override {
    constexpr double most = 104;            // from here on the result is 0 or infinite
    constexpr double rounds = 0x1.8p23;     // a sum with it has no places behind the point
    constexpr double high = 0x1.715476p+0f; // of 1 / ln 2
    constexpr double low = 0x1.4ae0cp-26f;
    x = f.within(x, most);
    Value integer = f.sub(f.fma(x, f.number(high), f.number(rounds)), f.number(rounds));
    Value rest = f.fma(x, f.number(high), arith::NegFOp::create(f.b, f.loc, integer));
    rest = f.fma(x, f.number(low), rest);
    auto power = [&](Value y) -> Value { return math::Exp2Op::create(f.b, f.loc, y); };
    return f.mul(power(rest), power(integer));
  }
};
} // namespace

void kinema::populateElementaryFunctionPatterns(RewritePatternSet &patterns, bool hasExp2) {
  patterns.add<ExpandErf>(patterns.getContext());
  if (hasExp2)
    patterns.add<ExpandExp>(patterns.getContext());
  populateMathPolynomialApproximationPatterns(patterns);
}

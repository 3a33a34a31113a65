// Lets operations write their formulas: scalar f32 arithmetic, at one element.
#ifndef KINEMA_DIALECTS_CLIP_FORMULA_H
#define KINEMA_DIALECTS_CLIP_FORMULA_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace kinema::clip {

class Formula {
public:
  /// `scalarOf` returns the scalar that stands for an operand, and makes it when it is first asked for; it
  /// must outlive the formula.
  Formula(mlir::OpBuilder &builder, mlir::Location location,
          llvm::function_ref<mlir::Value(mlir::Value)> scalarOf)
      : b(builder), loc(location), scalarOf(scalarOf) {}

  /// Returns the element of one of the operation's operands.
  mlir::Value operator()(mlir::Value operand) { return scalarOf(operand); }

  mlir::Value constant(float value) {
    return mlir::arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
  }
  mlir::Value add(mlir::Value x, mlir::Value y) { return mlir::arith::AddFOp::create(b, loc, x, y); }
  mlir::Value sub(mlir::Value x, mlir::Value y) { return mlir::arith::SubFOp::create(b, loc, x, y); }
  mlir::Value mul(mlir::Value x, mlir::Value y) { return mlir::arith::MulFOp::create(b, loc, x, y); }
  mlir::Value mul(mlir::Value x, float y) { return mul(x, constant(y)); }
  mlir::Value div(mlir::Value x, mlir::Value y) { return mlir::arith::DivFOp::create(b, loc, x, y); }
  /// Computes x * y + z, rounded once.
  mlir::Value fma(mlir::Value x, mlir::Value y, mlir::Value z) {
    return mlir::math::FmaOp::create(b, loc, x, y, z);
  }
  mlir::Value neg(mlir::Value x) { return mlir::arith::NegFOp::create(b, loc, x); }
  mlir::Value exp(mlir::Value x) { return mlir::math::ExpOp::create(b, loc, x); }
  /// Computes 1 / (1 + exp(-x)).
  mlir::Value expit(mlir::Value x) {
    mlir::Value decay = exp(neg(x)), one = constant(1);
    return div(one, add(constant(1), decay));
  }
  mlir::Value sqrt(mlir::Value x) { return mlir::math::SqrtOp::create(b, loc, x); }
  /// Returns the larger one; NaN where one is NaN.
  mlir::Value max(mlir::Value x, mlir::Value y) { return mlir::arith::MaximumFOp::create(b, loc, x, y); }
  /// Returns an i1, false where one is NaN.
  mlir::Value greater(mlir::Value x, mlir::Value y) {
    return mlir::arith::CmpFOp::create(b, loc, mlir::arith::CmpFPredicate::OGT, x, y);
  }
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y) {
    return mlir::arith::SelectOp::create(b, loc, condition, x, y);
  }

  // These serve arithmetic that has no name here.
  mlir::OpBuilder &b;
  mlir::Location loc;

private:
  llvm::function_ref<mlir::Value(mlir::Value)> scalarOf;
};

} // namespace kinema::clip

#endif

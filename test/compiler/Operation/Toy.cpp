#include "test/compiler/Operation/Toy.h"

#include "dialects/Clip/Formula.h"

#include <cmath>

using namespace mlir;
using namespace kinema;
using namespace kinema::toy;

#include "test/compiler/Operation/ToyDialect.cpp.inc"
#define GET_OP_CLASSES
#include "test/compiler/Operation/ToyOps.cpp.inc"

void ToyDialect::initialize() { addOperations<SiluOp, CosineOp>(); }

Value SiluOp::formula(clip::Formula &f) {
  Value x = f(getX());
  return f.div(x, f.add(f.constant(1), f.exp(f.neg(x))));
}

double SiluOp::number(ArrayRef<double> x) { return x[0] / 2 * (1 + std::tanh(x[0] / 2)); }

/// With s = sigmoid(x) and y = x s: y' = s + y (1 - s).
SmallVector<Value> SiluOp::gradients(OpBuilder &b, ValueRange gradients, ArrayRef<bool>) {
  Value g = gradients.front(), s = clip::SigmoidOp::create(b, getLoc(), getX());
  Value gs = clip::MulOp::create(b, getLoc(), g, s), gy = clip::MulOp::create(b, getLoc(), g, getResult());
  Value gys = clip::MulOp::create(b, getLoc(), gy, s);
  Value minus = clip::ScaleOp::create(b, getLoc(), gys, b.getF64FloatAttr(-1.0));
  Value sum = clip::AddOp::create(b, getLoc(), gs, gy);
  return {clip::AddOp::create(b, getLoc(), sum, minus)};
}

Value CosineOp::formula(clip::Formula &f) { return math::CosOp::create(f.b, f.loc, f(getX())); }
double CosineOp::number(ArrayRef<double> x) { return std::cos(x[0]); }

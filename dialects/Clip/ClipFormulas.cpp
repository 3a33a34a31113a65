// Defines what is computed element by element or channel by channel: the formulas that kernels are made of
// and, for pointwise operations, also a number in double, with which those kernels are compared. The numbers
// are written as the operations are defined and use nothing of the formulas.
#include "dialects/Clip/ClipLog.h"
#include "dialects/Clip/Formula.h"

#include <cmath>

using namespace mlir;
using namespace kinema::clip;

//===-- Pointwise ---------------------------------------------------------===//

Value ReluOp::formula(Formula &f) {
  Value x = f(getX());
  return f.max(x, f.constant(0));
}
double ReluOp::number(ArrayRef<double> x) { return std::isnan(x[0]) || x[0] > 0 ? x[0] : 0.0; }

Value SigmoidOp::formula(Formula &f) { return f.expit(f(getX())); }
double SigmoidOp::number(ArrayRef<double> x) { return 1.0 / (1.0 + std::exp(-x[0])); }

static constexpr double leastProbability = 0x1p-100;

static Value atLeast(Formula &f, Value x) { return f.max(x, f.constant(float(leastProbability))); }

Value LogOp::formula(Formula &f) { return math::LogOp::create(f.b, f.loc, atLeast(f, f(getX()))); }
double LogOp::number(ArrayRef<double> x) {
  return std::isnan(x[0]) ? x[0] : std::log(std::fmax(x[0], leastProbability));
}

Value LogGradOp::formula(Formula &f) {
  Value g = f(getG());
  return f.div(g, atLeast(f, f(getX())));
}
double LogGradOp::number(ArrayRef<double> x) {
  return std::isnan(x[1]) ? x[1] : x[0] / std::fmax(x[1], leastProbability);
}

Value ScaleOp::formula(Formula &f) { return f.mul(f(getX()), getFactor().convertToDouble()); }
double ScaleOp::number(ArrayRef<double> x) { return x[0] * getFactor().convertToDouble(); }

Value AddOp::formula(Formula &f) {
  Value lhs = f(getLhs());
  return f.add(lhs, f(getRhs()));
}
double AddOp::number(ArrayRef<double> x) { return x[0] + x[1]; }

Value MulOp::formula(Formula &f) {
  Value lhs = f(getLhs());
  return f.mul(lhs, f(getRhs()));
}
double MulOp::number(ArrayRef<double> x) { return x[0] * x[1]; }

Value ReluGradOp::formula(Formula &f) {
  Value y = f(getY()), positive = f.greater(y, f.constant(0)), g = f(getG());
  return f.select(positive, g, f.constant(0));
}
double ReluGradOp::number(ArrayRef<double> x) { return x[1] > 0 ? x[0] : 0.0; }

Value AffineOp::formula(Formula &f) {
  Value x = f(getX()), scale = f(getScale());
  return f.fma(x, scale, f(getOffset()));
}
double AffineOp::number(ArrayRef<double> x) { return std::fma(x[0], x[1], x[2]); }

Value Affine2Op::formula(Formula &f) {
  Value g = f(getG()), z = f(getZ()), p = f(getP()), q = f(getQ()), r = f(getR());
  return f.fma(p, g, f.fma(q, z, r));
}
double Affine2Op::number(ArrayRef<double> x) { return std::fma(x[2], x[0], std::fma(x[3], x[1], x[4])); }

Value FrozenNormGradOp::formula(Formula &f) {
  Value g = f(getG()), gamma = f(getGamma());
  return f.mul(g, f.mul(gamma, f(getRstd())));
}
double FrozenNormGradOp::number(ArrayRef<double> x) { return x[0] * x[2] * x[1]; }

/// The gradient of an average over whole axes is spread over these.
bool AvgPoolGradOp::isPointwise() {
  auto window = getWindow().getWindow();
  auto axes = llvm::seq(3);
  return llvm::all_of(axes, [&](int axis) {
    bool isWhole = window.kernel[axis] == getResult().getType().getDimSize(axis + 2);
    bool isKept = window.kernel[axis] == 1 && window.stride[axis] == 1;
    return (isWhole || isKept) && window.padLow[axis] == 0 && window.padHigh[axis] == 0;
  });
}
Value AvgPoolGradOp::formula(Formula &f) {
  Value share = f.constant(1.0f / getWindow().getWindow().taps());
  return f.mul(f(getG()), share);
}
double AvgPoolGradOp::number(ArrayRef<double> x) { return x[0] / double(getWindow().getWindow().taps()); }

//===-- Channel by channel ------------------------------------------------===//

SmallVector<Value> BatchNormCoeffsOp::formulas(Formula &f) {
  Value var = f(getVar()), sum = f.add(var, f.constant(getEps().convertToDouble())), one = f.constant(1);
  Value rstd = f.div(one, f.sqrt(sum)), scale = f.mul(f(getGamma()), rstd);
  Value beta = f(getBeta());
  return {scale, f.sub(beta, f.mul(f(getMean()), scale)), rstd};
}

SmallVector<Value> BatchNormRunningOp::formulas(Formula &f) {
  double momentum = getMomentum().convertToDouble(), count = getCount();
  auto moved = [&](Value old, Value now) {
    Value kept = f.mul(old, 1.0 - momentum);
    return f.add(kept, f.mul(now, momentum));
  };
  Value oldMean = f(getRunningMean()), mean = moved(oldMean, f(getMean()));
  Value oldVar = f(getRunningVar()), now = f(getVar());
  if (getUnbiased() && getRanks()) {
    Value all = f.mul(f(getRanks()), count), one = f.constant(1);
    now = f.mul(now, f.div(all, f.max(f.sub(all, one), one))); // a single element has no variance
  } else {
    now = f.mul(now, getUnbiased() && count > 1 ? count / (count - 1) : 1.0);
  }
  return {mean, moved(oldVar, now)};
}

SmallVector<Value> BatchNormShareOp::formulas(Formula &f) {
  Value mean = f(getMean()), distance = f.sub(mean, f(getPivot()));
  Value spread = f.fma(distance, distance, f(getVar()));
  return {distance, spread, f.constant(1)};
}

SmallVector<Value> BatchNormJointOp::formulas(Formula &f) {
  Value distance = f(getDistance()), mean = f.add(f(getPivot()), distance);
  Value square = f.mul(distance, distance), var = f.sub(f(getSpread()), square);
  return {mean, f.max(var, f.constant(0))}; // rounding may leave a variance of nothing below it
}

SmallVector<Value> BatchNormGradMeansOp::formulas(Formula &f) {
  double share = 1.0 / getCount();
  Value sum = f.mul(f(getSum()), share);
  return {sum, f.mul(f(getSumXhat()), share)};
}

SmallVector<Value> BatchNormGradCoeffsOp::formulas(Formula &f) {
  double share = 1.0 / getCount();
  Value rstd = f(getRstd()), sum = f(getSum()), sumXhat = f(getSumXhat());
  Value p = f.mul(f(getGamma()), rstd), minusP = f.neg(p), perStep = f.mul(minusP, rstd);
  Value q = f.mul(perStep, f.mul(sumXhat, share)), centre = f.mul(minusP, f.mul(sum, share));
  return {p, q, f.sub(centre, f.mul(q, f(getMean()))), sumXhat, sum};
}

SmallVector<Value> FoldBiasOp::formulas(Formula &f) {
  Value bias = f(getBias()), scale = f(getScale());
  return {f.fma(bias, scale, f(getOffset()))};
}

//===-- Sums --------------------------------------------------------------===//

SmallVector<Value> ChannelSumOp::summands(Formula &f) { return {f(getX())}; }

bool MomentsOp::takesMoments() { return true; }
SmallVector<Value> MomentsOp::summands(Formula &) { return {}; }

SmallVector<Value> BatchNormGradSumsOp::summands(Formula &f) {
  Value g = f(getG()), z = f(getZ()), centred = f.sub(z, f(getMean()));
  Value normal = f.mul(centred, f(getRstd()));
  return {g, f.mul(g, normal)};
}

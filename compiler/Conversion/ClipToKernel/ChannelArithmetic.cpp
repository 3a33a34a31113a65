#include "compiler/Conversion/ClipToKernel/ChannelArithmetic.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kinema;

namespace {
/// Scalar arithmetic that reads like the formulas.
struct Arithmetic {
  RegionBuilder &r;
  Value operator()(Value vector) { return r.emitChannel(vector); }
  Value add(Value x, Value y) { return arith::AddFOp::create(r.b, r.loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(r.b, r.loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(r.b, r.loc, x, y); }
  Value mul(Value x, double y) { return mul(x, r.constant(y)); }
  Value fma(Value x, Value y, Value z) { return math::FmaOp::create(r.b, r.loc, x, y, z); }
};
} // namespace

static void coefficients(clip::BatchNormCoeffsOp op, RegionBuilder &r) {
  Arithmetic a{r};
  Value variance = a.add(a(op.getVar()), r.constant(op.getEps().convertToDouble()));
  Value rstd =
      arith::DivFOp::create(r.b, r.loc, r.constant(1.0f), math::SqrtOp::create(r.b, r.loc, variance));
  Value scale = a.mul(a(op.getGamma()), rstd);
  r.define(op.getRstd(), rstd);
  r.define(op.getScale(), scale);
  r.define(op.getOffset(), a.sub(a(op.getBeta()), a.mul(a(op.getMean()), scale)));
}

static void running(clip::BatchNormRunningOp op, RegionBuilder &r) {
  Arithmetic a{r};
  double momentum = op.getMomentum().convertToDouble(), count = op.getCount();
  double correction = op.getUnbiased() && count > 1 ? count / (count - 1) : 1.0;
  auto moved = [&](Value old, Value now) { return a.add(a.mul(old, 1.0 - momentum), a.mul(now, momentum)); };
  r.define(op.getNewMean(), moved(a(op.getRunningMean()), a(op.getMean())));
  r.define(op.getNewVar(), moved(a(op.getRunningVar()), a.mul(a(op.getVar()), correction)));
}

static void gradientCoefficients(clip::BatchNormGradCoeffsOp op, RegionBuilder &r) {
  Arithmetic a{r};
  double share = 1.0 / op.getCount();
  Value rstd = a(op.getRstd()), sum = a(op.getSum()), sumXhat = a(op.getSumXhat());
  Value p = a.mul(a(op.getGamma()), rstd);
  Value minusP = arith::NegFOp::create(r.b, r.loc, p);
  Value q = a.mul(a.mul(minusP, rstd), a.mul(sumXhat, share));
  r.define(op.getP(), p);
  r.define(op.getQ(), q);
  r.define(op.getR(), a.sub(a.mul(minusP, a.mul(sum, share)), a.mul(q, a(op.getMean()))));
  r.define(op.getDgamma(), sumXhat);
  r.define(op.getDbeta(), sum);
}

static void foldBias(clip::FoldBiasOp op, RegionBuilder &r) {
  Arithmetic a{r};
  Value bias = a(op.getBias()), scale = a(op.getScale());
  r.define(op.getResult(), a.fma(bias, scale, a(op.getOffset())));
}

bool kinema::isChannelArithmetic(Operation *op) {
  return isa<clip::BatchNormCoeffsOp, clip::BatchNormRunningOp, clip::BatchNormGradCoeffsOp,
             clip::FoldBiasOp>(op);
}

void kinema::emitChannelArithmetic(Operation *op, RegionBuilder &region) {
  TypeSwitch<Operation *>(op)
      .Case([&](clip::BatchNormCoeffsOp coeffs) { coefficients(coeffs, region); })
      .Case([&](clip::BatchNormRunningOp op) { running(op, region); })
      .Case([&](clip::BatchNormGradCoeffsOp coeffs) { gradientCoefficients(coeffs, region); })
      .Case([&](clip::FoldBiasOp fold) { foldBias(fold, region); });
}

#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Params.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace kinema {
#define GEN_PASS_DEF_CLIPFOLDBATCHNORM
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

namespace {

struct ClipFoldBatchNormPass : kinema::impl::ClipFoldBatchNormBase<ClipFoldBatchNormPass> {
  using Base::Base;
  void runOnOperation() override;

private:
  /// What a batch norm leaves behind: a folded weight and bias, or a scale and an offset.
  struct Folded {
    Value factors, offset;
  };

  LogicalResult fold(BatchNormOp norm);
  BatchNormCoeffsOp coefficients(BatchNormOp norm, OpBuilder &builder);
  void foldIntoConv(BatchNormOp norm, ConvOp conv);
  void keepAffine(BatchNormOp norm);
  Value prepare(OpBuilder &builder, Location where, const std::string &name, Value value);

  llvm::StringMap<Folded> known; // by the parameters that they are made of, which layers may share
  llvm::StringSet<> names;       // of what is prepared
};

} // namespace

void ClipFoldBatchNormPass::runOnOperation() {
  auto infer = addInference(getOperation());
  if (failed(infer))
    return signalPassFailure();
  for (BatchNormOp norm : llvm::make_early_inc_range(infer->getOps<BatchNormOp>()))
    if (failed(fold(norm)))
      return signalPassFailure();
  eraseDropouts(*infer);
  hoistReads(*infer);
  findForward(getOperation())->erase();
}

/// Returns whether a batch norm can be folded into the conv before it: nobody else reads what that makes, and
/// its weights are parameters. Where two batch norms follow a conv, only the first one is folded into it.
static bool canFold(ConvOp conv) {
  return conv && conv->hasOneUse() && conv.getWeight().getDefiningOp<ReadOp>() &&
         (!conv.getBias() || conv.getBias().getDefiningOp<ReadOp>());
}

/// Returns the name of the parameter that a value is; an empty one for no value.
static StringRef parameterOf(Value value) {
  return value ? value.getDefiningOp<ReadOp>().getParam() : StringRef();
}

/// Names the parameters and the constant that a folded batch norm is made of.
static std::string partsOf(BatchNormOp norm, ConvOp conv) {
  SmallVector<StringRef> parts = {parameterOf(norm.getGamma()), parameterOf(norm.getBeta()),
                                  norm.getRunningMean(), norm.getRunningVar()};
  if (conv)
    parts.append({parameterOf(conv.getWeight()), parameterOf(conv.getBias())});
  SmallString<16> eps;
  norm.getEps().toString(eps);
  return llvm::join(parts, ",") + "," + eps.str().str();
}

LogicalResult ClipFoldBatchNormPass::fold(BatchNormOp norm) {
  auto gamma = norm.getGamma().getDefiningOp<ReadOp>(), beta = norm.getBeta().getDefiningOp<ReadOp>();
  if (!gamma || !beta || norm.getTraining() || !norm.getMean().use_empty() || !norm.getRstd().use_empty())
    return norm.emitError(
        "a batch norm to fold evaluates with parameters alone, and nobody reads its statistics");
  auto conv = norm.getX().getDefiningOp<ConvOp>();
  if (canFold(conv))
    foldIntoConv(norm, conv);
  else
    keepAffine(norm);
  norm.erase();
  return success();
}

BatchNormCoeffsOp ClipFoldBatchNormPass::coefficients(BatchNormOp norm, OpBuilder &builder) {
  auto param = [&](StringRef name) -> Value {
    return ReadOp::create(builder, norm.getLoc(), norm.getGamma().getType(), name);
  };
  return BatchNormCoeffsOp::create(builder, norm.getLoc(), param(norm.getRunningMean()),
                                   param(norm.getRunningVar()), param(parameterOf(norm.getGamma())),
                                   param(parameterOf(norm.getBeta())), norm.getEpsAttr());
}

/// Prepares a value under a name, or under `name2` and so on where layers share what it is named for.
Value ClipFoldBatchNormPass::prepare(OpBuilder &builder, Location where, const std::string &name,
                                     Value value) {
  return PreparedOp::create(builder, where, freeName(names, name), value);
}

void ClipFoldBatchNormPass::foldIntoConv(BatchNormOp norm, ConvOp conv) {
  OpBuilder builder(conv);
  Folded &made = known[partsOf(norm, conv)];
  if (!made.factors) {
    auto coeffs = coefficients(norm, builder);
    Location where = conv.getLoc();
    const std::string name = (parameterOf(conv.getWeight()) + ".folded").str();
    Value offset = coeffs.getOffset();
    if (conv.getBias())
      offset = FoldBiasOp::create(builder, where, conv.getBias(), coeffs.getScale(), offset);
    made.offset = prepare(builder, where, name + "_bias", offset);
    Value weight = FoldWeightOp::create(builder, where, conv.getWeight(), coeffs.getScale());
    made.factors = prepare(builder, where, name, weight);
  }
  Location both = builder.getFusedLoc({conv.getLoc(), norm.getLoc()});
  norm.getResult().replaceAllUsesWith(ConvOp::create(builder, both, norm.getResult().getType(), conv.getX(),
                                                     made.factors, made.offset, conv.getWindowAttr(),
                                                     conv.getGroupsAttr()));
  norm.getXMutable().drop();
  conv.erase();
  ++folded;
}

void ClipFoldBatchNormPass::keepAffine(BatchNormOp norm) {
  OpBuilder builder(norm);
  Folded &made = known[partsOf(norm, {})];
  if (!made.factors) {
    auto coeffs = coefficients(norm, builder);
    StringRef layer = norm.getRunningVar();
    layer.consume_back(".running_var");
    made.offset = prepare(builder, norm.getLoc(), (layer + ".folded_offset").str(), coeffs.getOffset());
    made.factors = prepare(builder, norm.getLoc(), (layer + ".folded_scale").str(), coeffs.getScale());
  }
  norm.getResult().replaceAllUsesWith(
      AffineOp::create(builder, norm.getLoc(), norm.getX(), made.factors, made.offset));
  ++affines;
}

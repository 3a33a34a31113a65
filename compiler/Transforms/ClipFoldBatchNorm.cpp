#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Params.h"

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
  LogicalResult fold(BatchNormOp norm);
  void foldIntoConv(BatchNormOp norm, ConvOp conv, BatchNormCoeffsOp coeffs);
  void keepAffine(BatchNormOp norm, BatchNormCoeffsOp coeffs);
  std::string foldedName(ConvOp conv);

  llvm::StringSet<> names; // names of folded weights
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

/// Returns the name for the folded weight of a conv. It is empty where the weight is no parameter, or is
/// folded already: from another conv's batch norm or, where two follow the conv, from the first one.
std::string ClipFoldBatchNormPass::foldedName(ConvOp conv) {
  auto weight = conv.getWeight().getDefiningOp<ReadOp>();
  if (!weight || (conv.getBias() && !conv.getBias().getDefiningOp<ReadOp>()))
    return "";
  std::string name = (weight.getParam() + ".folded").str();
  return names.contains(name) ? "" : name;
}

LogicalResult ClipFoldBatchNormPass::fold(BatchNormOp norm) {
  auto gamma = norm.getGamma().getDefiningOp<ReadOp>(), beta = norm.getBeta().getDefiningOp<ReadOp>();
  if (!gamma || !beta || norm.getTraining() || !norm.getMean().use_empty() || !norm.getRstd().use_empty())
    return norm.emitError(
        "a batch norm to fold evaluates with parameters alone, and nobody reads its statistics");
  auto conv = norm.getX().getDefiningOp<ConvOp>();
  bool folds = conv && conv->hasOneUse() && !foldedName(conv).empty();
  OpBuilder builder(folds ? conv.getOperation() : norm.getOperation());
  auto param = [&](FlatSymbolRefAttr name) {
    return ReadOp::create(builder, norm.getLoc(), gamma.getType(), name).getValue();
  };
  auto coeffs = BatchNormCoeffsOp::create(builder, norm.getLoc(), param(norm.getRunningMeanAttr()),
                                          param(norm.getRunningVarAttr()), param(gamma.getParamAttr()),
                                          param(beta.getParamAttr()), norm.getEpsAttr());
  if (folds)
    foldIntoConv(norm, conv, coeffs);
  else
    keepAffine(norm, coeffs);
  norm.erase();
  return success();
}

void ClipFoldBatchNormPass::foldIntoConv(BatchNormOp norm, ConvOp conv, BatchNormCoeffsOp coeffs) {
  std::string name = foldedName(conv);
  names.insert(name);
  Location where = conv.getLoc();
  OpBuilder builder(conv);
  Value offset = coeffs.getOffset();
  if (conv.getBias())
    offset = FoldBiasOp::create(builder, where, conv.getBias(), coeffs.getScale(), offset);
  Value bias = PreparedOp::create(builder, where, name + "_bias", offset);
  Value weight = FoldWeightOp::create(builder, where, conv.getWeight(), coeffs.getScale());
  weight = PreparedOp::create(builder, where, name, weight);
  Location both = builder.getFusedLoc({conv.getLoc(), norm.getLoc()});
  norm.getResult().replaceAllUsesWith(ConvOp::create(builder, both, norm.getResult().getType(), conv.getX(),
                                                     weight, bias, conv.getWindowAttr(),
                                                     conv.getGroupsAttr()));
  norm.getXMutable().drop();
  conv.erase();
  ++folded;
}

void ClipFoldBatchNormPass::keepAffine(BatchNormOp norm, BatchNormCoeffsOp coeffs) {
  StringRef layer = norm.getRunningVar();
  layer.consume_back(".running_var");
  OpBuilder builder(norm);
  auto prepared = [&](StringRef what, Value value) {
    return PreparedOp::create(builder, norm.getLoc(), (layer + what).str(), value);
  };
  Value offset = prepared(".folded_offset", coeffs.getOffset());
  Value scale = prepared(".folded_scale", coeffs.getScale());
  norm.getResult().replaceAllUsesWith(AffineOp::create(builder, norm.getLoc(), norm.getX(), scale, offset));
  ++affines;
}

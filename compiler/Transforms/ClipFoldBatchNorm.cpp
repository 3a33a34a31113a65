#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Params.h"

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
  Value readInPrepare(FlatSymbolRefAttr param, Location where);
  void store(FlatSymbolRefAttr origin, StringRef name, Value value);

  OpBuilder prepare{static_cast<MLIRContext *>(nullptr)}; // at the end of @prepare
};

} // namespace

static func::FuncOp createPrepare(func::FuncOp after) {
  OpBuilder builder(after->getContext());
  builder.setInsertionPointAfter(after);
  auto function = func::FuncOp::create(builder, after.getLoc(), "prepare", builder.getFunctionType({}, {}));
  builder.setInsertionPointToStart(function.addEntryBlock());
  func::ReturnOp::create(builder, after.getLoc());
  return function;
}

void ClipFoldBatchNormPass::runOnOperation() {
  auto forward = findForward(getOperation());
  if (failed(forward))
    return signalPassFailure();
  func::FuncOp infer = cloneFunction(*forward, "infer");
  func::FuncOp prepareFunction = createPrepare(infer);
  prepare = OpBuilder(prepareFunction.front().getTerminator());

  for (BatchNormOp norm : llvm::make_early_inc_range(infer.getOps<BatchNormOp>()))
    if (failed(fold(norm)))
      return signalPassFailure();
  for (DropoutOp dropout : llvm::make_early_inc_range(infer.getOps<DropoutOp>())) {
    dropout.replaceAllUsesWith(dropout.getX());
    dropout.erase();
  }
  for (func::FuncOp function : {infer, prepareFunction})
    hoistReads(function);
  forward->erase();
}

Value ClipFoldBatchNormPass::readInPrepare(FlatSymbolRefAttr param, Location where) {
  return ReadOp::create(prepare, where, getOperation().lookupSymbol<ParamOp>(param).getTensorType(), param);
}

/// @prepare keeps `value` for @infer as a new parameter, declared behind the one it was made from.
void ClipFoldBatchNormPass::store(FlatSymbolRefAttr origin, StringRef name, Value value) {
  declareParam(getOperation().lookupSymbol<ParamOp>(origin), name, cast<RankedTensorType>(value.getType()),
               "folded", nullptr);
  WriteOp::create(prepare, value.getLoc(), name, value);
}

/// The name of what is folded from a conv's weight; empty where it is no parameter or folded already, from
/// another conv's batch norm or, where two follow the conv, from the first one.
static std::string foldedName(ConvOp conv) {
  auto weight = conv.getWeight().getDefiningOp<ReadOp>();
  if (!weight || (conv.getBias() && !conv.getBias().getDefiningOp<ReadOp>()))
    return "";
  auto module = conv->getParentOfType<ModuleOp>();
  std::string name = (weight.getParam() + ".folded").str();
  bool isFolded = module.lookupSymbol<ParamOp>(weight.getParam()).getRole() == "folded";
  return isFolded || module.lookupSymbol(name) ? "" : name;
}

LogicalResult ClipFoldBatchNormPass::fold(BatchNormOp norm) {
  auto gamma = norm.getGamma().getDefiningOp<ReadOp>(), beta = norm.getBeta().getDefiningOp<ReadOp>();
  if (!gamma || !beta || norm.getTraining() || !norm.getMean().use_empty() || !norm.getRstd().use_empty())
    return norm.emitError(
        "a batch norm to fold evaluates with parameters alone, and nobody reads its statistics");
  Location where = norm.getLoc();
  Value mean = readInPrepare(norm.getRunningMeanAttr(), where);
  Value var = readInPrepare(norm.getRunningVarAttr(), where);
  auto coeffs =
      BatchNormCoeffsOp::create(prepare, where, mean, var, readInPrepare(gamma.getParamAttr(), where),
                                readInPrepare(beta.getParamAttr(), where), norm.getEpsAttr());
  auto conv = norm.getX().getDefiningOp<ConvOp>();
  if (conv && conv->hasOneUse() && !foldedName(conv).empty())
    foldIntoConv(norm, conv, coeffs);
  else
    keepAffine(norm, coeffs);
  norm.erase();
  return success();
}

void ClipFoldBatchNormPass::foldIntoConv(BatchNormOp norm, ConvOp conv, BatchNormCoeffsOp coeffs) {
  std::string name = foldedName(conv), biasName = name + "_bias";
  auto origin = conv.getWeight().getDefiningOp<ReadOp>().getParamAttr();
  Location where = conv.getLoc();

  Value bias = coeffs.getOffset();
  if (conv.getBias()) {
    Value own = readInPrepare(conv.getBias().getDefiningOp<ReadOp>().getParamAttr(), where);
    bias = FoldBiasOp::create(prepare, where, own, coeffs.getScale(), coeffs.getOffset());
  }
  store(origin, biasName, bias);
  store(origin, name, FoldWeightOp::create(prepare, where, readInPrepare(origin, where), coeffs.getScale()));

  OpBuilder builder(conv);
  Value weight = ReadOp::create(builder, where, conv.getWeight().getType(), name);
  Value offset = ReadOp::create(builder, where, bias.getType(), biasName);
  Location both = builder.getFusedLoc({conv.getLoc(), norm.getLoc()});
  norm.getResult().replaceAllUsesWith(ConvOp::create(builder, both, norm.getResult().getType(), conv.getX(),
                                                     weight, offset, conv.getWindowAttr(),
                                                     conv.getGroupsAttr()));
  norm.getXMutable().drop();
  conv.erase();
  ++folded;
}

void ClipFoldBatchNormPass::keepAffine(BatchNormOp norm, BatchNormCoeffsOp coeffs) {
  auto origin = norm.getRunningVarAttr();
  StringRef layer = origin.getValue();
  layer.consume_back(".running_var");
  std::string scaleName = (layer + ".folded_scale").str(), offsetName = (layer + ".folded_offset").str();
  store(origin, offsetName, coeffs.getOffset());
  store(origin, scaleName, coeffs.getScale());

  OpBuilder builder(norm);
  Value scale = ReadOp::create(builder, norm.getLoc(), coeffs.getScale().getType(), scaleName);
  Value offset = ReadOp::create(builder, norm.getLoc(), coeffs.getOffset().getType(), offsetName);
  norm.getResult().replaceAllUsesWith(AffineOp::create(builder, norm.getLoc(), norm.getX(), scale, offset));
  ++affines;
}

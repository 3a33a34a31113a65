#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"

namespace kinema {
#define GEN_PASS_DEF_CLIPDECOMPOSEBATCHNORM
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

/// Returns how many elements a statistic of one channel is taken over: N * T * H * W.
static int64_t countOf(Value x) {
  auto type = cast<RankedTensorType>(x.getType());
  return type.getNumElements() / type.getDimSize(1);
}

/// Returns what is written to a parameter at the block's end; null where nothing is yet.
static WriteOp writeOf(Block *block, FlatSymbolRefAttr parameter) {
  for (Operation &op : llvm::reverse(*block))
    if (auto write = dyn_cast<WriteOp>(op); write && write.getParamAttr() == parameter)
      return write;
    else if (!isa<WriteOp>(op) && !op.hasTrait<OpTrait::IsTerminator>())
      break;
  return {};
}

namespace {
/// Statistics of a batch, [C] each, and of how many ranks' clips they are; null: of this one's.
struct Statistics {
  Value mean, var, ranks;
};
} // namespace

/// Reads the running statistics at the function's top, moves them beside `op` and writes them at its end.
/// Where batch norms share their statistics, each moves them on from where the one before has left them.
static void moveRunning(BatchNormOp op, const Statistics &now, OpBuilder builder) {
  auto [mean, var, ranks] = now;
  Block *block = op->getBlock();
  OpBuilder top = OpBuilder::atBlockBegin(block);
  WriteOp meanBefore = writeOf(block, op.getRunningMeanAttr());
  WriteOp varBefore = writeOf(block, op.getRunningVarAttr());
  auto old = [&](WriteOp before, Type type, FlatSymbolRefAttr parameter) -> Value {
    return before ? before.getValue() : ReadOp::create(top, op.getLoc(), type, parameter).getValue();
  };
  Value oldMean = old(meanBefore, mean.getType(), op.getRunningMeanAttr());
  Value oldVar = old(varBefore, var.getType(), op.getRunningVarAttr());
  auto running = BatchNormRunningOp::create(
      builder, op.getLoc(), oldMean, oldVar, mean, var, ranks, op.getMomentumAttr(),
      builder.getI64IntegerAttr(countOf(op.getX())), op.getUnbiasedAttr());
  for (WriteOp before : {meanBefore, varBefore})
    if (before)
      before.erase();
  OpBuilder end(block->getTerminator());
  WriteOp::create(end, op.getLoc(), op.getRunningMeanAttr(), running.getNewMean());
  WriteOp::create(end, op.getLoc(), op.getRunningVarAttr(), running.getNewVar());
}

/// Makes an affine map of a batch norm that takes its running statistics although the function trains.
static void decomposeFrozen(BatchNormOp op) {
  OpBuilder builder(op), top = OpBuilder::atBlockBegin(op->getBlock());
  Type vector = op.getGamma().getType();
  Value mean = ReadOp::create(top, op.getLoc(), vector, op.getRunningMeanAttr());
  Value var = ReadOp::create(top, op.getLoc(), vector, op.getRunningVarAttr());
  auto coeffs = BatchNormCoeffsOp::create(builder, op.getLoc(), mean, var, op.getGamma(), op.getBeta(),
                                          op.getEpsAttr());
  Value result = AffineOp::create(builder, op.getLoc(), op.getX(), coeffs.getScale(), coeffs.getOffset());
  op->replaceAllUsesWith(ValueRange{result, mean, coeffs.getRstd()});
  op.erase();
}

/// Merges what the ranks have of their own clips. The running mean, which they share, is the pivot.
static Statistics mergeOverRanks(BatchNormOp op, MomentsOp own, OpBuilder &builder) {
  Location where = op.getLoc();
  OpBuilder top = OpBuilder::atBlockBegin(op->getBlock());
  Value pivot = ReadOp::create(top, where, own.getMean().getType(), op.getRunningMeanAttr());
  auto share = BatchNormShareOp::create(builder, where, own.getMean(), own.getVar(), pivot);
  auto sums = RankSumOp::create(builder, where, ValueRange{share.getDistance(), share.getSpread()},
                                /*weighted=*/true);
  Value ranks;
  if (op.getUnbiased())
    ranks = RankSumOp::create(builder, where, ValueRange{share.getOne()}, /*weighted=*/false).getSums()[0];
  auto joint = BatchNormJointOp::create(builder, where, sums.getSums()[0], sums.getSums()[1], pivot);
  return {joint.getMean(), joint.getVar(), ranks};
}

static void decompose(BatchNormOp op) {
  if (!op.getTraining())
    return decomposeFrozen(op);
  OpBuilder builder(op);
  Location where = op.getLoc();
  auto moments = MomentsOp::create(builder, where, op.getX());
  Statistics now = {moments.getMean(), moments.getVar(), Value()};
  if (op.getSynced())
    now = mergeOverRanks(op, moments, builder);
  auto coeffs = BatchNormCoeffsOp::create(builder, where, now.mean, now.var, op.getGamma(), op.getBeta(),
                                          op.getEpsAttr());
  Value result = AffineOp::create(builder, where, op.getX(), coeffs.getScale(), coeffs.getOffset());
  moveRunning(op, now, builder);
  op->replaceAllUsesWith(ValueRange{result, now.mean, coeffs.getRstd()});
  op.erase();
}

static void decompose(BatchNormGradOp op) {
  OpBuilder builder(op);
  Location where = op.getLoc();
  auto sums = BatchNormGradSumsOp::create(builder, where, op.getG(), op.getZ(), op.getMean(), op.getRstd());
  Value sum = sums.getSum(), sumXhat = sums.getSumXhat();
  int64_t count = countOf(op.getZ());
  if (op.getSynced()) { // the gradients of the factors and offsets stay this rank's, as all gradients do
    auto means = BatchNormGradMeansOp::create(builder, where, sum, sumXhat, builder.getI64IntegerAttr(count));
    auto ofAll = RankSumOp::create(builder, where, means.getResults(), /*weighted=*/true);
    sum = ofAll.getSums()[0];
    sumXhat = ofAll.getSums()[1];
    count = 1;
  }
  auto coeffs = BatchNormGradCoeffsOp::create(builder, where, sum, sumXhat, op.getMean(), op.getRstd(),
                                              op.getGamma(), builder.getI64IntegerAttr(count));
  Value dz =
      Affine2Op::create(builder, where, op.getG(), op.getZ(), coeffs.getP(), coeffs.getQ(), coeffs.getR());
  op->replaceAllUsesWith(ValueRange{dz, op.getSynced() ? sums.getSumXhat() : coeffs.getDgamma(),
                                    op.getSynced() ? sums.getSum() : coeffs.getDbeta()});
  op.erase();
}

namespace {
struct ClipDecomposeBatchNormPass : kinema::impl::ClipDecomposeBatchNormBase<ClipDecomposeBatchNormPass> {
  using Base::Base;

  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (auto norm = dyn_cast<BatchNormOp>(op))
        decompose(norm);
      else if (auto gradient = dyn_cast<BatchNormGradOp>(op))
        decompose(gradient);
      else
        return;
      ++decomposed;
    });
  }
};
} // namespace

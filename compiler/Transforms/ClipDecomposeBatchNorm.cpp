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

/// Reads the running statistics at the function's top, moves them beside `op` and writes them at its end.
/// Where batch norms share their statistics, each moves them on from where the one before has left them.
static void moveRunning(BatchNormOp op, Value mean, Value var, OpBuilder builder) {
  Block *block = op->getBlock();
  OpBuilder top = OpBuilder::atBlockBegin(block);
  WriteOp meanBefore = writeOf(block, op.getRunningMeanAttr());
  WriteOp varBefore = writeOf(block, op.getRunningVarAttr());
  auto old = [&](WriteOp before, Type type, FlatSymbolRefAttr parameter) -> Value {
    return before ? before.getValue() : ReadOp::create(top, op.getLoc(), type, parameter).getValue();
  };
  Value oldMean = old(meanBefore, mean.getType(), op.getRunningMeanAttr());
  Value oldVar = old(varBefore, var.getType(), op.getRunningVarAttr());
  auto running =
      BatchNormRunningOp::create(builder, op.getLoc(), oldMean, oldVar, mean, var, op.getMomentumAttr(),
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

static void decompose(BatchNormOp op) {
  if (!op.getTraining())
    return decomposeFrozen(op);
  OpBuilder builder(op);
  Location where = op.getLoc();
  auto moments = MomentsOp::create(builder, where, op.getX());
  auto coeffs = BatchNormCoeffsOp::create(builder, where, moments.getMean(), moments.getVar(), op.getGamma(),
                                          op.getBeta(), op.getEpsAttr());
  Value result = AffineOp::create(builder, where, op.getX(), coeffs.getScale(), coeffs.getOffset());
  moveRunning(op, moments.getMean(), moments.getVar(), builder);
  op->replaceAllUsesWith(ValueRange{result, moments.getMean(), coeffs.getRstd()});
  op.erase();
}

static void decompose(BatchNormGradOp op) {
  OpBuilder builder(op);
  Location where = op.getLoc();
  auto sums = BatchNormGradSumsOp::create(builder, where, op.getG(), op.getZ(), op.getMean(), op.getRstd());
  auto coeffs = BatchNormGradCoeffsOp::create(builder, where, sums.getSum(), sums.getSumXhat(), op.getMean(),
                                              op.getRstd(), op.getGamma(),
                                              builder.getI64IntegerAttr(countOf(op.getZ())));
  Value dz =
      Affine2Op::create(builder, where, op.getG(), op.getZ(), coeffs.getP(), coeffs.getQ(), coeffs.getR());
  op->replaceAllUsesWith(ValueRange{dz, coeffs.getDgamma(), coeffs.getDbeta()});
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

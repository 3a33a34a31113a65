#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Clip.h"

namespace kinema {
#define GEN_PASS_DEF_CLIPLINEARTOCONV
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

/// Reshapes the weight of `linear` from [n, C*T*H*W] to [n, C, T, H, W], in its declaration and where it is
/// read.
static LogicalResult reshapeWeight(LinearOp linear, ModuleOp module) {
  auto read = linear.getWeight().getDefiningOp<ReadOp>();
  if (!read)
    return linear.emitError("the weight of a fully connected layer is a parameter of the network");
  auto param = module.lookupSymbol<ParamOp>(read.getParam());
  SmallVector<int64_t> shape(linear.getX().getType().getShape());
  shape[0] = linear.getWeight().getType().getDimSize(0);
  auto type = RankedTensorType::get(shape, param.getTensorType().getElementType());
  if (param.getFileShape() && param.getTensorType() != type)
    return linear.emitError("shares its weight with a layer of another input shape: ")
           << param.getTensorType() << " and " << type;
  reshapeParameter(param, read, type);
  return success();
}

static void replaceByConv(LinearOp linear) {
  OpBuilder builder(linear);
  shape::Window window;
  window.kernel = spatialSize(linear.getX().getType());
  auto conv = ConvOp::create(builder, linear.getLoc(), linear.getX(), linear.getWeight(), linear.getBias(),
                             WindowAttr::get(builder.getContext(), window), /*groups=*/1);
  linear.replaceAllUsesWith(conv.getResult());
  linear.erase();
}

namespace {
struct ClipLinearToConvPass : kinema::impl::ClipLinearToConvBase<ClipLinearToConvPass> {
  using Base::Base;
  void runOnOperation() override {
    SmallVector<LinearOp> linears;
    getOperation().walk([&](LinearOp linear) { linears.push_back(linear); });
    for (LinearOp linear : linears) {
      if (failed(reshapeWeight(linear, getOperation())))
        return signalPassFailure();
      replaceByConv(linear);
      ++layers;
    }
  }
};
} // namespace

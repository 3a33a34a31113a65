#include "compiler/Transforms/ClipFunctions.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Params.h"

namespace kinema {
#define GEN_PASS_DEF_CLIPPATCHESTOCHANNELS
#include "compiler/Transforms/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using namespace kinema::clip;

/// Limits the channels of a value whose patches are arranged: more of them make products that are long
/// enough.
static constexpr int64_t mostChannels = 4;
/// Limits from below the elements of a patch that is worth the copy.
static constexpr int64_t leastElements = 64;

/// Returns whether a conv's windows lie side by side and cover all of its input, which has few channels.
static bool isOverPatches(ConvOp conv) {
  RankedTensorType x = conv.getX().getType();
  const shape::Window window = conv.getWindow().getWindow();
  constexpr shape::Size3 none = {0, 0, 0};
  if (window.stride != window.kernel || window.padLow != none || window.padHigh != none ||
      conv.getGroups() != 1 || x.getDimSize(1) > mostChannels ||
      x.getDimSize(1) * window.taps() < leastElements)
    return false;
  return llvm::all_of(llvm::zip(spatialSize(x), window.kernel),
                      [](auto sizes) { return std::get<0>(sizes) % std::get<1>(sizes) == 0; });
}

/// Returns the read of a conv's weight, if it is a parameter that nobody else reads; else null.
static ReadOp ownWeight(ConvOp conv, ModuleOp module) {
  auto read = conv.getWeight().getDefiningOp<ReadOp>();
  if (!read || !read->hasOneUse())
    return {};
  int64_t reads = 0;
  module.walk([&](ReadOp other) { reads += other.getParam() == read.getParam(); });
  return reads == 1 ? read : ReadOp();
}

/// Returns the arrangement [n c [t dt] [h dh] [w dw]] -> [n [c dt dh dw] t h w].
static ArrangementAttr patches(RankedTensorType x, const shape::Size3 &patch) {
  SmallVector<int64_t> sizes = {x.getDimSize(0), x.getDimSize(1)};
  for (int axis = 0; axis < 3; ++axis)
    sizes.append({x.getDimSize(axis + 2) / patch[axis], patch[axis]});
  return ArrangementAttr::get(x.getContext(), sizes, /*source=*/{0, 1, 2, 3, 4, 5, 6, 7}, {1, 1, 2, 2, 2},
                              /*target=*/{0, 1, 3, 5, 7, 2, 4, 6}, {1, 4, 1, 1, 1});
}

static void arrange(ConvOp conv, ReadOp read, ModuleOp module) {
  auto param = module.lookupSymbol<ParamOp>(read.getParam());
  const shape::Size3 patch = conv.getWindow().getWindow().kernel;
  OpBuilder builder(conv);
  RankedTensorType x = conv.getX().getType();
  Value arranged = ArrangeOp::create(builder, conv.getLoc(), conv.getX(), patches(x, patch));
  reshapeParameter(param, read,
                   RankedTensorType::get({param.getTensorType().getDimSize(0),
                                          x.getDimSize(1) * shape::product(patch), 1, 1, 1},
                                         x.getElementType()));
  auto made = ConvOp::create(builder, conv.getLoc(), arranged, read, conv.getBias(),
                             WindowAttr::get(builder.getContext(), shape::Window()), /*groups=*/1);
  conv.replaceAllUsesWith(made.getResult());
  conv.erase();
}

namespace {
struct ClipPatchesToChannelsPass : kinema::impl::ClipPatchesToChannelsBase<ClipPatchesToChannelsPass> {
  using Base::Base;
  void runOnOperation() override {
    SmallVector<ConvOp> convs;
    getOperation().walk([&](ConvOp conv) { convs.push_back(conv); });
    for (ConvOp conv : convs) {
      ReadOp weight = isOverPatches(conv) ? ownWeight(conv, getOperation()) : ReadOp();
      if (!weight)
        continue;
      arrange(conv, weight, getOperation());
      ++layers;
    }
  }
};
} // namespace

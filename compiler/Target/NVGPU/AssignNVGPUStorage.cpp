// Pass assign-nvgpu-storage.
#include "compiler/Target/Common/AssignStorage.h"
#include "compiler/Target/Common/Layouts.h"
#include "compiler/Target/NVGPU/FeedPlan.h"
#include "compiler/Target/NVGPU/Layouts.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Target/NVGPU/Processor.h"
#include "compiler/Target/NVGPU/VectorPlan.h"

namespace kinema {
#define GEN_PASS_DEF_ASSIGNNVGPUSTORAGE
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;
using kernel::LayoutAttr;

/// Tensor cores contract two neighbours of a row at once where the source has few channels; windows then
/// begin one or two positions apart.
static bool takesNeighbours(const shape::Window &window) {
  constexpr int width = 2; // axis
  return 2 * StorageRules::inputBlock == nvidia::blockChannels && window.stride[width] <= 2 &&
         window.dilation[width] == 1;
}

/// Stencils compute depthwise convs, and tensor cores those of other groups.
static bool isDepthwise(ArrayRef<int64_t> weight, int64_t groups) {
  return weight[0] == groups && weight[1] == 1;
}

/// Chooses the layout for tensor cores and stencils.
static LayoutAttr tensorCoreParameter(MLIRContext *context, const WeightUse &use) {
  int64_t rank = use.shape.size(), block = nvidia::blockChannels;
  if (use.groups > 1)
    return isDepthwise(use.shape, use.groups) ? blockedWeight(context, rank, {block, 1})
                                              : nvidia::groupedLayout(context, rank);
  return nvidia::tapsLayout(context, rank, {use.isNarrow ? 2 : 1});
}

/// Returns how tensor cores want the weight of a conv in groups.
static WeightForm groupedWeight(kernel::ConvOp op, bool exchanged) {
  auto shape = tensorOf(op.getWeight()).getShape();
  int64_t groups = op.getGroups(), together = nvidia::groupsTogether(groups, shape[1], shape[0] / groups);
  return {nvidia::tapsLayout(op.getContext(), /*rank=*/5, {1, exchanged}), together};
}

/// Returns how many neighbours of a row tensor cores contract together of what a weight, or its gradient, is
/// read beside; 0 where it does not lie as they read or leave it.
static int64_t neighboursOf(RankedTensorType weight, int64_t groups) {
  auto taps = nvidia::tapsOf(weight);
  if (taps)
    return taps->together;
  bool isGrouped =
      groups > 1 && kernel::layoutOf(weight) == nvidia::groupedLayout(weight.getContext(), weight.getRank());
  return isGrouped ? 1 : 0;
}

/// Returns whether tensor cores take a conv whose weight lies so; what convs of vectors take is left to them.
static bool multipliesTerms(kernel::ConvOp op, LayoutAttr weight) {
  bool forward = op.getDirection() == kernel::Direction::Forward;
  RankedTensorType source = op.getSourceType(), result = op.getResultType(), type = tensorOf(op.getWeight());
  int64_t neighbours =
      neighboursOf(RankedTensorType::get(type.getShape(), type.getElementType(), weight), op.getGroups());
  return neighbours && nvidia::canStage(op.prologue(), neighbours) &&
         !nvidia::coversAll(op.getWindow().getWindow(), forward ? source : result, forward ? result : source);
}

static bool multipliesTerms(kernel::WeightGradOp op) {
  int64_t neighbours = neighboursOf(tensorOf(op.getResult()), op.getGroups());
  return neighbours && nvidia::canStage(op.gradient()) && nvidia::canStage(op.activation(), neighbours);
}

namespace {

struct AssignNVGPUStorage : kinema::impl::AssignNVGPUStorageBase<AssignNVGPUStorage> {
  using AssignNVGPUStorageBase::AssignNVGPUStorageBase;

  void runOnOperation() override {
    const nvidia::Processor *processor = nvidia::processorOf(getOperation());
    if (!processor)
      return signalPassFailure();
    bool terms = precision == kernel::Precision::BF16x3 && !reference;
    bool tensorCores = precision != kernel::Precision::FP32 && !reference;
    StorageRules rules;
    rules.block = processor->machine.vector;
    rules.precision =
        precision == kernel::Precision::BF16x3 && reference ? kernel::Precision::FP32 : precision.getValue();
    if (terms)
      rules.terms = [](kernel::WeightGradOp op) { return multipliesTerms(op); };
    if (tensorCores)
      rules.slidesOverNarrow = takesNeighbours;
    rules.parameter = [&](const WeightUse &use) {
      return tensorCores ? tensorCoreParameter(&getContext(), use)
                         : blockedParameter(&getContext(), use, rules.block);
    };
    auto formOf = [&](kernel::ConvOp op) -> WeightForm {
      bool isTransposed = op.getDirection() == kernel::Direction::Transposed;
      auto weight = tensorOf(op.getWeight());
      if (tensorCores && op.getGroups() > 1 && !isDepthwise(weight.getShape(), op.getGroups()))
        return groupedWeight(op, isTransposed);
      bool exchanged = isTransposed && op.getGroups() == 1;
      if (tensorCores && exchanged)
        return nvidia::tapsLayout(&getContext(), /*rank=*/5, {1, exchanged});
      return exchanged ? referenceWeight(op, rules.block) : kernel::layoutOf(weight);
    };
    rules.weight = [&](kernel::ConvOp op) {
      WeightForm form = formOf(op);
      form.terms = terms && multipliesTerms(op, form.layout);
      return form;
    };
    converted += assignStorage(getOperation(), rules);
  }
};

} // namespace

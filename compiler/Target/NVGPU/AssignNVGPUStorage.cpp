// Pass assign-nvgpu-storage.
#include "compiler/Target/Common/AssignStorage.h"
#include "compiler/Target/Common/Layouts.h"
#include "compiler/Target/NVGPU/Layouts.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Target/NVGPU/Processor.h"
#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

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
  if (!use.isNarrow || takesNeighbours(use.window))
    return nvidia::tapsLayout(context, rank, {use.isNarrow ? 2 : 1});
  return blockedWeight(context, rank, {block, StorageRules::inputBlock});
}

/// Returns how tensor cores want the weight of a conv in groups.
static WeightForm groupedWeight(kernel::ConvOp op, bool exchanged) {
  auto shape = tensorOf(op.getWeight()).getShape();
  int64_t groups = op.getGroups(), together = nvidia::groupsTogether(groups, shape[1], shape[0] / groups);
  return {nvidia::tapsLayout(op.getContext(), /*rank=*/5, {1, exchanged}), together};
}

namespace {

struct AssignNVGPUStorage : kinema::impl::AssignNVGPUStorageBase<AssignNVGPUStorage> {
  using AssignNVGPUStorageBase::AssignNVGPUStorageBase;

  void runOnOperation() override {
    const nvidia::Processor *processor = nvidia::processorOf(getOperation());
    if (!processor)
      return signalPassFailure();
    bool tensorCores = bfloat16 && !reference && processor->warpgroups;
    StorageRules rules;
    rules.block = processor->machine.vector;
    rules.bfloat16 = bfloat16;
    rules.parameter = [&](const WeightUse &use) {
      return tensorCores ? tensorCoreParameter(&getContext(), use)
                         : blockedParameter(&getContext(), use, rules.block);
    };
    rules.weight = [&](kernel::ConvOp op) -> WeightForm {
      bool isTransposed = op.getDirection() == kernel::Direction::Transposed;
      auto weight = tensorOf(op.getWeight());
      if (tensorCores && op.getGroups() > 1 && !isDepthwise(weight.getShape(), op.getGroups()))
        return groupedWeight(op, isTransposed);
      bool exchanged = isTransposed && op.getGroups() == 1;
      if (tensorCores && exchanged)
        return nvidia::tapsLayout(&getContext(), /*rank=*/5, {1, exchanged});
      return exchanged ? referenceWeight(op, rules.block) : kernel::layoutOf(weight);
    };
    converted += assignStorage(getOperation(), rules);
  }
};

} // namespace

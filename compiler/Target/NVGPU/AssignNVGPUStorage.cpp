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

/// Chooses the layout for tensor cores, which have depthwise weights alone of those in groups.
static LayoutAttr tensorCoreParameter(MLIRContext *context, const WeightUse &use) {
  int64_t rank = use.shape.size(), block = nvidia::blockChannels;
  bool isDepthwise = use.shape[0] == use.groups && use.shape[1] == 1;
  if (use.groups > 1)
    return isDepthwise ? blockedWeight(context, rank, {block, 1}) : LayoutAttr::rowMajor(context, rank);
  if (!use.isNarrow || takesNeighbours(use.window))
    return nvidia::tapsLayout(context, rank, {use.isNarrow ? 2 : 1});
  return blockedWeight(context, rank, {block, StorageRules::inputBlock});
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
    rules.weight = [&](kernel::ConvOp op) {
      bool exchanged = op.getDirection() == kernel::Direction::Transposed && op.getGroups() == 1;
      if (tensorCores && exchanged)
        return nvidia::tapsLayout(&getContext(), /*rank=*/5, {1, exchanged});
      return exchanged ? referenceWeight(op, rules.block) : kernel::layoutOf(tensorOf(op.getWeight()));
    };
    converted += assignStorage(getOperation(), rules);
  }
};

} // namespace

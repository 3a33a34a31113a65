// Pass fold-nvgpu-merges.
#include "compiler/Target/Common/ScheduleCheck.h"
#include "compiler/Target/NVGPU/Passes.h"

namespace kinema {
#define GEN_PASS_DEF_FOLDNVGPUMERGES
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

/// The conv on tensor cores whose partials `merge` alone reads, if all else that it reads is there before.
static kernel::ConvOp makerOf(kernel::FinalizeOp merge) {
  auto conv = merge.getPartials() ? merge.getPartials().getDefiningOp<kernel::ConvOp>() : kernel::ConvOp();
  if (!conv || !conv.getSchedule() || conv.getSchedule()->getName() != "sm90.halo")
    return {};
  return canGoOnWith(conv, merge) ? conv : kernel::ConvOp();
}

namespace {
struct FoldNVGPUMerges : kinema::impl::FoldNVGPUMergesBase<FoldNVGPUMerges> {
  void runOnOperation() override {
    llvm::SmallPtrSet<Operation *, 32> taken; // a conv with two sorts of partials goes on with one
    getOperation().walk([&](kernel::FinalizeOp merge) {
      kernel::ConvOp conv = makerOf(merge);
      if (!conv || !taken.insert(conv).second)
        return;
      merge.setFolded(true);
      merge.removeScheduleAttr();
      merge->moveAfter(conv);
      ++merges;
    });
  }
};
} // namespace

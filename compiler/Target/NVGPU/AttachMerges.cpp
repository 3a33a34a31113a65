// Implements the pass attach-nvgpu-merges.
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Target/NVGPU/Strategies.h"

namespace kinema {
#define GEN_PASS_DEF_ATTACHNVGPUMERGES
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

/// Returns whether the kernel is carried out in a way that can go on with a merge.
static bool goesOn(Operation *op, ArrayRef<Strategy> strategies) {
  auto schedule = kernel::scheduleOf(op);
  const Strategy *strategy = schedule ? strategyNamed(strategies, schedule.getName()) : nullptr;
  return strategy && strategy->goesOnWithMerges;
}

/// Returns the kernel whose partials `merge` alone reads, if it can go on with the merge and all else that
/// the merge reads is there before; null where there is none.
static Operation *makerOf(kernel::FinalizeOp merge, ArrayRef<Strategy> strategies) {
  Operation *maker = merge.getPartials() ? merge.getPartials().getDefiningOp() : nullptr;
  return maker && goesOn(maker, strategies) && canGoOnWith(maker, merge) ? maker : nullptr;
}

namespace {
struct AttachNVGPUMerges : kinema::impl::AttachNVGPUMergesBase<AttachNVGPUMerges> {
  void runOnOperation() override {
    const nvidia::Processor *processor = nvidia::processorOf(getOperation());
    if (!processor)
      return signalPassFailure();
    SmallVector<Strategy> strategies = nvidia::strategies(*processor);
    llvm::SmallPtrSet<Operation *, 32> taken; // a kernel with two kinds of partials goes on with one
    getOperation().walk([&](kernel::FinalizeOp merge) {
      Operation *maker = makerOf(merge, strategies);
      if (!maker || !taken.insert(maker).second)
        return;
      merge.setAttached(true);
      merge.removeScheduleAttr();
      merge->moveAfter(maker);
      ++merges;
    });
  }
};
} // namespace

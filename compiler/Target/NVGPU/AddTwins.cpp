// Implements the pass add-nvgpu-twins.
#include "compiler/Target/Common/Reference.h"
#include "compiler/Target/Common/Twins.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Target/NVGPU/Strategies.h"

namespace kinema {
#define GEN_PASS_DEF_ADDNVGPUTWINS
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

static bool isPlain(Operation *op, ArrayRef<Strategy> strategies) {
  auto schedule = kernel::scheduleOf(op);
  const Strategy *strategy = schedule ? strategyNamed(strategies, schedule.getName()) : nullptr;
  return !schedule || (strategy && strategy->emit == emitReference);
}

namespace {
struct AddNVGPUTwins : kinema::impl::AddNVGPUTwinsBase<AddNVGPUTwins> {
  void runOnOperation() override {
    const nvidia::Processor *processor = nvidia::processorOf(getOperation());
    if (!processor)
      return signalPassFailure();
    SmallVector<Strategy> strategies = nvidia::strategies(*processor);
    auto made =
        addTwins(getOperation(), processor->machine, [&](Operation *op) { return isPlain(op, strategies); });
    if (failed(made))
      return signalPassFailure();
    twins += *made;
  }
};
} // namespace

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

static bool isPlain(Operation *op, const nvidia::Processor &processor) {
  auto schedule = kernel::scheduleOf(op);
  if (!schedule || schedule.getName() == processor.machine.reference)
    return true;
  return llvm::any_of(nvidia::strategies(processor), [&](const Strategy &strategy) {
    return strategy.name == schedule.getName() && strategy.emit == emitReference;
  });
}

namespace {
struct AddNVGPUTwins : kinema::impl::AddNVGPUTwinsBase<AddNVGPUTwins> {
  void runOnOperation() override {
    const nvidia::Processor *processor = nvidia::processorOf(getOperation());
    if (!processor)
      return signalPassFailure();
    auto made =
        addTwins(getOperation(), processor->machine, [&](Operation *op) { return isPlain(op, *processor); });
    if (failed(made))
      return signalPassFailure();
    twins += *made;
  }
};
} // namespace

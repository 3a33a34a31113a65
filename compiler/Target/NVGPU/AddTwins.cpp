// Pass add-nvgpu-twins.
#include "compiler/Target/Common/Reference.h"
#include "compiler/Target/Common/Twins.h"
#include "compiler/Target/NVGPU/Machine.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Target/NVGPU/Strategies.h"

namespace kinema {
#define GEN_PASS_DEF_ADDNVGPUTWINS
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

static bool isPlain(Operation *op) {
  auto schedule = op->getAttrOfType<kernel::ScheduleAttr>("schedule");
  if (!schedule || schedule.getName() == nvidia::machine.reference)
    return true;
  return llvm::any_of(nvidia::strategies(), [&](const nvidia::ModelledStrategy &strategy) {
    return strategy.name == schedule.getName() && strategy.emit == emitReference;
  });
}

namespace {
struct AddNVGPUTwins : kinema::impl::AddNVGPUTwinsBase<AddNVGPUTwins> {
  void runOnOperation() override {
    auto made = addTwins(getOperation(), nvidia::machine, isPlain);
    if (failed(made))
      return signalPassFailure();
    twins += *made;
  }
};
} // namespace

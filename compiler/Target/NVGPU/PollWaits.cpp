// Implements the pass poll-nvgpu-waits.
#include "compiler/Target/NVGPU/PollWaits.h"
#include "compiler/Target/NVGPU/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/FormatVariadic.h"

namespace kinema {
#define GEN_PASS_DEF_POLLNVGPUWAITS
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

llvm::StringRef nvidia::lookAtBarrier(const Processor &processor) {
  return processor.sleepsAtBarriers() ? "mbarrier.try_wait.parity.shared::cta.b64 done, [$0], $1, $2;"
                                      : "mbarrier.test_wait.parity.shared.b64 done, [$0], $1;";
}

/// Looks again and again, and between two looks leaves the multiprocessor to other warps for some
/// nanoseconds. {0} is the look. The labels belong to the block of assembly.
static constexpr char poll[] = R"({{
.reg .pred done;
LOOK:
{0}
@done bra DONE;
nanosleep.u32 20;
bra LOOK;
DONE:
})";

static void replace(NVVM::MBarrierTryWaitParityOp wait, StringRef look) {
  OpBuilder b(wait);
  Value barrier = LLVM::PtrToIntOp::create(b, wait.getLoc(), b.getI32Type(), wait.getAddr());
  std::string text = llvm::formatv(poll, look);
  LLVM::InlineAsmOp::create(b, wait.getLoc(), TypeRange(), ValueRange{barrier, wait.getPhase()}, text,
                            "r,r,~{memory}", /*has_side_effects=*/true, /*is_align_stack=*/false,
                            LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr());
  wait.erase();
}

namespace {
struct PollNVGPUWaits : kinema::impl::PollNVGPUWaitsBase<PollNVGPUWaits> {
  void runOnOperation() override {
    const nvidia::Processor *processor = nvidia::processorOf(getOperation());
    if (!processor)
      return signalPassFailure();
    if (processor->sleepsAtBarriers())
      return;
    SmallVector<NVVM::MBarrierTryWaitParityOp> found;
    getOperation().walk([&](NVVM::MBarrierTryWaitParityOp wait) { found.push_back(wait); });
    for (NVVM::MBarrierTryWaitParityOp wait : found) {
      replace(wait, nvidia::lookAtBarrier(*processor));
      ++waits;
    }
  }
};
} // namespace

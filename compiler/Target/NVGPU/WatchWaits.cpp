// Implements the pass watch-nvgpu-waits.
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Target/NVGPU/PollWaits.h"
#include "dialects/Kernel/Attributes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/FormatVariadic.h"

namespace kinema {
#define GEN_PASS_DEF_WATCHNVGPUWAITS
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

/// Waits for an mbarrier for a limited time. The operands are the mbarrier, the parity, how long a look may
/// take, and the record; {0} is the site, {1} the limit in nanoseconds and {2} the look. The record is one
/// word, so that it is whole even if several threads write it. The labels belong to the block of assembly.
static constexpr char boundedWait[] = R"({{
.reg .pred done;
.reg .b64 begin, now, told, part;
.reg .b32 number;
mov.u64 begin, %globaltimer;
LOOK:
{2}
@done bra DONE;
mov.u64 now, %globaltimer;
sub.u64 now, now, begin;
setp.gt.u64 done, now, {1};
@!done bra LOOK;
mov.u32 number, %ctaid.x;
mul.wide.u32 told, number, 65536;
mov.u32 number, %tid.x;
cvt.u64.u32 part, number;
or.b64 told, told, part;
or.b64 told, told, {0};
st.relaxed.sys.global.b64 [$3], told;
fence.sc.sys;
trap;
DONE:
})";
static constexpr unsigned siteShift = 40;       // above 24 bits of the block and 16 of the thread
static constexpr int64_t limit = 4'000'000'000; // nanoseconds: far more than any launch takes

/// Returns, for instance, "k5, layer stem: waits until a stage of the weights is full".
static std::string nameOf(LLVM::LLVMFuncOp kernel, Operation *wait) {
  std::string what = "waits for an mbarrier";
  if (auto name = dyn_cast<NameLoc>(wait->getLoc()))
    what = name.getName().str();
  return (kernel.getName() + ": " + what).str();
}

/// Adds a parameter, which is an address in global memory.
static Value addRecord(LLVM::LLVMFuncOp kernel) {
  auto pointer = LLVM::LLVMPointerType::get(kernel.getContext(), 1);
  SmallVector<Type> types(kernel.getFunctionType().getParams());
  types.push_back(pointer);
  kernel.setFunctionType(LLVM::LLVMFunctionType::get(kernel.getFunctionType().getReturnType(), types));
  if (ArrayAttr attributes = kernel.getArgAttrsAttr()) {
    SmallVector<Attribute> all(attributes.getValue());
    all.push_back(DictionaryAttr::get(kernel.getContext()));
    kernel.setArgAttrsAttr(ArrayAttr::get(kernel.getContext(), all));
  }
  return kernel.getBody().front().addArgument(pointer, kernel.getLoc());
}

static void bound(NVVM::MBarrierTryWaitParityOp wait, Value record, int64_t site, StringRef look) {
  OpBuilder b(wait);
  Value barrier = LLVM::PtrToIntOp::create(b, wait.getLoc(), b.getI32Type(), wait.getAddr());
  std::string text = llvm::formatv(boundedWait, (site + 1) << siteShift, limit, look);
  LLVM::InlineAsmOp::create(b, wait.getLoc(), TypeRange(),
                            ValueRange{barrier, wait.getPhase(), wait.getTicks(), record}, text,
                            "r,r,r,l,~{memory}", /*has_side_effects=*/true, /*is_align_stack=*/false,
                            LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr());
  wait.erase();
}

namespace {
struct WatchNVGPUWaits : kinema::impl::WatchNVGPUWaitsBase<WatchNVGPUWaits> {
  void runOnOperation() override {
    const nvidia::Processor *processor = nvidia::processorOf(getOperation());
    if (!processor)
      return signalPassFailure();
    SmallVector<Attribute> sites;
    Builder b(&getContext());
    for (auto part : getOperation().getOps<gpu::GPUModuleOp>())
      for (auto kernel : part.getOps<LLVM::LLVMFuncOp>()) {
        if (!kernel->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName()))
          continue;
        Value record = addRecord(kernel);
        SmallVector<NVVM::MBarrierTryWaitParityOp> found;
        kernel.walk([&](NVVM::MBarrierTryWaitParityOp wait) { found.push_back(wait); });
        for (NVVM::MBarrierTryWaitParityOp wait : found) {
          std::string name = nameOf(kernel, wait);
          bound(wait, record, int64_t(sites.size()), nvidia::lookAtBarrier(*processor));
          sites.push_back(b.getStringAttr(name));
          ++waits;
        }
      }
    getOperation()->setAttr(kernel::sitesAttribute, b.getArrayAttr(sites));
  }
};
} // namespace

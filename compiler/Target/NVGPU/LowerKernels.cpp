#include "compiler/Target/NVGPU/LowerKernels.h"

#include "compiler/Target/Common/LowerKernels.h"
#include "compiler/Target/NVGPU/CombineThreads.h"
#include "compiler/Target/NVGPU/Passes.h"
#include "compiler/Target/NVGPU/SharedMemory.h"
#include "compiler/Target/NVGPU/Strategies.h"
#include "dialects/Kernel/Attributes.h"

#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

namespace kinema {
#define GEN_PASS_DEF_LOWERKERNELSTONVGPU
#include "compiler/Target/NVGPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

/// Reads a special register as an index.
template <typename Register> static Value readIndex(KernelEmitter &e) {
  Value value = Register::create(e.b, e.loc, e.b.getI32Type());
  return arith::IndexCastOp::create(e.b, e.loc, e.b.getIndexType(), value);
}

/// Returns the block's dynamic shared memory, as every kernel of a module sees it.
static Value sharedMemory(kernel::DefOp def, KernelEmitter &e) {
  constexpr StringLiteral name = "shared";
  constexpr unsigned sharedSpace = 3;
  auto module = def->getParentOfType<gpu::GPUModuleOp>();
  auto global = module.lookupSymbol<LLVM::GlobalOp>(name);
  if (!global) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    auto bytes = LLVM::LLVMArrayType::get(top.getI8Type(), 0);
    global =
        LLVM::GlobalOp::create(top, module.getLoc(), bytes, /*isConstant=*/false, LLVM::Linkage::External,
                               name, Attribute(), nvidia::sharedAlignment, sharedSpace);
  }
  return LLVM::AddressOfOp::create(e.b, e.loc, global);
}

/// Lets the next launch begin as soon as all blocks of this one have, and waits for the end of the one
/// before. Nothing that others write is read before that, nor anything written that they read.
static void followLaunches(KernelEmitter &e) {
  for (auto kind : {NVVM::GridDepActionKind::launch_dependents, NVVM::GridDepActionKind::wait})
    NVVM::GriddepcontrolOp::create(e.b, e.loc, kind);
}

static void begin(kernel::DefOp def, kernel::ScheduleAttr schedule, KernelEmitter &e) {
  constexpr int64_t globalMemory = 1;
  auto function = e.begin(def, {}, e.b.getI64IntegerAttr(globalMemory));
  e.threads = *schedule.getThreads();
  function->setAttr(kernel::threadsAttribute, e.b.getI32IntegerAttr(e.threads));
  if (const auto *processor = nvidia::processorOf(def); processor && processor->dependentLaunches())
    followLaunches(e);
  e.firstBlock = readIndex<NVVM::BlockIdXOp>(e);
  e.thread = readIndex<NVVM::ThreadIdXOp>(e);
  e.combineThreads = [&e, def](ValueRange values, KernelEmitter::Combine combine) {
    return nvidia::combineThreads(e, def->getParentOfType<gpu::GPUModuleOp>(), values, combine);
  };
  e.combineWarp = [&e](ValueRange values, KernelEmitter::Combine combine) {
    return nvidia::combineWarp(e, values, combine);
  };
  if (schedule.getScratch() > 0)
    e.scratch = sharedMemory(def, e);
}

LogicalResult nvidia::verifySchedules(ModuleOp module, const Processor &processor) {
  SmallVector<Strategy> table = strategies(processor);
  return kinema::verifySchedules(module, {"NVIDIA", processor.machine, table, begin});
}

namespace {
struct LowerKernelsToNVGPUPass : kinema::impl::LowerKernelsToNVGPUBase<LowerKernelsToNVGPUPass> {
  void runOnOperation() override {
    const nvidia::Processor *processor = nvidia::processorOf(getOperation());
    if (!processor)
      return signalPassFailure();
    SmallVector<Strategy> strategies = nvidia::strategies(*processor);
    const LoweringTarget target = {"NVIDIA", processor->machine, strategies, begin};
    for (auto def : llvm::make_early_inc_range(getOperation().getOps<kernel::DefOp>())) {
      if (failed(lowerKernel(def, target)))
        return signalPassFailure();
      ++kernels;
    }
  }
};
} // namespace

void nvidia::buildLoweringPipeline(OpPassManager &passes) {
  passes.addPass(createSplitNVGPUKernels());
  OpPassManager &part = passes.nest<gpu::GPUModuleOp>();
  part.addPass(createLowerKernelsToNVGPU());
  part.addPass(createCSEPass());
  part.addPass(createSCFToControlFlowPass());
  part.addPass(createLowerNVGPUToLLVM());
}

void nvidia::registerLoweringPipeline() {
  PassPipelineRegistration<>("nvgpu-lowering",
                             "kernels as functions of the LLVM and NVVM dialects, in gpu.modules",
                             nvidia::buildLoweringPipeline);
}

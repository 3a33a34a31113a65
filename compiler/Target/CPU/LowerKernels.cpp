#include "compiler/Target/CPU/LowerKernels.h"

#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/CPU/Strategies.h"
#include "compiler/Target/Common/LowerKernels.h"

#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

namespace kinema {
#define GEN_PASS_DEF_LOWERKERNELSTOCPU
#include "compiler/Target/CPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

/// Adds the function's further arguments: the blocks [begin, end) to compute, and the thread's scratch.
static void begin(kernel::DefOp def, kernel::ScheduleAttr schedule, KernelEmitter &e) {
  Type index = e.b.getIndexType();
  int64_t scratch = schedule.getScratch() / 4;
  auto function = e.begin(def, {index, index, MemRefType::get({scratch}, e.b.getF32Type())});
  auto arguments = function.getArguments().take_back(3);
  e.firstBlock = arguments[0];
  e.endBlock = arguments[1];
  e.scratch = arguments[2];
}

LogicalResult cpu::verifySchedules(ModuleOp module, const Level &level) {
  SmallVector<Strategy> table = strategies(level);
  return kinema::verifySchedules(module, {"CPU", level.machine, table, begin});
}

namespace {
struct LowerKernelsToCPUPass : kinema::impl::LowerKernelsToCPUBase<LowerKernelsToCPUPass> {
  void runOnOperation() override {
    const cpu::Level *found = cpu::levelOf(getOperation());
    if (!found)
      return signalPassFailure();
    SmallVector<Strategy> strategies = cpu::strategies(*found);
    const LoweringTarget target = {"CPU", found->machine, strategies, begin};
    for (auto def : llvm::make_early_inc_range(getOperation().getOps<kernel::DefOp>())) {
      if (failed(lowerKernel(def, target)))
        return signalPassFailure();
      ++kernels;
    }
  }
};
} // namespace

void cpu::buildLoweringPipeline(OpPassManager &passes) {
  passes.addPass(createSplitCPUKernels());
  OpPassManager &part = passes.nest<ModuleOp>();
  part.addPass(createLowerKernelsToCPU());
  part.addPass(createCSEPass());
  part.addPass(createSCFToControlFlowPass());
  part.addPass(createConvertVectorToLLVMPass());
  part.addPass(createLowerCPUToLLVM());
}

void cpu::registerLoweringPipeline() {
  PassPipelineRegistration<>("cpu-lowering",
                             "kernels as functions of the LLVM dialect, in modules that are compiled apart",
                             buildLoweringPipeline);
}

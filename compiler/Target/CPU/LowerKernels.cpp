#include "compiler/Target/CPU/LowerKernels.h"

#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/CPU/Reference.h"
#include "compiler/Target/CPU/WeightGradTile.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

namespace kinema {
#define GEN_PASS_DEF_LOWERKERNELSTOCPU
#include "compiler/Target/CPU/Passes.h.inc"
} // namespace kinema

using namespace mlir;
using namespace kinema;

namespace {
/// One way of writing a kernel, by its name in schedules.
struct Strategy {
  StringRef name;
  function_ref<LogicalResult(Operation *, cpu::KernelEmitter &)> emit;
};
} // namespace

static LogicalResult emitReference(Operation *kernel, cpu::KernelEmitter &e) {
  cpu::emitReference(kernel, e);
  return success();
}

static LogicalResult emitConv(Operation *kernel, cpu::KernelEmitter &e) {
  cpu::emitConvTile(cast<kernel::ConvOp>(kernel), e);
  return success();
}

static LogicalResult emitWeightGrad(Operation *kernel, cpu::KernelEmitter &e) {
  cpu::emitWeightGradTile(cast<kernel::WeightGradOp>(kernel), e);
  return success();
}

static const Strategy strategies[] = {
    {"cpu.reference", emitReference},
    {"cpu.tile", emitConv},
    {"cpu.wgrad_tile", emitWeightGrad},
};

static LogicalResult lower(kernel::DefOp def) {
  Operation *kernel = def.getKernel();
  auto schedule = kernel->getAttrOfType<kernel::ScheduleAttr>("schedule");
  if (!schedule)
    return kernel->emitOpError("has no schedule; run the pass that assigns them first");
  auto found = llvm::find_if(strategies, [&](const Strategy &s) { return s.name == schedule.getName(); });
  if (found == std::end(strategies))
    return kernel->emitOpError("has the schedule ")
           << schedule.getName() << ", which the CPU target does not know";
  auto types = llvm::concat<Type>(llvm::to_vector(kernel->getOperandTypes()),
                                  llvm::to_vector(kernel->getResultTypes()));
  for (Type type : types)
    if (auto tensor = dyn_cast<RankedTensorType>(type); !tensor || !tensor.hasStaticShape())
      return kernel->emitOpError("has the type ") << type << ", whose size is not fixed";
  OpBuilder builder(def);
  cpu::KernelEmitter emitter(builder, kernel->getLoc());
  emitter.begin(def);
  if (failed(found->emit(kernel, emitter)))
    return failure();
  def.erase();
  return success();
}

namespace {
struct LowerKernelsToCPUPass : kinema::impl::LowerKernelsToCPUBase<LowerKernelsToCPUPass> {
  using Base::Base;
  void runOnOperation() override {
    for (auto def : llvm::make_early_inc_range(getOperation().getOps<kernel::DefOp>())) {
      if (failed(lower(def)))
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
                             cpu::buildLoweringPipeline);
}

#include "compiler/Target/CPU/LowerKernels.h"

#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/Machine.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/CPU/WeightGradTile.h"
#include "compiler/Target/Common/Reference.h"

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
  function_ref<LogicalResult(Operation *, KernelEmitter &)> emit;
};
} // namespace

static LogicalResult writeReference(Operation *kernel, KernelEmitter &e) {
  emitReference(kernel, e);
  return success();
}

static LogicalResult writeConv(Operation *kernel, KernelEmitter &e) {
  cpu::emitConvTile(cast<kernel::ConvOp>(kernel), e);
  return success();
}

static LogicalResult writeWeightGrad(Operation *kernel, KernelEmitter &e) {
  cpu::emitWeightGradTile(cast<kernel::WeightGradOp>(kernel), e);
  return success();
}

static const Strategy strategies[] = {
    {"cpu.reference", writeReference},
    {"cpu.tile", writeConv},
    {"cpu.wgrad_tile", writeWeightGrad},
};

/// The function's further arguments: the blocks [begin, end) to compute, and the thread's scratch.
static void begin(kernel::DefOp def, int64_t scratch, KernelEmitter &e) {
  Type index = e.b.getIndexType();
  auto function = e.begin(def, {index, index, MemRefType::get({scratch / 4}, e.b.getF32Type())});
  auto arguments = function.getArguments().take_back(3);
  e.firstBlock = arguments[0];
  e.endBlock = arguments[1];
  e.scratch = arguments[2];
}

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
  KernelEmitter emitter(builder, kernel->getLoc(), cpu::machine);
  begin(def, schedule.getScratch(), emitter);
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

#include "compiler/Target/CPU/LowerKernels.h"

#include "compiler/Target/CPU/ConvTile.h"
#include "compiler/Target/CPU/GroupConvTile.h"
#include "compiler/Target/CPU/GroupWeightGrad.h"
#include "compiler/Target/CPU/PairWeights.h"
#include "compiler/Target/CPU/Passes.h"
#include "compiler/Target/CPU/WeightGradTile.h"
#include "compiler/Target/CPU/Winograd.h"
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

static void writeConv(Operation *kernel, KernelEmitter &e) {
  cpu::emitConvTile(cast<kernel::ConvOp>(kernel), e);
}

static void writeWeightGrad(Operation *kernel, KernelEmitter &e) {
  cpu::emitWeightGradTile(cast<kernel::WeightGradOp>(kernel), e);
}

static void writeGroupConv(Operation *kernel, KernelEmitter &e) {
  cpu::emitGroupConvTile(cast<kernel::ConvOp>(kernel), e);
}

static void writeGroupWeightGrad(Operation *kernel, KernelEmitter &e) {
  cpu::emitGroupWeightGrad(cast<kernel::WeightGradOp>(kernel), e);
}

static void writePairs(Operation *kernel, KernelEmitter &e) {
  cpu::emitPairWeights(cast<kernel::ConvertOp>(kernel), e);
}

static void writeWinograd(Operation *kernel, KernelEmitter &e) {
  cpu::emitWinogradWeight(cast<kernel::WinogradOp>(kernel), e);
}

/// The function's further arguments: the blocks [begin, end) to compute, and the thread's scratch.
static void begin(kernel::DefOp def, kernel::ScheduleAttr schedule, KernelEmitter &e) {
  Type index = e.b.getIndexType();
  int64_t scratch = schedule.getScratch() / 4;
  auto function = e.begin(def, {index, index, MemRefType::get({scratch}, e.b.getF32Type())});
  auto arguments = function.getArguments().take_back(3);
  e.firstBlock = arguments[0];
  e.endBlock = arguments[1];
  e.scratch = arguments[2];
}

/// The schedule of a kernel of one operation by `remake`; null for other operations.
template <auto remake, typename Op>
static kernel::ScheduleAttr remakeOf(Operation *kernel, const Machine &machine,
                                     ScheduleParameters &parameters) {
  auto op = dyn_cast<Op>(kernel);
  return op ? remake(op, machine, parameters) : kernel::ScheduleAttr();
}

static kernel::ScheduleAttr remakeWinograd(kernel::WinogradOp op, const Machine &machine,
                                           ScheduleParameters &) {
  return cpu::winogradWeightSchedule(op, machine).value_or(kernel::ScheduleAttr());
}

static kernel::ScheduleAttr remakePairs(kernel::ConvertOp op, const Machine &machine, ScheduleParameters &) {
  return cpu::pairWeightsSchedule(op, machine).value_or(kernel::ScheduleAttr());
}

static const Strategy strategies[] = {
    {"cpu.tile", writeConv, remakeOf<cpu::remakeConvTile, kernel::ConvOp>},
    {"cpu.wgrad_tile", writeWeightGrad, remakeOf<cpu::remakeWeightGradTile, kernel::WeightGradOp>},
    {"cpu.group_tile", writeGroupConv, remakeOf<cpu::remakeGroupConvTile, kernel::ConvOp>},
    {"cpu.group_wgrad", writeGroupWeightGrad, remakeOf<cpu::remakeGroupWeightGrad, kernel::WeightGradOp>},
    {"cpu.winograd", writeWinograd, remakeOf<remakeWinograd, kernel::WinogradOp>},
    {"cpu.pairs", writePairs, remakeOf<remakePairs, kernel::ConvertOp>}};

static LoweringTarget targetOf(const cpu::Level &level) { return {"CPU", level.machine, strategies, begin}; }

LogicalResult cpu::verifySchedules(ModuleOp module, const Level &level) {
  return kinema::verifySchedules(module, targetOf(level));
}

namespace {
struct LowerKernelsToCPUPass : kinema::impl::LowerKernelsToCPUBase<LowerKernelsToCPUPass> {
  using Base::Base;
  void runOnOperation() override {
    const cpu::Level *found = cpu::levelNamed(level, getOperation());
    if (!found)
      return signalPassFailure();
    const LoweringTarget target = targetOf(*found);
    for (auto def : llvm::make_early_inc_range(getOperation().getOps<kernel::DefOp>())) {
      if (failed(lowerKernel(def, target)))
        return signalPassFailure();
      ++kernels;
    }
  }
};
} // namespace

void cpu::buildLoweringPipeline(OpPassManager &passes, const Level &level) {
  passes.addPass(createSplitCPUKernels());
  OpPassManager &part = passes.nest<ModuleOp>();
  part.addPass(createLowerKernelsToCPU(LowerKernelsToCPUOptions{level.name.str()}));
  part.addPass(createCSEPass());
  part.addPass(createSCFToControlFlowPass());
  part.addPass(createConvertVectorToLLVMPass());
  part.addPass(createLowerCPUToLLVM(LowerCPUToLLVMOptions{level.name.str()}));
}

void cpu::registerLoweringPipeline() {
  PassPipelineRegistration<>(
      "cpu-lowering",
      "kernels as functions of the LLVM dialect, in modules that are compiled apart, for AVX2",
      [](OpPassManager &passes) { buildLoweringPipeline(passes, levels[0]); });
}

#include "compiler/Pipelines/Step.h"

#include "compiler/Transforms/Passes.h"
#include "compiler/Transforms/UpdatePlan.h"

#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace kinema;

SmallVector<StringRef> kinema::statesInStep(clip::ParamOp param) {
  return UpdatePlan(param->getParentOfType<ModuleOp>()).statesOf(param);
}

void kinema::buildStepPipeline(OpPassManager &passes, const StepOptions &options) {
  passes.addPass(createClipLinearToConv());
  passes.addPass(createClipPatchesToChannels());
  passes.addPass(createClipFoldIdentities());
  passes.addPass(createClipRepeatLate());
  passes.addPass(createClipMoveArrangements());
  if (options.train) {
    ClipDifferentiateOptions differentiate;
    differentiate.keepGradients = options.keepGradients;
    passes.addPass(createClipDifferentiate(differentiate));
  }
  passes.addPass(createClipFoldBatchNorm());
  passes.addPass(createClipDecomposeBatchNorm());
  passes.addPass(createCSEPass());
}

namespace {
struct StepPipelineOptions : PassPipelineOptions<StepPipelineOptions> {
  Option<bool> train{*this, "train", llvm::cl::desc("make the training step too"), llvm::cl::init(true)};
  Option<bool> keepGradients{*this, "keep-gradients",
                             llvm::cl::desc("return the gradients of the parameters"), llvm::cl::init(false)};
};
} // namespace

void kinema::registerStepPipeline() {
  PassPipelineRegistration<StepPipelineOptions>(
      "step", "from the forward network to its training step and its inference form",
      [](OpPassManager &passes, const StepPipelineOptions &options) {
        buildStepPipeline(passes, {options.train, options.keepGradients});
      });
}

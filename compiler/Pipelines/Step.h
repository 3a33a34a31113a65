// Leads from the phase `clip` to the phase `step`: a function of the module for each way of running the
// network.
#ifndef KINEMA_COMPILER_PIPELINES_STEP_H
#define KINEMA_COMPILER_PIPELINES_STEP_H

#include "dialects/Clip/Clip.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace kinema {

/// Returns the roles of the states, such as `momentum`, that the training step of a module in phase `clip`
/// keeps about one of its parameters.
llvm::SmallVector<llvm::StringRef> statesInStep(clip::ParamOp param);

struct StepOptions {
  bool train = true;          // whether @train_step is made beside @infer
  bool keepGradients = false; // whether @train_step also returns the gradient of every trained parameter
};

/// Adds the passes that replace @forward by @train_step and @infer.
void buildStepPipeline(mlir::OpPassManager &passes, const StepOptions &options);

/// Registers the pipeline under the name `step`.
void registerStepPipeline();

} // namespace kinema

#endif

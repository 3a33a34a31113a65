// From the phase `clip` to the phase `step`: one module function a way of running the network.
#ifndef KINEMA_COMPILER_PIPELINES_STEP_H
#define KINEMA_COMPILER_PIPELINES_STEP_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace kinema {

/// Whether a module in phase `clip` can have a training step: its network gives scores, not probabilities.
bool canBeTrained(mlir::ModuleOp clip);

struct StepOptions {
  bool train = true;          // with @train_step; otherwise @infer alone
  bool keepGradients = false; // @train_step also returns the gradient of every trained parameter
};

/// Replaces @forward by @train_step and @infer.
void buildStepPipeline(mlir::OpPassManager &passes, const StepOptions &options);

/// Registers it as `step`.
void registerStepPipeline();

} // namespace kinema

#endif

// Lowers the phase `planned` to the phase `target` on the CPU.
#ifndef KINEMA_COMPILER_TARGET_CPU_LOWERKERNELS_H
#define KINEMA_COMPILER_TARGET_CPU_LOWERKERNELS_H

#include "compiler/Target/CPU/Level.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace kinema::cpu {

/// Succeeds if all kernels of a module in phase `fused` or later have schedules that the level can carry
/// out; else there are errors on those that have not.
mlir::LogicalResult verifySchedules(mlir::ModuleOp module, const Level &level);

/// Gives a planned module nested modules of the LLVM dialect with a function for each kernel, as
/// docs/package.md describes them. The nested modules are lowered on the context's threads.
void buildLoweringPipeline(mlir::OpPassManager &passes);

/// Registers the pipeline as `cpu-lowering`, beside the passes.
void registerLoweringPipeline();

} // namespace kinema::cpu

#endif

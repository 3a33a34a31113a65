// Lowers the phase `planned` to the phase `target` on the CPU.
#ifndef KINEMA_COMPILER_TARGET_CPU_LOWERKERNELS_H
#define KINEMA_COMPILER_TARGET_CPU_LOWERKERNELS_H

#include "compiler/Target/CPU/Level.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace kinema::cpu {

/// Succeeds if all kernels of a module in phase `fused` or `planned` have schedules that the level can carry
/// out; else reports errors on those that do not.
mlir::LogicalResult verifySchedules(mlir::ModuleOp module, const Level &level);

/// Replaces the kernels of a planned module by nested modules of the LLVM dialect with the exported functions
/// that docs/package.md describes. The nested modules are lowered on the context's threads.
void buildLoweringPipeline(mlir::OpPassManager &passes);

/// Registers the pipeline as `cpu-lowering`, beside the passes.
void registerLoweringPipeline();

} // namespace kinema::cpu

#endif

// Lowers the phase `planned` to the phase `target` on an NVIDIA GPU.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_LOWERKERNELS_H
#define KINEMA_COMPILER_TARGET_NVGPU_LOWERKERNELS_H

#include "compiler/Target/NVGPU/Processor.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace kinema::nvidia {

/// Succeeds if all kernels of a module in phase `fused` or later have schedules that the processor can
/// carry out; else there are errors on those that have not.
mlir::LogicalResult verifySchedules(mlir::ModuleOp module, const Processor &processor);

/// Gives a planned module gpu.modules of the LLVM and NVVM dialects. The function of a kernel is an
/// `llvm.func` with `gpu.kernel` and `nvvm.kernel`, of one `!llvm.ptr<1>` a launch argument; `nvvm.reqntid`
/// is its block. The modules are lowered on the context's threads.
void buildLoweringPipeline(mlir::OpPassManager &passes);

/// Registers the pipeline as `nvgpu-lowering`, beside the passes.
void registerLoweringPipeline();

} // namespace kinema::nvidia

#endif

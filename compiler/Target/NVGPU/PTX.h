// From the phase `target` to PTX, the text that ptxas or the driver makes machine code of.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_PTX_H
#define KINEMA_COMPILER_TARGET_NVGPU_PTX_H

#include "compiler/Target/NVGPU/Processor.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/PassManager.h"

#include <string>

namespace kinema::nvidia {

/// The last pass before generatePTX: NVVM operations that LLVM has no intrinsic for become inline assembly.
void addInlineAssembly(mlir::OpPassManager &passes);

/// The text of one gpu.module. A function that nobody defines is an error at the module.
mlir::FailureOr<std::string> generatePTX(mlir::gpu::GPUModuleOp part, const Processor &processor);

/// All parts as one text: the first one's head, everybody's body.
std::string joinPTX(llvm::ArrayRef<std::string> parts);

/// What generatePTX reads, beside the dialects themselves.
void registerPTX(mlir::DialectRegistry &registry);

} // namespace kinema::nvidia

#endif

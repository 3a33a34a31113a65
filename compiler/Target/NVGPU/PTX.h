// Turns the phase `target` into PTX, the text from which ptxas or the driver makes machine code.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_PTX_H
#define KINEMA_COMPILER_TARGET_NVGPU_PTX_H

#include "compiler/Target/Common/CodeForm.h"
#include "compiler/Target/NVGPU/Processor.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/PassManager.h"

#include <string>

namespace kinema::nvidia {

/// Adds the last passes before generatePTX: NVVM operations that LLVM has no intrinsic for become inline
/// assembly.
void addInlineAssembly(mlir::OpPassManager &passes);

/// Returns the text of one gpu.module, PTX or the LLVM IR before it. A function that nobody defines is an
/// error at the module.
mlir::FailureOr<std::string> generatePTX(mlir::gpu::GPUModuleOp part, const Processor &processor,
                                         CodeForm form = CodeForm::Assembly);

/// Joins all parts to one text: the head of the first one, and the bodies of all.
std::string joinPTX(llvm::ArrayRef<std::string> parts);

/// Registers what generatePTX reads, beside the dialects themselves.
void registerPTX(mlir::DialectRegistry &registry);

} // namespace kinema::nvidia

#endif

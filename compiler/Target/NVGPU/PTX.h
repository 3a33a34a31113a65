// From the phase `target` to PTX, the text that ptxas or the driver makes machine code of.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_PTX_H
#define KINEMA_COMPILER_TARGET_NVGPU_PTX_H

#include "compiler/Target/NVGPU/Processor.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace kinema::nvidia {

/// One PTX text a gpu.module. Works on the context's threads; the bytes do not depend on how many there are.
/// A function that nobody defines is an error at the module.
mlir::FailureOr<std::vector<std::string>> generatePTX(mlir::ModuleOp lowered,
                                                      const Processor &processor = hopper);

/// All parts as one text: the first one's head, everybody's body.
std::string joinPTX(llvm::ArrayRef<std::string> parts);

/// What generatePTX reads, beside the dialects themselves.
void registerPTX(mlir::DialectRegistry &registry);

} // namespace kinema::nvidia

#endif

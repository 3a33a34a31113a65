// Makes what a package carries for an NVIDIA GPU from the functions of kernels.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_CODEGEN_H
#define KINEMA_COMPILER_TARGET_NVGPU_CODEGEN_H

#include "compiler/Target/Common/CodeForm.h"
#include "compiler/Target/NVGPU/Assembler.h"
#include "runtime/Support/BoxMap.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace kinema::nvidia {

struct Code {
  std::string ptx;                // of all kernels together
  std::vector<Assembly> parts;    // some kernels each; none where there is no ptxas
  std::vector<std::string> sites; // for a watchdog: where a kernel may wait for ever, by number

  /// Returns what a kernel takes of a multiprocessor; null where nothing is known of it.
  const Resources *resourcesOf(const std::string &kernel) const;
};

/// Compiles the kernels of a module in phase `target`, whose functions are used up, on the context's threads;
/// the bytes do not depend on how many there are. `toolkit`: see findTool. With a `watchdog`, kernels
/// take one more argument (the pass watch-nvgpu-waits). Errors are reported at the module.
mlir::FailureOr<Code> compileKernels(mlir::ModuleOp lowered, llvm::StringRef toolkit, bool watchdog = false);

/// Returns the LLVM IR or the PTX of the kernels of a module in phase `target`, whose functions are used up.
mlir::FailureOr<std::string> codeText(mlir::ModuleOp lowered, CodeForm form);

/// Returns the maps that a kernel's function takes behind its buffers.
std::vector<BoxMap> boxMapsOf(mlir::LLVM::LLVMFuncOp function);

/// Succeeds if the module has for each kernel a function that a GPU can launch as its schedule says; else
/// there are errors on the kernels and functions.
mlir::LogicalResult verifyFunctions(mlir::ModuleOp lowered);

} // namespace kinema::nvidia

#endif

// Declares the passes that bring NVIDIA kernels to the emulator. See Passes.td.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_EMULATOR_PASSES_H
#define KINEMA_COMPILER_TARGET_NVGPU_EMULATOR_PASSES_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace kinema {

#define GEN_PASS_DECL
#include "compiler/Target/NVGPU/Emulator/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Target/NVGPU/Emulator/Passes.h.inc"

} // namespace kinema

#endif

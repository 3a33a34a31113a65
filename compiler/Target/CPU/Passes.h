// Declares the passes of the CPU target. See Passes.td.
#ifndef KINEMA_COMPILER_TARGET_CPU_PASSES_H
#define KINEMA_COMPILER_TARGET_CPU_PASSES_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace kinema {

#define GEN_PASS_DECL
#include "compiler/Target/CPU/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Target/CPU/Passes.h.inc"

} // namespace kinema

#endif

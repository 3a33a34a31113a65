// The passes of the CPU target. See Passes.td.
#ifndef KINEMA_COMPILER_TARGET_CPU_PASSES_H
#define KINEMA_COMPILER_TARGET_CPU_PASSES_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace kinema {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/Target/CPU/Passes.h.inc"

} // namespace kinema

#endif

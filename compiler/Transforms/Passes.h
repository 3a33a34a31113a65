// Declares the passes on Kinema's dialects. See Passes.td.
#ifndef KINEMA_COMPILER_TRANSFORMS_PASSES_H
#define KINEMA_COMPILER_TRANSFORMS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace kinema {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/Transforms/Passes.h.inc"

} // namespace kinema

#endif

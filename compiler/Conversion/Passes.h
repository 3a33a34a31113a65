// Declares the passes that lead from one dialect to the next. See Passes.td.
#ifndef KINEMA_COMPILER_CONVERSION_PASSES_H
#define KINEMA_COMPILER_CONVERSION_PASSES_H

#include "dialects/Kernel/Kernel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace kinema {

/// Says what `fuse-kernels` lets ride with other kernels; each level includes the one before.
enum class FusionScope { None, Epilogue, All };

#define GEN_PASS_DECL
#include "compiler/Conversion/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Conversion/Passes.h.inc"

} // namespace kinema

#endif

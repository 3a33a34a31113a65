// Computes exp, log, tanh, erf and their like by operations that every machine has.
#ifndef KINEMA_COMPILER_TARGET_COMMON_ELEMENTARYFUNCTIONS_H
#define KINEMA_COMPILER_TARGET_COMMON_ELEMENTARYFUNCTIONS_H

#include "mlir/IR/PatternMatch.h"

namespace kinema {

/// Adds patterns that make polynomials, and quotients of these, of functions of f32, so that results do not
/// depend on a machine's library. They are within a few units in the last place. `hasExp2` says that the
/// machine has an instruction for 2^x, by which exp is shorter.
void populateElementaryFunctionPatterns(mlir::RewritePatternSet &patterns, bool hasExp2);

} // namespace kinema

#endif

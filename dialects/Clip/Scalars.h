// Lists the arithmetic that the region of a clip.map may hold, with what each operation computes in double
// and its derivatives.
#ifndef KINEMA_DIALECTS_CLIP_SCALARS_H
#define KINEMA_DIALECTS_CLIP_SCALARS_H

#include "dialects/Clip/Formula.h"

namespace kinema::clip {

/// Returns whether an operation is arithmetic on f32 that has a number and, where it depends on f32 operands,
/// derivatives: constants, + - * / and fma, maximum and minimum, comparisons and selections, and the
/// functions exp, log, sqrt, tanh, erf, abs and `clip.expit`.
bool isScalarArithmetic(mlir::Operation *op);

/// Returns what such an operation computes, in double; a comparison gives 0 or 1.
double numberOf(mlir::Operation *op, llvm::ArrayRef<double> operands);

/// Writes, for each operand of such an operation, the derivative of its result times `g`. An operand that the
/// result does not depend on, or is only compared, has null. Where two numbers tie in a maximum or minimum,
/// each has half of `g`, as in PyTorch; where one of them is a constant, neither has any, so that the
/// derivative of max(x, 0) at 0 is 0.
llvm::SmallVector<mlir::Value> derivatives(Formula &f, mlir::Operation *op, mlir::Value g);

} // namespace kinema::clip

#endif

// The clip operations on channel vectors (coefficients of batch norm, running statistics), as scalar
// arithmetic for the region of a kernel.finalize.
#ifndef KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_CHANNELARITHMETIC_H
#define KINEMA_COMPILER_CONVERSION_CLIPTOKERNEL_CHANNELARITHMETIC_H

#include "compiler/Conversion/ClipToKernel/Expression.h"

namespace kinema {

/// An operation whose operands and results are all channel vectors.
bool isChannelArithmetic(mlir::Operation *op);

/// Defines the scalars of the operation's results in `region`.
void emitChannelArithmetic(mlir::Operation *op, RegionBuilder &region);

} // namespace kinema

#endif

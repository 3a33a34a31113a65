// What is known of halves: floating-point numbers of 16 bits, bfloat16 or f16.
#ifndef KINEMA_DIALECTS_KERNEL_HALVES_H
#define KINEMA_DIALECTS_KERNEL_HALVES_H

#include "dialects/Kernel/Kernel.h"

namespace kinema::kernel {

/// Returns whether a type, or the elements of a tensor or vector, are halves.
bool isHalf(mlir::Type type);

/// Returns the halves as which a precision stores activations; null where they are f32.
mlir::FloatType halfOf(Precision precision, mlir::MLIRContext *context);

/// Returns the halves that a prologue hands to the product: those that it yields as it reads them, or rounds
/// to. Of f32, products of terms (#kernel.precision) make bfloat16.
mlir::FloatType halfOf(const AccessRegion &prologue);

} // namespace kinema::kernel

#endif

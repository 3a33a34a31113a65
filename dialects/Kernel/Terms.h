// What is known of numbers that are multiplied by their terms (#kernel.precision).
#ifndef KINEMA_DIALECTS_KERNEL_TERMS_H
#define KINEMA_DIALECTS_KERNEL_TERMS_H

#include "dialects/Kernel/Kernel.h"

namespace kinema::kernel {

/// Counts the terms of a number: what it is rounded to, and the rest.
inline constexpr int64_t terms = 2;

/// Returns whether a kernel multiplies numbers by their terms.
bool multipliesTerms(mlir::Operation *kernel);

/// Counts the products that a kernel adds up for each multiply-add.
int64_t productsOfMac(mlir::Operation *kernel);

/// Returns whether a convert from one type to the other makes the terms of a weight.
bool makesTerms(mlir::RankedTensorType from, mlir::RankedTensorType to);

/// Returns whether a kernel reads numbers that were rounded to halves, terms not among them.
bool readsNarrow(mlir::Operation *kernel);

} // namespace kinema::kernel

#endif

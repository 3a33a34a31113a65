// Results of a kernel that are merged later, and how far two ways to compute a result may lie apart.
#ifndef KINEMA_DIALECTS_KERNEL_PARTIALS_H
#define KINEMA_DIALECTS_KERNEL_PARTIALS_H

#include "dialects/Kernel/Kernel.h"

namespace kinema::kernel {

/// Whether a result comes in parts, and of what: sums, or counts, means and squared deviations.
enum class Form { Whole, Sums, Moments };
Form formOf(mlir::Operation *kernel, unsigned result);

/// The number of parts becomes `?`, which a schedule is to fix.
void forgetPartials(mlir::Operation *kernel);

/// The most products or values that are summed for one number of a result.
int64_t depthOf(mlir::Operation *kernel);

} // namespace kinema::kernel

#endif

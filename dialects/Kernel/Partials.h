// Handles results of a kernel that are merged later.
#ifndef KINEMA_DIALECTS_KERNEL_PARTIALS_H
#define KINEMA_DIALECTS_KERNEL_PARTIALS_H

#include "dialects/Kernel/Kernel.h"

namespace kinema::kernel {

/// Sets the number of partials of a kernel's results back to `?`, for a schedule to fix.
void forgetPartials(mlir::Operation *kernel);

} // namespace kinema::kernel

#endif

// Results of a kernel that are merged later.
#ifndef KINEMA_DIALECTS_KERNEL_PARTIALS_H
#define KINEMA_DIALECTS_KERNEL_PARTIALS_H

#include "dialects/Kernel/Kernel.h"

namespace kinema::kernel {

/// The number of parts becomes `?`, which a schedule is to fix.
void forgetPartials(mlir::Operation *kernel);

} // namespace kinema::kernel

#endif

// Identifies a kernel whoever carries it out. Measurements of its schedules are kept under this name.
#ifndef KINEMA_DIALECTS_KERNEL_SIGNATURE_H
#define KINEMA_DIALECTS_KERNEL_SIGNATURE_H

#include "dialects/Kernel/Kernel.h"

#include <string>

namespace kinema::kernel {

/// Returns one line with the operation, its types, and its attributes except the schedule. The number of
/// partials is left open, since the schedule decides it. A conv's weight is left out, since it differs with
/// Winograd's tiles, and so is what the regions compute.
/// Example: `kernel.conv {direction = 0 : i32, ...} (tensor<...>, ...) -> (tensor<...>, tensor<?x3x45xf32,
/// ...>)`
std::string signatureOf(mlir::Operation *kernel);

} // namespace kinema::kernel

#endif

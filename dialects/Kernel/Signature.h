// What a kernel is, whoever carries it out: by this name measurements of its schedules are kept.
#ifndef KINEMA_DIALECTS_KERNEL_SIGNATURE_H
#define KINEMA_DIALECTS_KERNEL_SIGNATURE_H

#include "dialects/Kernel/Kernel.h"

#include <string>

namespace kinema::kernel {

/// The operation, its attributes but for the schedule, and its types, in one line. The number of partials is
/// the schedule's and left open; so are Winograd's tiles, of which a conv has the weight that they are made
/// of, and what the regions compute.
/// Example: `kernel.conv {direction = 0 : i32, ...} (tensor<...>, ...) -> (tensor<...>, tensor<?x3x45xf32,
/// ...>)`
std::string signatureOf(mlir::Operation *kernel);

} // namespace kinema::kernel

#endif

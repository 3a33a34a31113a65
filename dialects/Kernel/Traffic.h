// Computes what a kernel must move and compute, whoever carries it out.
#ifndef KINEMA_DIALECTS_KERNEL_TRAFFIC_H
#define KINEMA_DIALECTS_KERNEL_TRAFFIC_H

#include "dialects/Kernel/Kernel.h"

namespace kinema::kernel {

/// Holds the bytes that a launch reads and writes if it touches each element once, and its multiply-adds.
struct Traffic {
  int64_t reads, writes, macs;
};
Traffic trafficOf(mlir::Operation *kernel);

} // namespace kinema::kernel

#endif

// The ways to carry kernels out on a CPU, declared once.
#ifndef KINEMA_COMPILER_TARGET_CPU_STRATEGIES_H
#define KINEMA_COMPILER_TARGET_CPU_STRATEGIES_H

#include "compiler/Target/Common/LowerKernels.h"

namespace kinema::cpu {

/// The preferred first: a kernel has a schedule of the first that takes it, or else the reference one. They
/// refer to the machine.
llvm::SmallVector<Strategy> strategies(const Machine &machine);

} // namespace kinema::cpu

#endif

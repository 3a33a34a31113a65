// The ways to carry kernels out on a CPU, declared once.
#ifndef KINEMA_COMPILER_TARGET_CPU_STRATEGIES_H
#define KINEMA_COMPILER_TARGET_CPU_STRATEGIES_H

#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/Common/Strategies.h"

namespace kinema::cpu {

/// The table of a level, to which it refers.
llvm::SmallVector<Strategy> strategies(const Level &level);

} // namespace kinema::cpu

#endif

// Declares CPUs as targets.
#ifndef KINEMA_COMPILER_TARGET_CPU_TARGET_H
#define KINEMA_COMPILER_TARGET_CPU_TARGET_H

#include "compiler/Target/Common/Target.h"

namespace kinema::cpu {

/// Returns one target for each level of the table (Level.h).
llvm::ArrayRef<const Target *> targets();

} // namespace kinema::cpu

#endif

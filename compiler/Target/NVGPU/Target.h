// Declares NVIDIA's GPUs as targets.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_TARGET_H
#define KINEMA_COMPILER_TARGET_NVGPU_TARGET_H

#include "compiler/Target/Common/Target.h"

namespace kinema::nvidia {

/// Returns one target for each processor of the table (Processor.h).
llvm::ArrayRef<const Target *> targets();

} // namespace kinema::nvidia

#endif

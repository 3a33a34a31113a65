// The ways to carry kernels out on an NVIDIA GPU, declared once.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_STRATEGIES_H
#define KINEMA_COMPILER_TARGET_NVGPU_STRATEGIES_H

#include "compiler/Target/Common/Strategies.h"
#include "compiler/Target/NVGPU/Processor.h"

namespace kinema::nvidia {

/// The table of a processor, to which it refers.
llvm::SmallVector<Strategy> strategies(const Processor &processor);

} // namespace kinema::nvidia

#endif

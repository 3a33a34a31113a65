// Waits for mbarriers as text of PTX.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_POLLWAITS_H
#define KINEMA_COMPILER_TARGET_NVGPU_POLLWAITS_H

#include "compiler/Target/NVGPU/Processor.h"

namespace kinema::nvidia {

/// Returns the instruction that sets the predicate `done` to whether a phase of an mbarrier has ended. Its
/// operands are the mbarrier's address in shared memory ($0), the phase's parity ($1) and, for a processor
/// whose warps sleep meanwhile, how long the look may take ($2).
llvm::StringRef lookAtBarrier(const Processor &processor);

} // namespace kinema::nvidia

#endif

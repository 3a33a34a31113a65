// The ways to carry kernels out on an NVIDIA GPU, declared once.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_STRATEGIES_H
#define KINEMA_COMPILER_TARGET_NVGPU_STRATEGIES_H

#include "compiler/Target/Common/LowerKernels.h"
#include "compiler/Target/NVGPU/Processor.h"

#include <optional>

namespace kinema::nvidia {

/// The processor's, the preferred first: a kernel has a schedule of the first that takes it, or else the
/// reference one. They refer to the processor.
llvm::SmallVector<Strategy> strategies(const Processor &processor);

/// The schedules that may be measured for a kernel, the model's choice first; reference: the plain one.
llvm::SmallVector<Candidate> candidatesFor(mlir::Operation *kernel, const Processor &processor,
                                           bool reference);

/// Seconds of a kernel with a schedule; nothing if that is none of the processor's, or it has no model.
std::optional<double> predictedSeconds(mlir::Operation *kernel, const Processor &processor);

} // namespace kinema::nvidia

#endif

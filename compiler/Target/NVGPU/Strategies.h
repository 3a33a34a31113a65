// The ways to carry kernels out on an NVIDIA GPU, declared once: which kernels each takes, what it predicts,
// how it is written.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_STRATEGIES_H
#define KINEMA_COMPILER_TARGET_NVGPU_STRATEGIES_H

#include "compiler/Target/Common/LowerKernels.h"
#include "compiler/Target/Common/Measurements.h"

#include <optional>

namespace kinema::nvidia {

/// A way that knows which kernels it takes and how long they last.
struct ModelledStrategy : Strategy {
  /// The best few schedules of a kernel, the quickest first; none where the strategy does not apply.
  llvm::SmallVector<Candidate> (*candidates)(mlir::Operation *kernel);
  /// Seconds of a kernel that has a schedule of this strategy.
  double (*predict)(mlir::Operation *kernel);
};

/// The preferred first: a kernel has a schedule of the first that takes it, or else the reference one.
llvm::ArrayRef<ModelledStrategy> strategies();

/// The schedules that may be measured for a kernel, the model's choice first; reference: the plain one.
llvm::SmallVector<Candidate> candidatesFor(mlir::Operation *kernel, bool reference);

/// Seconds of a kernel with a schedule; nothing if that is no schedule of this target.
std::optional<double> predictedSeconds(mlir::Operation *kernel);

} // namespace kinema::nvidia

#endif

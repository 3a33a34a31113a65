// Results of a kernel that are merged later.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_PARTIALS_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_PARTIALS_H

#include "dialects/Kernel/Kernel.h"

namespace kinema::testing {

/// Whether a result comes in parts, and of what: sums, or counts, means and squared deviations.
enum class Form { Whole, Sums, Moments };
Form formOf(mlir::Operation *kernel, unsigned result);

/// The number of parts becomes `?`, which a schedule is to fix.
void forgetPartials(mlir::Operation *kernel);

} // namespace kinema::testing

#endif

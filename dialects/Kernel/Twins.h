// The attribute `kernel.twins` of a launch: launches that together compute the same in another way, and leave
// it elsewhere.
#ifndef KINEMA_DIALECTS_KERNEL_TWINS_H
#define KINEMA_DIALECTS_KERNEL_TWINS_H

#include "dialects/Kernel/Kernel.h"

namespace kinema::kernel {

struct TwinLaunch {
  llvm::StringRef kernel;
  llvm::SmallVector<int64_t> args; // as those of kernel.launch
};

/// Writes `[{kernel = @k, args = array<i64: ...>}, ...]`.
void setTwins(LaunchOp launch, llvm::ArrayRef<TwinLaunch> twins);

bool hasTwins(LaunchOp launch);

/// None where the launch has no twins; an error at the launch where the attribute is of another form.
mlir::FailureOr<llvm::SmallVector<TwinLaunch>> twinsOf(LaunchOp launch);

} // namespace kinema::kernel

#endif

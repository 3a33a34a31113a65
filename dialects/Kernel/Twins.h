// The attribute `kernel.twins` of a launch: launches that together compute the same in another way, and leave
// it elsewhere.
#ifndef KINEMA_DIALECTS_KERNEL_TWINS_H
#define KINEMA_DIALECTS_KERNEL_TWINS_H

#include "dialects/Kernel/Kernel.h"

#include <optional>

namespace kinema::kernel {

struct TwinLaunch {
  llvm::StringRef kernel;
  llvm::SmallVector<int64_t> args; // as those of kernel.launch
};

/// Writes `[{kernel = @k, args = array<i64: ...>}, ...]`.
void setTwins(LaunchOp launch, llvm::ArrayRef<TwinLaunch> twins);

bool hasTwins(LaunchOp launch);

/// None where the launch has no twins.
llvm::SmallVector<TwinLaunch> twinsOf(LaunchOp launch);

/// The same of an attribute; nothing where it has another form.
std::optional<llvm::SmallVector<TwinLaunch>> readTwins(mlir::Attribute twins);

} // namespace kinema::kernel

#endif

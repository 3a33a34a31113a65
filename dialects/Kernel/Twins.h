// Reads and writes the attribute `kernel.twins` of a launch. Twins are launches that together compute the
// same in another way, and leave their results elsewhere.
#ifndef KINEMA_DIALECTS_KERNEL_TWINS_H
#define KINEMA_DIALECTS_KERNEL_TWINS_H

#include "dialects/Kernel/Kernel.h"

#include <optional>

namespace kinema::kernel {

struct TwinLaunch {
  llvm::StringRef kernel;
  llvm::SmallVector<int64_t> args; // as those of kernel.launch
};

/// Sets the attribute to `[{kernel = @k, args = array<i64: ...>}, ...]`.
void setTwins(LaunchOp launch, llvm::ArrayRef<TwinLaunch> twins);

bool hasTwins(LaunchOp launch);

/// Returns the launch's twins; an empty list where it has none.
llvm::SmallVector<TwinLaunch> twinsOf(LaunchOp launch);

/// Reads twins from an attribute; returns nothing where it has another form.
std::optional<llvm::SmallVector<TwinLaunch>> readTwins(mlir::Attribute twins);

} // namespace kinema::kernel

#endif

// Links object files by LLVM's linker.
#ifndef KINEMA_COMPILER_TARGET_COMMON_LINK_H
#define KINEMA_COMPILER_TARGET_COMMON_LINK_H

#include "llvm/ADT/ArrayRef.h"

#include <optional>
#include <string>

namespace kinema {

/// Returns the bytes of a shared object made of object files in this order; nothing, and the reason in
/// `error`, where the linker fails.
std::optional<std::string> linkShared(llvm::ArrayRef<std::string> objects, std::string &error);

} // namespace kinema

#endif

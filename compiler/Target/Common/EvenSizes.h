// Sizes of blocks that are worth trying.
#ifndef KINEMA_COMPILER_TARGET_COMMON_EVENSIZES_H
#define KINEMA_COMPILER_TARGET_COMMON_EVENSIZES_H

#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace kinema {

/// The sizes that cut `total` evenly into 1, 2, 3, ... parts, in multiples of `step`, the largest first.
llvm::SmallVector<int64_t> evenSizes(int64_t total, int64_t step = 1);

} // namespace kinema

#endif

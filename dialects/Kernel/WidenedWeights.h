// Weights of convs in groups, as kernels read them that contract several groups at once.
#ifndef KINEMA_DIALECTS_KERNEL_WIDENEDWEIGHTS_H
#define KINEMA_DIALECTS_KERNEL_WIDENEDWEIGHTS_H

#include "dialects/Kernel/Kernel.h"

namespace kinema::kernel {

// The weight of a conv in groups is [O, I / groups, T, H, W]. Widened, it is [O, n * I / groups, T, H, W]: n
// groups side by side share their inputs, and those of an output channel are zero that belong to the other
// groups. The conv then computes what one with n times fewer groups does.

/// Returns how many groups of a conv share their inputs: n of a widened weight, 1 of any other; 0 where the
/// weight's inputs are not those of whole groups.
int64_t groupsTogether(ConvOp op);

/// Returns, for each weight that a convert makes, of how many groups the conv is for which it is widened: 1
/// where it is not.
llvm::SmallVector<int64_t> widenedGroups(ConvertOp op);
/// Sets these numbers.
void setWidenedGroups(ConvertOp op, llvm::ArrayRef<int64_t> groups);

} // namespace kinema::kernel

#endif

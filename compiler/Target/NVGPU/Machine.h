// A GPU as the reference lowerings see it: a thread moves 8 channels of a position at once, in accesses of 16
// bytes; the threads of a block share its positions.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_MACHINE_H
#define KINEMA_COMPILER_TARGET_NVGPU_MACHINE_H

#include "compiler/Target/Common/Machine.h"

namespace kinema::nvidia {

inline constexpr Machine machine = {"sm90.reference", /*vector=*/8, /*vectorAlignment=*/16, /*threads=*/256,
                                    /*blocks=*/4096,  /*work=*/256, /*partials=*/1024};

} // namespace kinema::nvidia

#endif

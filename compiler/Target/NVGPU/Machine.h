// A GPU as the reference lowerings see it: each thread has its own elements.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_MACHINE_H
#define KINEMA_COMPILER_TARGET_NVGPU_MACHINE_H

#include "compiler/Target/Common/Machine.h"

namespace kinema::nvidia {

inline constexpr Machine machine = {"sm90.reference", /*vector=*/1,  /*vectorAlignment=*/16, /*threads=*/128,
                                    /*blocks=*/4096,  /*work=*/1024, /*partials=*/1024};

} // namespace kinema::nvidia

#endif

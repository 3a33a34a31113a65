// The CPU as the reference lowerings see it: AVX2's vectors, and a block is one thread's.
#ifndef KINEMA_COMPILER_TARGET_CPU_MACHINE_H
#define KINEMA_COMPILER_TARGET_CPU_MACHINE_H

#include "compiler/Target/Common/Machine.h"

namespace kinema::cpu {

inline constexpr Machine machine = {"cpu.reference", /*vector=*/8,  /*vectorAlignment=*/1, /*threads=*/1,
                                    /*blocks=*/64,   /*work=*/1024, /*partials=*/64};

} // namespace kinema::cpu

#endif

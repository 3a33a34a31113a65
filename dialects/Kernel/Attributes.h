// Names of the attributes that modules and operations carry beside those of the operations, and what the
// arena asks of offsets.
#ifndef KINEMA_DIALECTS_KERNEL_ATTRIBUTES_H
#define KINEMA_DIALECTS_KERNEL_ATTRIBUTES_H

#include <cstdint>

namespace kinema::kernel {

/// Of a module in phase `fused` or later: its TargetAttr.
inline constexpr char targetAttribute[] = "kernel.target";
/// Of a launch: its twins (Twins.h).
inline constexpr char twinsAttribute[] = "kernel.twins";
/// Of an operation: why it is not paired; the seconds that a launch was measured to take.
inline constexpr char noteAttribute[] = "kernel.note", measuredAttribute[] = "kernel.measured";

/// Of a function that a GPU's kernel is becoming: the threads of a block. Of a module whose kernels have a
/// watchdog: where they may wait for ever, by number.
inline constexpr char threadsAttribute[] = "kernel.threads", sitesAttribute[] = "kernel.sites";

/// Offsets in the arena are multiples of it.
inline constexpr int64_t arenaAlignment = 64;

} // namespace kinema::kernel

#endif

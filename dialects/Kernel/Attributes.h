// Names the attributes that modules and operations carry beside those that their definitions list, and gives
// the alignment of the arena.
#ifndef KINEMA_DIALECTS_KERNEL_ATTRIBUTES_H
#define KINEMA_DIALECTS_KERNEL_ATTRIBUTES_H

#include <cstdint>

namespace kinema::kernel {

/// A module in phase `fused` or later carries its TargetAttr under this name.
inline constexpr char targetAttribute[] = "kernel.target";
/// A module whose tensors are stored carries its PrecisionAttr under this name.
inline constexpr char precisionAttribute[] = "kernel.precision";
/// A launch carries its twins (Twins.h) under this name.
inline constexpr char twinsAttribute[] = "kernel.twins";
/// An operation carries here why it is not paired, and a launch the seconds that it was measured to take.
inline constexpr char noteAttribute[] = "kernel.note", measuredAttribute[] = "kernel.measured";
/// A kernel carries here, if a report wants them, the schedules that its own was chosen from, with the
/// model's seconds: a list of {schedule, seconds}, the quickest first.
inline constexpr char candidatesAttribute[] = "kernel.candidates";

/// A convert carries here of how many groups each of its weights is widened (WidenedWeights.h).
inline constexpr char widenedAttribute[] = "kernel.widened";

/// A function that is becoming a GPU's kernel carries here the threads of a block and, where blocks share
/// their memory, the blocks of a cluster.
inline constexpr char threadsAttribute[] = "kernel.threads", clusterAttribute[] = "kernel.cluster";
/// A parameter of such a function that describes a buffer to the copy engine carries its TensorMapAttr under
/// this name.
inline constexpr char tensorMapAttribute[] = "kernel.tensor_map";
/// A module whose kernels have a watchdog carries here the places where they may wait for ever, by number.
inline constexpr char sitesAttribute[] = "kernel.sites";

/// All offsets in the arena are multiples of this number of bytes.
inline constexpr int64_t arenaAlignment = 64;

} // namespace kinema::kernel

#endif

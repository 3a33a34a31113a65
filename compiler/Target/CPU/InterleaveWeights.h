// Lowers kernel.convert where a weight becomes pairs of bfloat16.
#ifndef KINEMA_COMPILER_TARGET_CPU_INTERLEAVEWEIGHTS_H
#define KINEMA_COMPILER_TARGET_CPU_INTERLEAVEWEIGHTS_H

#include "compiler/Target/Common/KernelEmitter.h"

namespace kinema::cpu {

inline constexpr llvm::StringLiteral interleaveWeightsName = "cpu.interleave";

/// Returns the schedule of that name, which has no parameters, for an f32 weight in the machine's vectors
/// that becomes pairs of input channels or, exchanged, of output channels. Returns nothing for other
/// conversions.
std::optional<kernel::ScheduleAttr> interleaveWeightsSchedule(kernel::ConvertOp op, const Machine &machine);

/// Writes the body of a kernel with that schedule.
void emitInterleaveWeights(kernel::ConvertOp op, KernelEmitter &e);

} // namespace kinema::cpu

#endif

// The weight of a conv in Winograd's form: which convs may have it, what it costs, and how they get it.
#ifndef KINEMA_COMPILER_TARGET_CPU_WINOGRADWEIGHT_H
#define KINEMA_COMPILER_TARGET_CPU_WINOGRADWEIGHT_H

#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/Common/Measurements.h"

namespace kinema::cpu {

/// The best few schedules "cpu.tile" of a conv without groups: with the taps of its weight and, where the
/// recipe lets them and memory has room, with Winograd's tiles, whose cost includes the making of the weight
/// where each step makes it anew. A conv that has its weight in Winograd's form keeps its tiles.
llvm::SmallVector<Candidate> convCandidates(kernel::ConvOp op, const Level &level);

/// Gives a conv the weight that its schedule asks for (Strategy::settle): in Winograd's form for `winograd`
/// > 1. It is prepared where the function changes no parameters and the weight is a parameter or made of
/// parameters.
void settleConvWeight(kernel::ConvOp op, kernel::ScheduleAttr schedule);

} // namespace kinema::cpu

#endif

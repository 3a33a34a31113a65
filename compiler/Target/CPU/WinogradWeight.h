// Decides which convs have their weight in Winograd's form and what that costs, and gives it to them.
#ifndef KINEMA_COMPILER_TARGET_CPU_WINOGRADWEIGHT_H
#define KINEMA_COMPILER_TARGET_CPU_WINOGRADWEIGHT_H

#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/Common/Measurements.h"

namespace kinema::cpu {

/// Returns the best few schedules "cpu.tile" of a conv without groups. Some keep the taps of its weight;
/// where the recipe allows it and memory has room, others use Winograd's tiles, whose cost includes making
/// the weight if each step makes it anew. A conv that has its weight in Winograd's form keeps its tiles.
llvm::SmallVector<Candidate> convCandidates(kernel::ConvOp op, const Level &level);

/// Gives a conv the weight that its schedule asks for (Strategy::settle): Winograd's form if its `winograd`
/// is above 1. The weight is prepared where the function changes no parameters and the weight is a parameter
/// or made from parameters.
void settleConvWeight(kernel::ConvOp op, kernel::ScheduleAttr schedule);

} // namespace kinema::cpu

#endif

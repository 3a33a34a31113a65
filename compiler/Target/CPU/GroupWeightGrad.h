// Lowers kernel.wgrad of convs in groups, for blocked layouts.
//
// A block of the grid is a partial and a share of the output's channel blocks. For each of these it walks its
// part of the positions in pieces (clips, frames, rows). It stages the gradient, and the channels of the
// activation that its lanes are multiplied by, so many of each group at once; then it adds the piece's
// products to its partial, by as many taps and channels as registers hold sums. All arithmetic is f32.
#ifndef KINEMA_COMPILER_TARGET_CPU_GROUPWEIGHTGRAD_H
#define KINEMA_COMPILER_TARGET_CPU_GROUPWEIGHTGRAD_H

#include "compiler/Target/CPU/Blocks.h"
#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/Common/Measurements.h"
#include "compiler/Target/Common/ScheduleCheck.h"

namespace kinema::cpu {

/// The best few schedules of a weight gradient in groups by the model, the cheapest first; none where the
/// lowering does not apply. `partials` is the leading dimension of the result.
llvm::SmallVector<Candidate> groupWeightGradCandidates(kernel::WeightGradOp op, const Level &level);

/// Seconds of a weight gradient that has such a schedule.
double predictGroupWeightGrad(kernel::WeightGradOp op, const Level &level);

struct GroupWeightGradParameters {
  static constexpr llvm::StringLiteral schedule = "cpu.group_wgrad";
  BlockShape piece;
  int64_t partials; // no more than there are pieces
  int64_t parts;    // shares of the output's channel blocks, no more than there are
  int64_t planes;   // channels of each group that are staged at once: one of planeCounts

  static void forEach(auto &self, auto visit) {
    visit("clips", self.piece[0]);
    visit("frames", self.piece[1]);
    visit("rows", self.piece[2]);
    visit("partials", self.partials);
    visit("parts", self.parts);
    visit("planes", self.planes);
  }
};
/// Returns the schedule with these parameters.
kernel::ScheduleAttr groupWeightGradSchedule(kernel::WeightGradOp op, const Machine &machine,
                                             GroupWeightGradParameters parameters);

/// The schedule by the parameters of the op's own (Strategy::remake).
kernel::ScheduleAttr remakeGroupWeightGrad(kernel::WeightGradOp op, const Level &level,
                                           ScheduleParameters &parameters);

/// Writes the body of a kernel with that schedule.
void emitGroupWeightGrad(kernel::WeightGradOp op, KernelEmitter &e);

} // namespace kinema::cpu

#endif

// Lowers kernel.conv in groups, forward and transposed, for blocked layouts.
//
// A block of the grid is (clips, frames, rows) of the result, with all columns, and a share of its channel
// blocks. For each of these, the channels that its lanes multiply are staged in near memory through the
// prologue, so many of each group at once; then tiles of neighbouring columns walk channels and taps, and the
// epilogue runs over the sums. Rows of taps share what they read along W. Taps in the padding of frames and
// rows are not walked. All arithmetic is f32.
#ifndef KINEMA_COMPILER_TARGET_CPU_GROUPCONVTILE_H
#define KINEMA_COMPILER_TARGET_CPU_GROUPCONVTILE_H

#include "compiler/Target/CPU/Blocks.h"
#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/Common/Measurements.h"
#include "compiler/Target/Common/ScheduleCheck.h"

namespace kinema::cpu {

/// Says how the schedules want a conv's weight to lie: in vectors of output channels, for each channel of a
/// group and tap.
kernel::LayoutAttr groupConvTileWeight(kernel::ConvOp op, const Machine &machine);

/// The best few schedules of a conv in groups by the model, the cheapest first; none where the lowering does
/// not apply. `partials` is the leading dimension of moments and sums.
llvm::SmallVector<Candidate> groupConvTileCandidates(kernel::ConvOp op, const Level &level);

/// Seconds of a conv that has such a schedule.
double predictGroupConvTile(kernel::ConvOp op, const Level &level);

struct GroupConvParameters {
  static constexpr llvm::StringLiteral schedule = "cpu.group_tile";
  BlockShape block; // frames and rows are multiples of a transposed conv's strides, or all there are
  int64_t parts;    // shares of the result's channel blocks, no more than there are
  int64_t planes;   // channels of each group that are staged at once: one of planeCounts

  static void forEach(auto &self, auto visit) {
    visit("clips", self.block[0]);
    visit("frames", self.block[1]);
    visit("rows", self.block[2]);
    visit("parts", self.parts);
    visit("planes", self.planes);
  }
};
/// Returns the schedule with these parameters.
kernel::ScheduleAttr groupConvTileSchedule(kernel::ConvOp op, const Machine &machine,
                                           GroupConvParameters parameters);

/// The schedule by the parameters of the op's own (Strategy::remake).
kernel::ScheduleAttr remakeGroupConvTile(kernel::ConvOp op, const Level &level,
                                         ScheduleParameters &parameters);

/// Writes the body of a kernel with that schedule.
void emitGroupConvTile(kernel::ConvOp op, KernelEmitter &e);

} // namespace kinema::cpu

#endif

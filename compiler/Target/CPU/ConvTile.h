// The fast lowering of kernel.conv, forward and transposed, for blocked layouts.
//
// A block of the grid is (clips, frames, rows) of the result, all columns of it, and a part of its channels.
// Its source is staged in near memory through the prologue; then, for each group of result channels, register
// tiles contract the staged source with panels of weights that fit the first cache, and the epilogue runs
// over the group's results while they are near. With Winograd's tiles, the staged source is first brought to
// their points; each point is then a contraction of its own, and results come from all points together.
#ifndef KINEMA_COMPILER_TARGET_CPU_CONVTILE_H
#define KINEMA_COMPILER_TARGET_CPU_CONVTILE_H

#include "compiler/Target/CPU/Blocks.h"
#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/Common/Measurements.h"
#include "compiler/Target/Common/ScheduleCheck.h"

namespace kinema::cpu {

/// Says how the schedules want a conv's weight to lie.
kernel::LayoutAttr convTileWeight(kernel::ConvOp op, const Machine &machine);

/// The best few schedules of a conv by the model, the cheapest first; none where the lowering does not apply
/// (groups, layouts). `partials` is the leading dimension of moments and sums. They depend on the operation
/// alone: the number of threads that will share the blocks is not known. `tile`: the results of one of
/// Winograd's tiles, which may be tried while the weight has taps.
llvm::SmallVector<Candidate> convTileCandidates(kernel::ConvOp op, const Level &level,
                                                const shape::Size3 &tile);

/// Seconds of a conv that has such a schedule.
double predictConvTile(kernel::ConvOp op, const Level &level);

struct ConvTileParameters {
  static constexpr llvm::StringLiteral schedule = "cpu.tile";
  BlockShape block;
  int64_t parts; // shares of the result's channels
  /// Results of a tile along H and W, and along T, which the weight is made for; 1: the taps as they are.
  int64_t winograd, winogradFrames;

  shape::Size3 tile() const { return {winogradFrames, winograd, winograd}; }
  static void forEach(auto &self, auto visit) {
    visit("clips", self.block[0]);
    visit("frames", self.block[1]);
    visit("rows", self.block[2]);
    visit("parts", self.parts);
    visit("winograd", self.winograd);
    visit("winograd_frames", self.winogradFrames);
  }
};
/// The schedule with blocks of this shape and the channels in so many parts. Frames and rows are multiples of
/// a transposed conv's strides, or all there are.
kernel::ScheduleAttr convTileSchedule(kernel::ConvOp op, const Machine &machine, BlockShape block,
                                      int64_t parts);

/// The schedule by the parameters of the op's own (Strategy::remake).
kernel::ScheduleAttr remakeConvTile(kernel::ConvOp op, const Level &level, ScheduleParameters &parameters);

/// Writes the body of a kernel with that schedule.
void emitConvTile(kernel::ConvOp op, KernelEmitter &e);

} // namespace kinema::cpu

#endif

// Lowers kernel.wgrad for blocked layouts.
//
// A block of the grid is (partial, group of output channels, group of input channels). It walks its part of
// the positions in pieces (clips, frames, rows): it stages the gradient and the activation of a piece in near
// memory through their prologues, then adds the piece's products to its part of its partial, register tile by
// register tile. With Winograd's tiles, both are brought to their points, each point is a contraction of its
// own, and the sums come from near memory to the partial when the last piece is done.
#ifndef KINEMA_COMPILER_TARGET_CPU_WEIGHTGRADTILE_H
#define KINEMA_COMPILER_TARGET_CPU_WEIGHTGRADTILE_H

#include "compiler/Target/CPU/Blocks.h"
#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/Common/Measurements.h"
#include "compiler/Target/Common/ScheduleCheck.h"

namespace kinema::cpu {

/// The best few schedules of a weight gradient by the model, the cheapest first, those that lead with and
/// without Winograd's tiles in front; none where the lowering does not apply. `partials` is the leading
/// dimension of the result. `winograd`: whether Winograd's tiles may be used.
llvm::SmallVector<Candidate> weightGradTileCandidates(kernel::WeightGradOp op, const Level &level,
                                                      bool winograd = true);
/// The best few with Winograd's tiles of this shape, which the window takes.
llvm::SmallVector<Candidate> weightGradTileCandidates(kernel::WeightGradOp op, const Level &level,
                                                      const shape::Size3 &tile);

/// Seconds of a weight gradient that has such a schedule.
double predictWeightGradTile(kernel::WeightGradOp op, const Level &level);

struct WeightGradParameters {
  static constexpr llvm::StringLiteral schedule = "cpu.wgrad_tile";
  BlockShape piece;
  int64_t partials, outGroups, inGroups;
  /// Gradient elements of a tile along H and W, and along T; pieces are cut in multiples of it.
  int64_t winograd = 1, winogradFrames = 1;

  shape::Size3 tile() const { return {winogradFrames, winograd, winograd}; }

  static void forEach(auto &self, auto visit) {
    visit("clips", self.piece[0]);
    visit("frames", self.piece[1]);
    visit("rows", self.piece[2]);
    visit("partials", self.partials);
    visit("out_groups", self.outGroups);
    visit("in_groups", self.inGroups);
    visit("winograd", self.winograd);
    visit("winograd_frames", self.winogradFrames);
  }
};
/// Returns the schedule with these parameters; there are at least as many pieces as partials.
kernel::ScheduleAttr weightGradTileSchedule(kernel::WeightGradOp op, const Machine &machine,
                                            WeightGradParameters parameters);

/// The schedule by the parameters of the op's own (Strategy::remake).
kernel::ScheduleAttr remakeWeightGradTile(kernel::WeightGradOp op, const Level &level,
                                          ScheduleParameters &parameters);

/// Writes the body of a kernel with that schedule.
void emitWeightGradTile(kernel::WeightGradOp op, KernelEmitter &e);

} // namespace kinema::cpu

#endif

// Lowers kernel.matmul, for blocked layouts, to the register tiles of convs: the left side is the weight,
// whose vectors hold rows of the result; the right side is the source, whose pixels are its columns.
//
// A block of the grid has some columns of one clip's result and a share of its rows. It walks the depth in
// chunks. Of each it brings the right side to near memory, so that a column's depth lies side by side, and
// the left side where its vectors hold depth, turned; then it adds the chunk's products to sums in near
// memory. All arithmetic is f32.
#ifndef KINEMA_COMPILER_TARGET_CPU_MATMULTILE_H
#define KINEMA_COMPILER_TARGET_CPU_MATMULTILE_H

#include "compiler/Target/CPU/Level.h"
#include "compiler/Target/Common/KernelEmitter.h"
#include "compiler/Target/Common/Measurements.h"
#include "compiler/Target/Common/ScheduleCheck.h"

namespace kinema::cpu {

/// The best few schedules of a product by the model, the quickest first; none where the lowering does not
/// apply.
llvm::SmallVector<Candidate> matmulTileCandidates(kernel::MatmulOp op, const Level &level);

/// Seconds of a product that has such a schedule.
double predictMatmulTile(kernel::MatmulOp op, const Level &level);

struct MatmulTileParameters {
  static constexpr llvm::StringLiteral schedule = "cpu.matmul";
  int64_t columns; // those of a block: whole vectors, or all
  int64_t parts;   // shares of the groups of row blocks, no more than there are
  int64_t chunk;   // vectors of depth that are staged at once

  static void forEach(auto &self, auto visit) {
    visit("columns", self.columns);
    visit("parts", self.parts);
    visit("chunk", self.chunk);
  }
};
/// Returns the schedule with these parameters.
kernel::ScheduleAttr matmulTileSchedule(kernel::MatmulOp op, const Machine &machine,
                                        MatmulTileParameters parameters);

/// The schedule by the parameters of the op's own (Strategy::remake).
kernel::ScheduleAttr remakeMatmulTile(kernel::MatmulOp op, const Level &level,
                                      ScheduleParameters &parameters);

/// Writes the body of a kernel with that schedule.
void emitMatmulTile(kernel::MatmulOp op, KernelEmitter &e);

} // namespace kinema::cpu

#endif

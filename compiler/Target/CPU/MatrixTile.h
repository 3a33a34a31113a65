// Writes the contractions' inner loops where the processor multiplies matrices (AMX): it has registers of 16
// rows of 64 bytes, and an instruction that adds the product of two of them, words of bfloat16 pairs, to a
// third one of f32.
#ifndef KINEMA_COMPILER_TARGET_CPU_MATRIXTILE_H
#define KINEMA_COMPILER_TARGET_CPU_MATRIXTILE_H

#include "compiler/Target/CPU/MicroKernels.h"
#include "compiler/Target/CPU/Stage.h"

namespace kinema::cpu {

/// Limits the rows of a matrix, and the words of a row.
inline constexpr int64_t matrixRows = 16;

/// Returns the cycles of the products of 16 rows with as many columns of `blocks` blocks, and of the loads
/// that they do not hide. These are the vendor's figures, not measured ones.
constexpr double matrixCycles(double blocks) { return matrixRows * blocks + 8; }

/// Returns the pixels that a conv's tile has at once over so many channel blocks. They are rows of its
/// accumulators, which share 8 registers with the factors (3 x 1 + 1 + 1, 2 x 2 + 2 + 1).
constexpr int64_t matrixPixels(int64_t blocks) { return blocks == 3 ? matrixRows : 2 * matrixRows; }

/// Writes the body of a ConvTile's function whose blocks are all of `depth` pairs.
void emitMatrixConvTile(KernelEmitter &e, const ConvTile &arguments, int64_t blocks, int64_t depth);

/// Describes an activation as the weight gradient's products read it: rows [channel][phase][words], where a
/// word holds what two neighbouring results read along W, and results read elements of one phase, one after
/// another. A tap shifts by bfloat16s, so no element is there twice.
struct TurnedBox {
  explicit TurnedBox(const StagedBox &box);

  StagedBox box;    // in f32
  StagedBox words;  // their places, except for those within a row
  int64_t phases;   // elements along W between neighbouring results
  int64_t rowWords; // words of one channel and phase

  /// Returns how far a tap shifts, in bfloat16s.
  int64_t tapShift(const shape::Tap &tap) const;
};

/// Fills the turned box at `to` in the kernel's scratch from the box at `from`, for `blocks` of its channel
/// blocks.
void emitTurned(KernelEmitter &e, const TurnedBox &turned, mlir::Value blocks, mlir::Value from,
                mlir::Value to);

/// Writes the body of a WeightGradTile's function. Positions of the activation are bfloat16s, and its
/// channels lie `channelWords` words apart. A row has `columns` words.
void emitMatrixWeightGradTile(KernelEmitter &e, const WeightGradTile &arguments, int64_t blocks,
                              int64_t columns, int64_t channelWords);

} // namespace kinema::cpu

#endif

// Provides the inner loops of the contractions: a tile of accumulators that lives in registers. Each shape of
// tile is one private function of the module, shared by all kernels. Offsets come from tables, so that a
// stride, a phase or a layout costs the inner loop nothing.
#ifndef KINEMA_COMPILER_TARGET_CPU_MICROKERNELS_H
#define KINEMA_COMPILER_TARGET_CPU_MICROKERNELS_H

#include "compiler/Target/Common/KernelEmitter.h"

namespace kinema::cpu {

/// Divides channel blocks into groups, each as wide as a register tile: first `threes` groups of 3, then
/// `rests` groups of `rest`. A group of 1 wastes load slots, so it is left to tensors of one block.
struct BlockGroups {
  int64_t threes, rest, rests;

  int64_t count() const { return threes + rests; }
  /// Counts the blocks before group g, also for g = count().
  int64_t first(int64_t g) const { return 3 * std::min(g, threes) + rest * std::max<int64_t>(g - threes, 0); }
};
BlockGroups groupBlocks(int64_t blocks);

/// Says what a tile multiplies: f32, or words that hold two bfloat16, whose products are added up at once, in
/// vectors or in matrices. With words, the channels of a block of the conv's weights are words and, in
/// vectors, those of the weight gradient's activation too.
enum class Factors { Single, Pairs, Matrices };

/// Returns the pixels of the tile over so many channel blocks, of which it uses `depth` channels or pairs.
/// The pixels are accumulators, which with their operands fill the registers.
int64_t tilePixels(const Machine &machine, Factors factors, int64_t blocks, int64_t depth);
/// Returns the most pixels of any tile.
int64_t mostTilePixels(const Machine &machine, Factors factors);
/// Returns the channels of the activation in a tile of the weight gradient, for blocks of `reduce`.
int64_t tileChannels(const Machine &machine, int64_t reduce);

/// Returns the group's first block and its width, for a group known only at run time.
std::pair<mlir::Value, mlir::Value> emitGroup(KernelEmitter &e, const BlockGroups &groups, mlir::Value group);

/// Calls `body` with the width as a constant.
void callForWidth(KernelEmitter &e, const BlockGroups &groups, mlir::Value width,
                  llvm::function_ref<void(int64_t)> body);

/// Makes a private constant of the kernel's module and returns the buffer that holds it.
mlir::Value emitTable(KernelEmitter &e, llvm::StringRef name, llvm::ArrayRef<int32_t> values);

/// Loads an entry of a table, as an index.
mlir::Value loadIndex(KernelEmitter &e, mlir::Value table, mlir::Value at);
/// Loads, from a table of pairs, the first (0) or the second (1) number of a pair.
mlir::Value pairEntry(KernelEmitter &e, mlir::Value table, mlir::Value pair, int64_t which);

/// Calls the function `name` of the kernel's module, written by `body` (given an emitter and the arguments)
/// unless the module has it already. Buffers may be of any size.
void callShared(KernelEmitter &e, llvm::StringRef name, llvm::SmallVector<mlir::Value> arguments,
                llvm::function_ref<void(KernelEmitter &, mlir::ValueRange)> body);

/// Computes tile[pixel, o] (+)= sum over channel blocks, taps, c of source[pixel + tap, c] * weights[o, tap,
/// c]. All positions are in f32s or words; weights of another type than pairs are widened.
struct ConvTile {
  mlir::Value source, weights, tile; // f32, but for the weights
  mlir::Value pixels; // i32 pairs: position in the source, in the tile; mostTilePixels - 1 more than
                      // the last one are read
  mlir::Value taps;   // i32 pairs: shift in the source, position in the weights
  mlir::Value sourceAt, sourceBlockStride; // the stride is between channel blocks
  mlir::Value weightsAt, weightsBlockStride,
      weightsGroupStride;              // between the source's blocks, between the result's
  mlir::Value tileAt, tileGroupStride; // the stride is between the result's blocks
  mlir::Value firstPixel, pixelCount, firstTap, tapCount, channelBlocks;
  mlir::Value accumulate; // i1: adds to what the tile holds
  // Weights that come next, which the second cache should have by then: where those of the first result block
  // begin, and how many words of each are asked for.
  mlir::Value aheadAt, aheadWords;
};
/// Calls the tile of `blocks` result blocks; `depth` channels, or pairs, of each source block are used.
void callConvTile(KernelEmitter &e, Factors factors, int64_t blocks, int64_t depth,
                  const ConvTile &arguments);

// Both kinds of a conv's tile walk by these functions.

/// Walks the channel blocks and taps, and carries accumulators. `body` receives the tap's place in the
/// source, to which pixels are added, and in the weights of the first result block.
llvm::SmallVector<mlir::Value> overConvSteps(
    KernelEmitter &e, const ConvTile &arguments, mlir::ValueRange start,
    llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::Value, mlir::ValueRange)> body);
/// Returns a pixel's position in the source (0) or in the tile (1).
mlir::Value pixelEntry(KernelEmitter &e, const ConvTile &arguments, mlir::Value pixel, int64_t which);

/// Computes out[c, o] (+)= sum over rows and columns of activation[row, column * step, c] * gradient[row,
/// column, o]; columns are words.
struct WeightGradTile {
  mlir::Value activation, gradient, out;    // f32
  mlir::Value rows;                         // i32 pairs: position in the gradient, in the activation
  mlir::Value activationAt, activationStep; // the step is between columns
  mlir::Value gradientAt, gradientGroupStride;
  mlir::Value outAt, outGroupStride;
  mlir::Value firstRow, rowCount, columns;
  mlir::Value accumulate;
};
/// Calls the tile that multiplies matrices. Positions of the activation are bfloat16s of a TurnedBox, whose
/// channels lie `channelWords` apart; rows are of `columns`, and the activation's step is 2.
void callMatrixWeightGradTile(KernelEmitter &e, int64_t blocks, int64_t columns, int64_t channelWords,
                              const WeightGradTile &arguments);

/// Calls the tile of `blocks` result blocks for one activation block of `reduce` channels, of which `depth`
/// are used.
void callWeightGradTile(KernelEmitter &e, Factors factors, int64_t blocks, int64_t reduce, int64_t depth,
                        const WeightGradTile &arguments);

} // namespace kinema::cpu

#endif

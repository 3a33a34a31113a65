// Writes the epilogue of a tiled conv, over the sums of one block of the grid, which lie in near memory.
#ifndef KINEMA_COMPILER_TARGET_CPU_EPILOGUE_H
#define KINEMA_COMPILER_TARGET_CPU_EPILOGUE_H

#include "compiler/Target/CPU/Blocks.h"

namespace kinema::cpu {

/// Returns whether epilogue operands and results can be read and written in whole vectors.
bool hasVectorEpilogue(kernel::ConvOp op, int64_t lanes);

/// Writes epilogues; sums of a channel block lie in scratch as [clip][frame][row][column][lanes].
class TileEpilogue {
public:
  /// `tileSize`: the frames, rows and columns of a clip in near memory.
  TileEpilogue(kernel::ConvOp op, KernelEmitter &e, const shape::Size3 &tileSize);

  /// Writes the epilogue of channel block `block`, whose sums begin at `tileAt` in scratch. `partial` is the
  /// index of the block of positions at `place`.
  void emit(const BlockPlace &place, mlir::Value partial, mlir::Value block, mlir::Value tileAt);

private:
  /// Holds what the epilogue knows of one channel block.
  struct ChannelBlock {
    mlir::Value block;                      // index of the channel block
    mlir::Value tileAt;                     // position of its accumulators in scratch
    llvm::SmallVector<mlir::Value> vectors; // one for each operand; null where it is not read by channel
    mlir::Value keep;                       // lanes that are channels; null where all are
  };
  /// Says where one vector of the result is.
  struct Pixel {
    mlir::Value n, t, h, w;
    mlir::Value tileAt, resultAt;
  };
  using PixelBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(const Pixel &, mlir::ValueRange)>;

  llvm::SmallVector<mlir::Value> emitStores(const ChannelBlock &channels, const Pixel &pixel);
  void emitMoments(const ChannelBlock &channels, mlir::Value sum);
  void storePartial(mlir::Value value, mlir::Value buffer, int64_t rows, int64_t row, mlir::Value block);
  llvm::SmallVector<mlir::Value> overPixels(const ChannelBlock &channels, llvm::ArrayRef<mlir::Value> init,
                                            PixelBody body);

  kernel::ConvOp op;
  KernelEmitter &e;
  shape::Size3 tileSize;
  int64_t lanes;
  llvm::ArrayRef<int64_t> result; // [N, C, T, H, W]
  int64_t resultBlocks;
  kernel::YieldOp yield;
  BlockPlace place;    // place of the grid's block
  mlir::Value partial; // its index among the blocks of positions
};

} // namespace kinema::cpu

#endif

// Brings an operand of a contraction into near memory: through its prologue, once for each element, with zero
// outside the tensor. This is the only place where layout, halo and prologue meet.
#ifndef KINEMA_COMPILER_TARGET_CPU_STAGE_H
#define KINEMA_COMPILER_TARGET_CPU_STAGE_H

#include "compiler/Target/Common/KernelEmitter.h"

namespace kinema::cpu {

/// Says what a word of near memory, four bytes, holds: an f32, or two bfloat16, of neighbouring channels or
/// of the positions along W that two neighbouring results read.
enum class Words { Single, ChannelPairs, ColumnPairs };

/// A StagedOperand is a contraction's operand: the value of a prologue on `blocked` tensors.
struct StagedOperand {
  kernel::AccessRegion prologue;
  mlir::RankedTensorType type = prologue.getPixelType(); // [N, C, T, H, W]

  int64_t width() const;                 // channels in a block
  int64_t blocks() const;                // channel blocks of the tensor
  bool isSupported(int64_t lanes) const; // whether it can be read in whole vectors
  bool isBFloat16() const;               // whether bfloat16 holds its values
};

/// Describes the positions staged along one axis: position i holds the element `start + i * step`, where the
/// block at result position b (a multiple of the result step) starts at b / resultStep * sourceStep + low.
struct StagedAxis {
  int64_t extent, step, low;
  int64_t pitch; // positions between neighbouring results

  /// Returns the axis without what lies outside a source of `size`: where no block is cut along the axis, no
  /// tap reads it.
  StagedAxis withinSource(int64_t size) const;
};

/// A StagedBox is the box of one block in near memory: [clips, channel blocks, T, H, W, width], in words.
struct StagedBox {
  int64_t clips, blocks;
  std::array<StagedAxis, 3> axes;
  int64_t width;
  Words words = Words::Single;
  int64_t neighbour = 0; // for column pairs: elements along W from the first to the second

  /// Returns the box with pairs of columns, for `results` of them along W.
  StagedBox inColumnPairs(int64_t results) const;

  int64_t rowStride() const { return axes[2].extent * width; }
  int64_t frameStride() const { return axes[1].extent * rowStride(); }
  int64_t blockStride() const { return axes[0].extent * frameStride(); }
  int64_t clipStride() const { return blocks * blockStride(); }
  int64_t elements() const { return clips * clipStride(); }
  /// Returns how far a tap shifts, in words.
  int64_t tapShift(const shape::Tap &tap) const;
  /// Returns the word that the first tap along each axis reads for result (n, t, h, w) of the block, counted
  /// in results of a phase.
  int64_t resultAt(int64_t n, int64_t t, int64_t h, int64_t w = 0) const;
};

/// Returns what results [0, count) of every phase read along `axis`, where `count` is in results of one
/// phase.
StagedAxis stagedAxis(const shape::Gather &gather, int axis, int64_t count);

/// Says which part of the operand is staged: clips [firstClip, firstClip + clips), channel blocks likewise,
/// and the source coordinates of the box's first frame and row (negative in the padding). W is staged whole,
/// from axes[2].low on.
struct StagedPart {
  mlir::Value firstClip, clips, firstBlock, blocks, firstFrame, firstRow;
};

/// Fills the box at `at` in the kernel's scratch.
void emitStage(KernelEmitter &e, const StagedOperand &operand, const StagedBox &box, const StagedPart &part,
               mlir::Value at);

/// Describes vectors that are made of the channels of `blocks` neighbouring channel blocks: lane l of vector
/// i is channel channels[i][l], counted from the first of these blocks.
struct Planes {
  int64_t blocks;
  llvm::SmallVector<llvm::SmallVector<int64_t>> channels;
};

/// Fills the box with such a vector in the place of each channel block, so that it has as many blocks as
/// there are planes. Beyond the tensor's last block, that block is read again.
void emitStagePlanes(KernelEmitter &e, const StagedOperand &operand, const StagedBox &box,
                     const StagedPart &part, const Planes &planes, mlir::Value at);

/// These return values that bfloat16 holds as words: neighbours of one vector, in half as many words; or the
/// values of two vectors.
mlir::Value channelPairs(KernelEmitter &e, mlir::Value values);
mlir::Value columnPairs(KernelEmitter &e, mlir::Value first, mlir::Value second);

/// Turns matrices of words. One or several lie side by side in as many vectors as they have rows, a power of
/// two.
void turn(KernelEmitter &e, llvm::MutableArrayRef<mlir::Value> rows);

/// Returns a vector<width x i1> of which lanes of a channel block are channels, not padding.
mlir::Value channelMask(KernelEmitter &e, mlir::Value block, int64_t channels, int64_t width);

} // namespace kinema::cpu

#endif

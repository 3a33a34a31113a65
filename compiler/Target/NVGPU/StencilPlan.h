// What a depthwise conv as a stencil decides before any code is written: the positions of a block, which
// walks along the frames, what a thread holds in registers, and how the source passes through shared memory.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_STENCILPLAN_H
#define KINEMA_COMPILER_TARGET_NVGPU_STENCILPLAN_H

#include "compiler/Target/NVGPU/HaloPlan.h"
#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

namespace kinema::nvidia {

/// A StencilTile holds what is chosen. Results are counted within a phase of each axis, and computed in all
/// phases. A block's frames and rows are multiples of a thread's, and may be more than there are.
struct StencilTile {
  static constexpr llvm::StringLiteral schedule = "nvgpu.stencil";
  int64_t frames, rows, columns;        // of a block
  int64_t framesOfThread, rowsOfThread; // whose sums a thread holds in registers

  static void forEach(auto &self, auto visit) {
    visit("frames", self.frames);
    visit("rows", self.rows);
    visit("columns", self.columns);
    visit("frames_of_thread", self.framesOfThread);
    visit("rows_of_thread", self.rowsOfThread);
  }
};

/// The products of a thread along one axis: number `result` of its results gets number `source` of the
/// positions that it reads, times the weight of `tap`.
struct StencilProduct {
  int64_t result, source, tap;
};

/// Says what a thread reads and computes along an axis that its registers cover.
struct StencilSpan {
  StencilSpan(const HaloAxis &axis, int64_t perPhase);

  std::vector<int64_t> results; // coordinates, counted from the first one's
  std::vector<StencilProduct> products;
  int64_t sources; // positions that it reads
};

/// Returns the results along an axis, of the phase that has most.
int64_t resultsOf(const HaloAxis &axis);

/// Returns how many positions `results` results of each phase read along an axis.
int64_t reachOf(const HaloAxis &axis, int64_t results);

/// A StencilRing is what a stage has in shared memory. A step of a block brings a chunk: some frames, each of
/// rows and columns with their borders. It reads that chunk and `before` ones before it, while another one is
/// on its way. Behind the chunks lie those of the prologue's other tensors, and a note for each position of a
/// frame.
struct StencilRing {
  int64_t frames, rows, columns; // of a chunk
  int64_t before;
  int64_t tensors; // that the prologue reads
  int64_t threads;

  static constexpr int64_t noteBytes = 4;

  int64_t chunks() const { return before + 2; }
  int64_t framePositions() const { return rows * columns; }
  int64_t frameBytes() const { return positionBytes * framePositions(); }
  int64_t chunkBytes() const { return frames * frameBytes(); }
  /// Positions of a frame for each thread, and how many of them it works on at once.
  int64_t rounds() const { return shape::ceilDiv(framePositions(), threads); }
  int64_t together() const { return shape::ceilDiv(rounds(), shape::ceilDiv(rounds(), 8)); }
  int64_t notes() const { return shape::roundUp(rounds(), together()) * threads; }
  int64_t restAt() const { return chunks() * chunkBytes(); }
  int64_t notesAt(int64_t at) const { return at + restAt() + (tensors - 1) * chunkBytes(); }
  int64_t bytes() const { return notesAt(0) + noteBytes * notes(); }
};

/// Places a block among the clips, channel blocks and tiles of positions.
struct StencilGrid {
  StencilGrid(int64_t clips, int64_t channels, llvm::ArrayRef<HaloAxis> axes,
              const std::array<int64_t, 3> &resultsOfBlock);

  int64_t clips, channelBlocks;
  std::array<int64_t, 3> tiles;

  int64_t partials() const { return clips * shape::product(tiles); }
  int64_t blocks() const { return partials() * channelBlocks; }
};

/// The plan of a conv, forward or transposed. A block computes the 8 channels of a channel block and walks
/// along its frames; in each step, a thread computes columns of some rows of some frames.
struct StencilPlan {
  StencilPlan(kernel::ConvOp op, const StencilTile &tile);

  std::array<HaloAxis, 3> axes;
  StencilTile tile;
  shape::Size3 kernel;
  int64_t clips, channels;
  int64_t operands;   // tensors that the prologue reads
  bool isTransformed; // by the prologue

  StencilSpan frameSpan() const { return {axes[0], tile.framesOfThread}; }
  StencilSpan rowSpan() const { return {axes[1], tile.rowsOfThread}; }
  /// Steps of a block, and what a step asks of its threads: columns of `rowSpan` by `frameSpan` results.
  int64_t steps() const { return tile.frames / tile.framesOfThread; }
  int64_t rowGroups() const { return tile.rows / tile.rowsOfThread; }
  int64_t items() const { return int64_t(axes[2].phases.size()) * rowGroups() * tile.columns; }
  int64_t threads() const;
  StencilRing ring() const;
  StencilGrid grid() const;
  /// Returns whether some tile reaches beyond the result along T (0) or H (1), so that threads ask which of
  /// their results exist.
  bool reachesBeyond(int axis) const {
    const int64_t size = axis == 0 ? tile.frames : tile.rows;
    return axes[axis].result % (size * axes[axis].resultStep) != 0;
  }

  int64_t weightBytes() const { return 4 * blockChannels * shape::product(kernel); }
  /// The ring lies behind the weights.
  int64_t ringAt() const { return shape::roundUp(weightBytes(), 128); }
  int64_t sharedBytes() const { return ringAt() + ring().bytes(); }
  /// Sums that a thread holds.
  int64_t accumulators() const;
  bool fits(const Processor &processor) const;

  static constexpr int64_t mostThreads = 256;
};

} // namespace kinema::nvidia

#endif

// Cuts a domain [N, C, T, H, W] into blocks, for the reference kernels, and walks through a block.
#ifndef KINEMA_COMPILER_TARGET_COMMON_PARTITION_H
#define KINEMA_COMPILER_TARGET_COMMON_PARTITION_H

#include "compiler/Target/Common/KernelEmitter.h"

#include <optional>

namespace kinema::reference {

/// Says how many blocks a launch has, how many partials they leave (0: none), how many items of a block can
/// go on at once, and at most by how many threads (0: by as many as the machine has).
struct Blocks {
  int64_t grid;
  int64_t partials;
  int64_t items;
  int64_t mostThreads = 0;
};

/// Does several pieces of work in one launch. Pieces whose tensors have the same types, and which have the
/// same constants, share their code, and their blocks lie side by side.
class LaunchParts {
public:
  /// Adds a part, with the types of its tensors and of whatever else its code follows from, which determine
  /// its blocks, and the constants in its code.
  void add(const Blocks &part, llvm::ArrayRef<mlir::Type> types, llvm::ArrayRef<double> constants = {});
  Blocks blocks() const;
  /// Calls `body(part, its block, its buffers)` once for each code, with the first part that has the code,
  /// for all parts that have it. They differ in `buffersOf(part)`, which the launch's block decides.
  void visit(KernelEmitter &e, mlir::Value block,
             llvm::function_ref<llvm::SmallVector<mlir::Value>(int64_t)> buffersOf,
             llvm::function_ref<void(int64_t, mlir::Value, mlir::ValueRange)> body) const;

private:
  struct Code {
    llvm::SmallVector<mlir::Type> types;
    llvm::SmallVector<double> constants;
    Blocks blocks; // those of each part
    llvm::SmallVector<int64_t> parts;
  };
  llvm::SmallVector<Code> codes;
  int64_t count = 0; // number of parts
};

/// Cuts clips x rows x channels, each axis into equal groups (the last may be smaller). A block is one group
/// of each; blocks with the same clips and rows share one partial, whose channels they fill.
struct Partition {
  /// Makes about `blocks` blocks with at most `maxPartials` different groups of clips and rows; each has at
  /// least `together` channels while there are so many.
  static Partition choose(int64_t clips, int64_t rows, int64_t channels, int64_t blocks, int64_t maxPartials,
                          int64_t together = 1);

  int64_t clips, rows, channels;
  int64_t clipsPerBlock, rowsPerBlock, channelsPerBlock;

  int64_t clipGroups() const { return shape::ceilDiv(clips, clipsPerBlock); }
  int64_t rowGroups() const { return shape::ceilDiv(rows, rowsPerBlock); }
  int64_t channelGroups() const { return shape::ceilDiv(channels, channelsPerBlock); }
  int64_t partials() const { return clipGroups() * rowGroups(); }
  int64_t grid() const { return partials() * channelGroups(); }
  Blocks blocks() const { return {grid(), partials(), channelsPerBlock}; }
};

/// Returns the machine's vector if the channels of all these tensors can be read and written in vectors, else
/// 1.
int64_t channelWidth(const Machine &machine, llvm::ArrayRef<mlir::RankedTensorType> types);

/// Returns the channels that the tensor has room for, its padding included.
int64_t storedChannels(mlir::RankedTensorType type);

/// Says what the threads of a block divide among themselves: its channels, so that each thread has all
/// positions of its own; or the positions, with all threads at the same channels, so that neighbours read
/// what lies side by side.
enum class Shared { Channels, Positions };
/// Returns what is best divided when there are so many positions: positions if they are a warp's worth, else
/// channels.
Shared bestShared(const Machine &machine, int64_t positions);

/// Walks through a domain, `width` channels at a time. A flat walk takes all positions of a clip as one axis,
/// cut into rows of equal length; otherwise rows are those of W.
class Walk {
public:
  using Coordinates = llvm::SmallVector<mlir::Value>; // n, c, t, h, w

  /// `channels` includes the padding of what is stored; at each channel, there are `items` to compute.
  /// `shared` says what the threads of a block divide; by default positions, where there is one item and are
  /// enough of them.
  Walk(const Machine &machine, mlir::RankedTensorType domain, int64_t channels, int64_t width, bool flat,
       int64_t maxPartials, int64_t items = 1, std::optional<Shared> shared = {});
  /// Makes a walk whose rows mean nothing: its blocks are of clips and channels as the partition says.
  Walk(mlir::RankedTensorType domain, int64_t width, const Partition &partition,
       Shared shared = Shared::Channels);
  /// Makes a walk with whole clips in a block, for sums over all their positions.
  static Walk ofClips(const Machine &machine, mlir::RankedTensorType domain, int64_t channels, int64_t width);

  Blocks blocks() const;
  Shared getShared() const { return shared; }
  int64_t getWidth() const { return width; }

  /// Returns the type under which the walk's coordinates find a tensor of the domain's positions.
  mlir::RankedTensorType view(mlir::RankedTensorType type) const;

  /// A Part is the part of the domain that a block covers.
  struct Part {
    mlir::Value partial;
    mlir::Value firstClip, endClip, firstRow, endRow, firstChannel,
        endChannel; // channels in units of the width
  };
  Part part(KernelEmitter &e, mlir::Value block) const;

  /// Returns the first channel of vector number `unit`, and which of its lanes are channels; null: all are.
  std::pair<mlir::Value, mlir::Value> channelAt(KernelEmitter &e, mlir::Value unit) const;
  /// Calls `body(c, valid)` for the vectors of channels of a part; `valid` is null where all lanes are
  /// channels.
  void forEachChannel(KernelEmitter &e, const Part &part,
                      llvm::function_ref<void(mlir::Value, mlir::Value)> body) const;
  /// Calls `body(c, valid, item)` for each of `items` at each vector of channels.
  void forEachChannel(KernelEmitter &e, const Part &part, int64_t items,
                      llvm::function_ref<void(mlir::Value, mlir::Value, mlir::Value)> body) const;

  /// Returns a channel that may be read in place of c: the last one, where scalars walk through padding.
  mlir::Value readable(KernelEmitter &e, mlir::Value c) const;

  /// Computes `body` at every position of the part at channel c and adds up the `totals` values that it
  /// returns, row by row, or thread by thread. `prepare` runs once a clip. Sums that are `wide` take twice
  /// the registers.
  llvm::SmallVector<mlir::Value>
  sum(KernelEmitter &e, const Part &part, mlir::Value c, int64_t totals,
      llvm::function_ref<void(mlir::Value)> prepare,
      llvm::function_ref<llvm::SmallVector<mlir::Value>(const Coordinates &)> body, bool wide = true) const;

  /// Returns how many positions the part has, as f32 at the walk's width.
  mlir::Value count(KernelEmitter &e, const Part &part) const;
  /// Runs `body`, which stores what a part's positions came to, in one of the threads that have the result.
  void once(KernelEmitter &e, llvm::function_ref<void()> body) const;

private:
  llvm::SmallVector<mlir::Value>
  sumRows(KernelEmitter &e, mlir::Value n, const Part &part, mlir::Value c, mlir::ValueRange sums, bool wide,
          llvm::function_ref<llvm::SmallVector<mlir::Value>(const Coordinates &)> body) const;
  llvm::SmallVector<mlir::Value>
  sumShare(KernelEmitter &e, mlir::Value n, const Part &part, mlir::Value c, mlir::ValueRange sums,
           llvm::function_ref<llvm::SmallVector<mlir::Value>(const Coordinates &)> body) const;
  llvm::SmallVector<mlir::Value>
  sumRow(KernelEmitter &e, mlir::Value n, mlir::Value row, mlir::Value c, int64_t totals, bool wide,
         llvm::function_ref<llvm::SmallVector<mlir::Value>(const Coordinates &)> body) const;

  mlir::RankedTensorType domain;
  int64_t width;
  bool flat;
  int64_t positions, rowLength; // those of a clip
  Shared shared = Shared::Channels;
  Partition partition;
};

/// Returns which of `width` lanes are among the first `count`.
mlir::Value firstLanes(KernelEmitter &e, mlir::Value count, int64_t width);

/// Returns valid ? value : 0, or the value itself where `valid` is null.
mlir::Value masked(KernelEmitter &e, mlir::Value valid, mlir::Value value);

} // namespace kinema::reference

#endif

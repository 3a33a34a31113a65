// Sums each channel over the positions of a tile and over the tiles of a block, in a fixed order: a thread
// adds its rows, a warp's threads are added by halving, the warps in their order, and the tiles as they come.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_CHANNELSUMS_H
#define KINEMA_COMPILER_TARGET_NVGPU_CHANNELSUMS_H

#include "compiler/Target/NVGPU/SharedMemory.h"
#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

namespace kinema::nvidia {

/// Serves threads that hold results as products leave them: of every group of 8 channels, a thread has the
/// pair at 2 * (lane % 4), of the rows that lane / 4 determines.
class ChannelSums {
public:
  /// Returns the bytes of shared memory for `count` sums of each of a tile's channels.
  static constexpr int64_t bytes(int64_t count, int64_t channels, int64_t warps) {
    return 4 * count * (warps + 1) * channels;
  }

  /// `region` has their bytes. There must be no more channels than threads.
  ChannelSums(WarpgroupEmitter &w, int64_t count, int64_t channels, int64_t warps, SharedRegion region)
      : w(w), e(w.e), count(count), channels(channels), warps(warps), at(region.at), waiting(count) {}

  /// Sets the totals to zero. `thread` is this thread's number among those that hold results.
  void begin(mlir::Value thread);

  /// Takes a thread's sum over its rows, for its pair of a group. Groups come in order.
  void add(int64_t sum, int64_t group, mlir::Value pair);
  /// Ends a sum after its last group. Once the threads have met, the tile's sum is there.
  void finish(int64_t sum);

  // These are for the thread that a channel belongs to.

  /// Runs the body in one thread for each channel, always in the same one.
  void forEachChannel(llvm::function_ref<void(mlir::Value channel)> body);
  mlir::Value ofTile(int64_t sum, mlir::Value channel);
  /// Returns the total of the tiles before, until it is set.
  mlir::Value total(int64_t sum, mlir::Value channel);
  void setTotal(mlir::Value value, int64_t sum, mlir::Value channel);

  /// Returns a pointer to one f32 a channel, where the first warp's part of a tile's sum lies; it may serve
  /// otherwise once that is read.
  mlir::Value place(int64_t sum, mlir::Value channel) { return place(sum, e.index(0), channel); }

private:
  /// Holds pairs that wait to be added over the rows: one of one group, and one of two groups.
  using Waiting = std::array<mlir::Value, 2>;

  /// Returns a place in [sum, warp, channel]; behind the warps lies the total.
  mlir::Value place(int64_t sum, mlir::Value warpNumber, mlir::Value channel);
  mlir::Value load(mlir::Value from);

  WarpgroupEmitter &w;
  KernelEmitter &e;
  int64_t count, channels, warps, at;
  mlir::Value thread;
  llvm::SmallVector<Waiting> waiting;
};

} // namespace kinema::nvidia

#endif

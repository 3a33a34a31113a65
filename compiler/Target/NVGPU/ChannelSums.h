// Sums of each channel over the positions of a tile and over the tiles of a block, in a fixed order: a thread
// adds its rows, a warp's threads are added by halving, the warps in their order, the tiles as they come.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_CHANNELSUMS_H
#define KINEMA_COMPILER_TARGET_NVGPU_CHANNELSUMS_H

#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

namespace kinema::nvidia {

/// For threads that hold results as products leave them: of every group of 8 channels, a thread has the pair
/// at 2 * (lane % 4), of rows that lane / 4 tells.
class ChannelSums {
public:
  /// Bytes of shared memory for `count` sums of each of a tile's channels.
  static constexpr int64_t bytes(int64_t count, int64_t channels, int64_t warps) {
    return 4 * count * (warps + 1) * channels;
  }

  /// at: bytes from the start of shared memory. There are no more channels than threads.
  ChannelSums(WarpgroupEmitter &w, int64_t count, int64_t channels, int64_t warps, int64_t at)
      : w(w), e(w.e), count(count), channels(channels), warps(warps), at(at), waiting(count) {}

  /// thread: of those that hold results. The totals are zero then.
  void begin(mlir::Value thread);

  /// Takes a thread's sum of its rows, of its pair of a group. Groups come in order.
  void add(int64_t sum, int64_t group, mlir::Value pair);
  /// After the last group. Once the threads have met, the tile's sum is there.
  void finish(int64_t sum);

  // For a channel's own thread.

  /// Runs the body in one thread for each channel, always the same.
  void forEachChannel(llvm::function_ref<void(mlir::Value channel)> body);
  mlir::Value ofTile(int64_t sum, mlir::Value channel);
  /// Of the tiles before, until it is set.
  mlir::Value total(int64_t sum, mlir::Value channel);
  void setTotal(mlir::Value value, int64_t sum, mlir::Value channel);

  /// Where the first warp's part of a tile's sum lies, which may serve otherwise once it is read: a pointer
  /// to one f32 a channel.
  mlir::Value place(int64_t sum, mlir::Value channel) { return place(sum, e.index(0), channel); }

private:
  /// Pairs that wait to be added over the rows: of one group and of two.
  using Waiting = std::array<mlir::Value, 2>;

  /// [sum, warp, channel]; behind the warps the total.
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

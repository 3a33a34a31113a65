// Sums each channel over the positions of a tile and over the tiles of a block, in a fixed order: a thread
// adds its rows, a warp's threads are added by halving, the warps in their order, and the tiles as they come.
// Consumers that take turns do so each for its own tiles, and tell each other what they have at the end.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_CHANNELSUMS_H
#define KINEMA_COMPILER_TARGET_NVGPU_CHANNELSUMS_H

#include "compiler/Target/NVGPU/Roles.h"
#include "compiler/Target/NVGPU/SharedMemory.h"
#include "compiler/Target/NVGPU/WarpgroupEmitter.h"

namespace kinema::nvidia {

/// Serves threads that hold results as products leave them: of every group of 8 channels, a thread has the
/// pair at 2 * (lane % 4), of the rows that lane / 4 determines.
class ChannelSums {
public:
  /// Returns the bytes of shared memory for `count` sums of each of a tile's channels, which the consumers
  /// take.
  static constexpr int64_t bytes(int64_t count, int64_t channels, const Roles &roles) {
    int64_t groups = roles.groupsOfConsumers();
    int64_t all = groups * bytesOfGroup(count, channels, roles.warpsOfTile());
    return all > 0 && groups > 1 ? all + groups * toldBytes : all;
  }

  /// `region` has their bytes.
  ChannelSums(WarpgroupEmitter &w, int64_t count, int64_t channels, const Roles &roles, SharedRegion region)
      : w(w), e(w.e), count(count), channels(channels), groups(roles.groupsOfConsumers()),
        warps(roles.warpsOfTile()), region(region), waiting(count) {}

  /// Sets the totals to zero, from sum `first` on. `thread` is this thread's number among those that hold
  /// results.
  void begin(mlir::Value thread, int64_t first);
  /// Returns the number of this thread's group among those that have tiles of their own.
  mlir::Value group() const { return ofGroup; }

  /// Takes a thread's sum over its rows, for its pair of a group. Groups come in order.
  void add(int64_t sum, int64_t group, mlir::Value pair);
  /// Ends a sum after its last group. Once the threads have met, the tile's sum is there.
  void finish(int64_t sum);

  // These are for the thread that a channel belongs to.

  /// Runs the body in one thread of each group for each channel, always in the same one.
  void forEachChannel(llvm::function_ref<void(mlir::Value channel)> body);
  mlir::Value ofTile(int64_t sum, mlir::Value channel);
  /// Returns the total of the tiles before, until it is set.
  mlir::Value total(int64_t sum, mlir::Value channel);
  void setTotal(mlir::Value value, int64_t sum, mlir::Value channel);
  /// Returns the total of another group, which its thread has set before all consumers met.
  mlir::Value totalOf(int64_t group, int64_t sum, mlir::Value channel);

  /// Loads the totals of the thread's pair of a group, whose first channel is `column` of 8. Any thread may,
  /// between two meetings of those of its group.
  mlir::Value totals(int64_t sum, int64_t group, mlir::Value column);
  /// Sets them to those pairs that the threads with the first row of a tile have.
  void setTotalsToFirstRow(mlir::Value pair, int64_t sum, int64_t group, mlir::Value column);

  /// Tells the other groups an index that all threads of this one have, before all consumers meet.
  void tell(mlir::Value index);
  /// Returns what a group has told.
  mlir::Value told(int64_t group);

private:
  static constexpr int64_t toldBytes = 4; // of a group
  static constexpr int64_t pairBytes = 8;
  /// Holds pairs that wait to be added over the rows: one of one group, and one of two groups.
  using Waiting = std::array<mlir::Value, 2>;

  static constexpr int64_t bytesOfGroup(int64_t count, int64_t channels, int64_t warps) {
    return 4 * count * (warps + 1) * channels;
  }
  /// Returns a place in [sum, warp, channel] of this thread's group; behind the warps lies the total.
  mlir::Value place(int64_t sum, mlir::Value warpNumber, mlir::Value channel);
  mlir::Value place(mlir::Value group, int64_t sum, mlir::Value warpNumber, mlir::Value channel);
  /// Returns the place of the totals of a pair of a group's channels.
  mlir::Value placeOfTotals(int64_t sum, int64_t group, mlir::Value column);
  mlir::Value placeOfTold(mlir::Value group);
  mlir::Value load(mlir::Value from);

  WarpgroupEmitter &w;
  KernelEmitter &e;
  int64_t count, channels, groups, warps; // warps: of a group
  SharedRegion region;
  mlir::Value thread, ofGroup; // its number in its group, and that of the group
  llvm::SmallVector<Waiting> waiting;
};

} // namespace kinema::nvidia

#endif

// Runs an epilogue on the results that a thread holds: pairs of channels of some rows.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_EPILOGUE_H
#define KINEMA_COMPILER_TARGET_NVGPU_EPILOGUE_H

#include "compiler/Target/NVGPU/ChannelSums.h"
#include "compiler/Target/NVGPU/ChannelVectors.h"
#include "compiler/Target/NVGPU/Contract.h"
#include "compiler/Target/NVGPU/EpilogueFeed.h"

namespace kinema::nvidia {

/// A Row is one row of a tile's results.
struct Row {
  mlir::Value position;              // number among the positions of the tile
  mlir::Value valid;                 // whether it is a result
  std::array<mlir::Value, 3> result; // its coordinates, clamped to a result that exists
  mlir::Value at;           // of the thread's pair of the tile's first group, in a tensor like the result
  mlir::Value reached = {}; // whether any tap reaches it, or its sums are zero; null where one does
  mlir::Value fed = {};     // its place in a stage of the epilogue's feed; null where there is none
};

/// Writes a region of an operation, whose operands and yields are read and written like a tensor of type
/// `result`, of which groups of 8 channels lie `plane` elements apart.
class Epilogue {
public:
  /// `kept`: what keeps operands that are read by channel, and `feed`: what brings operands, if something
  /// does.
  Epilogue(WarpgroupEmitter &w, Contract &contract, kernel::AccessRegion region,
           mlir::RankedTensorType result, int64_t plane, ChannelVectors *kept = nullptr,
           EpilogueFeed *feed = nullptr)
      : w(w), e(w.e), contract(contract), region(region), result(result), plane(plane), kept(kept),
        feed(feed) {}

  /// Says how many groups' operands are loaded before their turn, beside those of the group whose turn it is.
  struct Ahead {
    int64_t ofRows;    // of what is read at the rows' positions
    int64_t byChannel; // of what is read by channel, and not kept
  };
  /// Gets what the region yields for a row's pair of a group, zero where channels are padding.
  using Take = llvm::function_ref<void(int64_t group, const Row &, llvm::ArrayRef<mlir::Value>)>;
  /// Begins a tile of so many groups of 8 channels: `channel` is the first of the thread's pair of the first
  /// group in clip n. What the region reads for the first groups is loaded here, `ahead` of their turn. This
  /// may stand before the products, which hide how long that takes.
  void begin(int64_t groups, Ahead ahead, mlir::Value n, mlir::Value channel, llvm::ArrayRef<Row> rows);
  /// Runs the region on the thread's pairs of all groups of every row that `sums` has, and calls `end` after
  /// each group.
  /// `feedStep`: the step of the tile's first part, where there is a feed.
  void finish(mlir::ValueRange sums, Take take, llvm::function_ref<void(int64_t group)> end = nullptr,
              mlir::Value feedStep = {});
  /// Returns the registers that a thread takes for what it loads of a group by channel.
  int64_t registersByChannel() const;
  /// Stores a yielded pair of a group.
  void store(mlir::Value pair, mlir::Value buffer, const Row &row, int64_t group) {
    e.storeVector(pair, buffer, at(row, group));
  }

private:
  /// Operands, those at the places of rows as they are stored; null where they are not loaded.
  using Loaded = llvm::SmallVector<mlir::Value>;
  Loaded loadVectors(int64_t group);
  Loaded loadRow(const Row &row, int64_t group);
  mlir::Value loadAt(const kernel::AccessOperand &operand, const Row &row, int64_t group);
  bool keeps(const kernel::AccessOperand &operand) const { return kept && ChannelVectors::keeps(operand); }
  void run(mlir::ValueRange sums, int64_t group, Take take);
  mlir::Value channelOf(int64_t group) { return e.add(channel, group * blockChannels); }
  void loadBefore(int64_t group);
  void loadRows(int64_t group);
  void freeBehind(int64_t group);
  /// Returns the step of the stage that brings a group.
  mlir::Value stepOf(int64_t group) { return e.add(feedStep, group / feed->plan.blocksOfPart()); }
  mlir::Value at(const Row &row, int64_t group) { return e.add(row.at, group * plane); }

  WarpgroupEmitter &w;
  KernelEmitter &e;
  Contract &contract;
  kernel::AccessRegion region;
  mlir::RankedTensorType result;
  int64_t plane;
  ChannelVectors *kept;
  EpilogueFeed *feed;
  // Of the tile between `begin` and `finish`.
  int64_t groups = 0;
  Ahead ahead = {};
  mlir::Value n, channel, feedStep;
  llvm::SmallVector<Row> rows;
  llvm::SmallVector<Loaded> vectors;                   // of the first groups
  llvm::SmallVector<llvm::SmallVector<Loaded>> ofRows; // likewise, for each row
  Contract::Held held;                                 // of the sums
};

/// Takes the sums and moments that an epilogue asks for, over the tiles of a block, and stores the block's
/// partials.
class EpilogueSums {
public:
  /// There are `moments` (0 or 1) moments and so many plain sums of each of a tile's channels. The consumers
  /// meet at the named barrier; those that take turns meet by warpgroups, at the barriers behind it.
  struct Shape {
    int64_t moments, plainSums, channels;
    Roles roles;
    int64_t barrier;

    int64_t sums() const { return 2 * moments + plainSums; }
    int64_t groups() const { return channels / blockChannels; }
  };
  EpilogueSums(WarpgroupEmitter &w, Contract &contract, const Shape &shape, SharedRegion region)
      : w(w), e(w.e), contract(contract), shape(shape),
        sums(w, shape.sums(), shape.channels, shape.roles, region) {}

  /// Sets the sums to zero. `thread` is this thread's number among the consumers.
  void begin(mlir::Value thread) { sums.begin(thread, shape.moments); }
  /// Begins a tile with these sums of products, after `before` positions of tiles before. Moments take the
  /// squares of distances from the mean of those tiles; of the first tile, from its first sum of products,
  /// which is near where nothing but rounding follows.
  void beginTile(mlir::ValueRange products, mlir::Value before);
  /// Adds what a row yields for them in a group: the value that moments are taken of, then plain sums.
  void take(int64_t group, const Row &row, llvm::ArrayRef<mlir::Value> yielded);
  /// Ends a group of channels, after its last row.
  void finish(int64_t group);
  /// Ends a tile, of which `count` positions are results, and merges it with the tiles before that this
  /// thread's warpgroup had. Returns how many positions it has merged: `before` were there.
  mlir::Value finishTile(mlir::Value before, llvm::function_ref<mlir::Value()> count);
  /// Stores the sums of a tile of channels in buffers [partial, row, channel], where this thread's
  /// warpgroup has merged `count` positions:
  /// moments, if there are any, with the rows count, mean and squares, then plain sums. Those of channels
  /// beyond `existing` are zero.
  void store(llvm::ArrayRef<mlir::Value> buffers, mlir::Value partial, mlir::Value channelTile,
             mlir::Value count, int64_t existing);

private:
  int64_t squares() const { return 1 + shape.plainSums; } // number of the sum of squared distances
  void meet();
  void finishMoments(mlir::Value before, mlir::Value count);
  /// The share of positions that are merged with others.
  struct Share {
    mlir::Value ofAll, weight; // weight: of the squared distance between the means of both
  };
  Share shareOf(mlir::Value before, mlir::Value count);
  void mergeMoments(mlir::Value channel, mlir::Value distance, mlir::Value ofShare, Share share);
  mlir::Value mergeGroups();
  void storeTotals(llvm::ArrayRef<mlir::Value> buffers, mlir::Value partial, mlir::Value channelTile,
                   mlir::Value count, int64_t existing);

  WarpgroupEmitter &w;
  KernelEmitter &e;
  Contract &contract;
  Shape shape;
  ChannelSums sums;
  llvm::SmallVector<mlir::Value> totals; // of this thread's rows of a group, one for each sum
  mlir::Value near;                      // from what distances are, of the thread's pair of the group
};

} // namespace kinema::nvidia

#endif

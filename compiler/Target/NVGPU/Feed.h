// Brings a part of a source to shared memory, through its prologue: the block's first threads begin copies,
// which run by themselves, and other threads transform what has come.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_FEED_H
#define KINEMA_COMPILER_TARGET_NVGPU_FEED_H

#include "compiler/Target/NVGPU/FeedPlan.h"
#include "compiler/Target/NVGPU/Pipeline.h"

namespace kinema::nvidia {

/// A FeedPlace says where the staged positions begin: in clip `n`, with position `first` along each axis,
/// which is the source's first * step + low.
struct FeedPlace {
  mlir::Value n;
  std::array<mlir::Value, 3> first, low;
};

/// FeedPositions are the positions of a channel block that a thread works on, the same in all blocks.
struct FeedPositions {
  struct Position {
    mlir::Value raw, staged;                // bytes from the start of a raw block of 16 bytes a position,
                                            // and of a staged one
    llvm::SmallVector<mlir::Value> insides; // for each neighbour, whether the source reaches there; null: yes
    mlir::Value exists;                     // whether the thread has this position; null: yes
  };
  mlir::Value block; // number of the thread's block among those that are worked on together
  llvm::SmallVector<Position> positions;
};

/// A Feed fills the stages of a ring with channel blocks of a source. Its raw ring may serve several feeds.
class Feed {
public:
  /// `blocks` counts the channel blocks of the source; zeros are staged beyond them. Stages begin with a
  /// multiple of their blocks, or else they may `reachBeyond` all. A raw stage is full after no fewer
  /// arrivals than there are copies of a part.
  Feed(WarpgroupEmitter &w, kernel::AccessRegion prologue, const FeedPlan &plan, int64_t blocks,
       const Pipeline &pipeline, bool reachBeyond = false)
      : plan(plan), w(w), e(w.e), prologue(prologue), blocks(blocks), reachBeyond(reachBeyond),
        stages(pipeline.operands), raw(pipeline.raw) {}

  const FeedPlan plan;

  /// Writes zeros to the raw stages where the transform may read positions to which nothing is copied; it
  /// drops what it makes of them. All threads of the block call it, before they meet.
  void clearRaw();

  /// Copies part `part` of the channel blocks from `firstBlock` on. All copying threads call it. The part
  /// goes to the next raw stage or, with copies that go straight there, to `offset` bytes behind the start of
  /// stage `stageStep`, as soon as that is empty. `rawStep` counts the parts that have passed through the raw
  /// ring. Returns the next one.
  mlir::Value copy(const FeedPlace &place, mlir::Value firstBlock, mlir::Value part, mlir::Value stageStep,
                   int64_t offset, mlir::Value rawStep) {
    return copy(place, firstBlock, part, stageStep, offset, rawStep, /*waits=*/true);
  }
  /// Copies all parts of a stage likewise. `isEmpty`: the threads that copy have seen that the stage is.
  mlir::Value copyStage(const FeedPlace &place, mlir::Value firstBlock, mlir::Value stageStep, int64_t offset,
                        mlir::Value rawStep, bool isEmpty = false) {
    return copyParts(place, firstBlock, stageStep, offset, rawStep, /*waits=*/!(isEmpty && plan.direct()));
  }
  /// Copies all parts of the first stage, for which there is room from the beginning.
  mlir::Value copyFirst(const FeedPlace &place, mlir::Value firstBlock);

  /// Returns the positions of the thread with this number among those that run the prologue.
  FeedPositions positionsOf(const FeedPlace &place, mlir::Value thread);
  /// Fills the channel blocks of a stage that begin `at` bytes from the start of shared memory, once the
  /// stage is empty. Returns the next step of the raw ring.
  mlir::Value fill(const FeedPositions &positions, mlir::Value firstBlock, mlir::Value at,
                   mlir::Value rawStep);

private:
  int64_t channels() const { return blockChannels / plan.neighbours; }
  int64_t rawBlockBytes(const kernel::AccessOperand &operand) const {
    return plan.rawPositions() * rawPositionBytes(operand.getType());
  }
  int64_t stagedBlockBytes() const { return plan.pitch * positionBytes; }
  /// Counts the blocks that exist of the part that begins with this one.
  mlir::Value existing(mlir::Value firstBlock);
  bool mayMiss() const { return reachBeyond || blocks % plan.blocks != 0; }

  mlir::Value copy(const FeedPlace &place, mlir::Value firstBlock, mlir::Value part, mlir::Value stageStep,
                   int64_t offset, mlir::Value rawStep, bool waits);
  mlir::Value copyParts(const FeedPlace &place, mlir::Value firstBlock, mlir::Value stageStep, int64_t offset,
                        mlir::Value rawStep, bool waits);
  struct Run;
  Run runOf(const FeedPlace &place);
  kernel::TensorMapAttr mapOf(const kernel::AccessOperand &operand) const;
  void copyBoxes(const FeedPlace &place, mlir::Value firstBlock, mlir::Value to, mlir::Value barrier);
  void beginBoxes(const FeedPlace &place, mlir::Value firstBlock, mlir::Value to, mlir::Value barrier);
  void copyRows(const kernel::AccessOperand &operand, const FeedPlace &place, const Run &run,
                mlir::Value firstBlock, mlir::Value to, int64_t blockBytes, mlir::Value barrier);
  void copyVector(const kernel::AccessOperand &operand, mlir::Value n, mlir::Value firstBlock, mlir::Value to,
                  mlir::Value barrier);
  struct SourcePosition {
    std::array<mlir::Value, 3> at;
    mlir::Value exists; // null: the source reaches there
  };
  SourcePosition sourceOf(const FeedPlace &place, mlir::Value number);
  void copyPositions(const kernel::AccessOperand &operand, const FeedPlace &place, mlir::Value firstBlock,
                     mlir::Value to, int64_t blockBytes);
  void copyVectorPositions(const kernel::AccessOperand &operand, mlir::Value n, mlir::Value firstBlock,
                           mlir::Value to);
  /// Returns where the channels of the blocks from `firstBlock` on begin, counted in those of a block, and
  /// the bytes of these.
  std::pair<mlir::Value, int64_t> rowOfVector(const kernel::AccessOperand &operand, mlir::Value n,
                                              mlir::Value firstBlock);
  void copySome(mlir::Value buffer, mlir::Value from, int64_t unit, mlir::Value to, mlir::Value bytes,
                mlir::Value barrier);
  void copyBytes(mlir::Value buffer, mlir::Value from, int64_t unit, mlir::Value to, mlir::Value bytes,
                 mlir::Value barrier);

  using Loaded = llvm::SmallVector<mlir::Value>; // the prologue's arguments for one neighbour
  FeedPositions::Position positionOf(const FeedPlace &place, mlir::Value number);
  Loaded vectorsOf(mlir::Value rawAt, mlir::Value block);
  Loaded load(const FeedPositions::Position &position, int64_t neighbour, mlir::Value rawAt,
              mlir::Value block, const Loaded &vectors);
  llvm::SmallVector<mlir::Value> valuesOf(const FeedPositions::Position &position,
                                          llvm::ArrayRef<Loaded> loaded, mlir::Value exists);
  void transform(const FeedPositions &positions, mlir::Value firstBlock, mlir::Value rawAt, mlir::Value at,
                 mlir::Value group);
  void clear(const FeedPositions &positions, mlir::Value firstBlock, mlir::Value at);
  void store(const FeedPositions::Position &position, mlir::Value value, mlir::Value blockAt);

  WarpgroupEmitter &w;
  KernelEmitter &e;
  kernel::AccessRegion prologue;
  int64_t blocks;
  bool reachBeyond;
  const Ring &stages, &raw;
  llvm::DenseMap<mlir::OpOperand *, mlir::Value> maps; // parameters that the copy engine reads
};

/// Is a weight in halves that lies as tapsLayout says: [taps, blocks of 8 contracted channels, columns, 8].
struct TapsWeight {
  mlir::Value buffer;
  int64_t blocks, columns;
  mlir::Value firstBlock = {}; // from which chunks are counted; null: the first of all
  int64_t terms = 1;           // of a number, one weight behind the other
  int64_t termBytes = 0;       // of such a weight
};

/// Runs the body in the threads that call stageWeights, among the copying ones, all of which are here: of one
/// warp or, for the products of warps, of several.
void inThreadsOfWeights(WarpgroupEmitter &w, llvm::function_ref<void()> body);

/// Copies the columns [firstColumn, firstColumn + columns) of `depth` contracted channels of a tap, from
/// channel chunk * depth on, to the ring's stage of `step`, once that is empty. One thread calls it or, for
/// the products of warps, all copying threads do; the bytes count for the stage. Beyond the weight's blocks,
/// any numbers are copied. A stage has the blocks of one term behind those of the other. In a cluster, each
/// block copies its share of the channel blocks to all of them.
void stageWeights(WarpgroupEmitter &w, const Ring &ring, mlir::Value step, const TapsWeight &weight,
                  mlir::Value tap, mlir::Value chunk, int64_t depth, mlir::Value firstColumn,
                  int64_t columns);

} // namespace kinema::nvidia

#endif

// What a scheduled conv on tensor cores decides before any code is written: the tile of results of a block,
// the halo of the source that it stages, the order in which taps and channels pass through shared memory.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_HALOPLAN_H
#define KINEMA_COMPILER_TARGET_NVGPU_HALOPLAN_H

#include "compiler/Target/NVGPU/EpilogueFeed.h"
#include "compiler/Target/NVGPU/FeedPlan.h"
#include "compiler/Target/NVGPU/PipelinePlan.h"
#include "compiler/Target/NVGPU/ProductShape.h"

namespace kinema::nvidia {

/// One axis of a conv, for all phases (shape::AxisGather). Shifts are counted from the least of all, `low`:
/// tap i of a phase reads, for result q of the phase, source position q * sourceStep + low + shift(i), with
/// shift(i) = firstShift + i * shiftStep >= 0.
struct HaloAxis {
  using Phase = shape::AxisGather::Phase;
  std::vector<Phase> phases;
  int64_t resultStep, sourceStep; // of q
  int64_t stagedStep;             // of the source, from one position of a plane of the halo to the next
  int64_t tapStep, shiftStep, low;
  int64_t reach = 0;      // further positions that a tap reads
  int64_t source, result; // sizes of the tensors
  int64_t tile;           // results of a phase in a block

  /// Shifts that differ by the source step share a plane of the halo.
  int64_t planes() const { return std::min(sourceStep, maxShift() + 1); }
  /// Positions of one plane.
  int64_t extent() const { return tile + maxShift() / sourceStep; }
  int64_t maxShift() const;
  bool hasPhaseWithoutTaps() const;
  /// Counts the steps of a phase. Results that no tap reaches get the products of one tap like the others,
  /// which the epilogue then takes for zero, so that no tile differs from its neighbours.
  static int64_t stepsOf(const Phase &phase) { return std::max<int64_t>(phase.taps, 1); }
  /// Tiles that cover the largest phase.
  int64_t tiles() const;
};

/// An axis of a conv between tensors of these sizes. The tile is still to be set.
HaloAxis haloAxis(const shape::Window &window, int axis, int64_t source, int64_t result,
                  shape::Direction direction = shape::Direction::Forward);

/// Returns how many of the positions [first + i * step, first + i * step + wanted) that tile i wants of an
/// axis exist, on average over the tiles.
double meanInside(int64_t first, int64_t step, int64_t tiles, int64_t wanted, int64_t source);

/// Returns the axis as a feed stages it, with so many neighbours in a position.
FeedAxis feedAxis(const HaloAxis &axis, int64_t neighbours);

/// The axis of a row whose positions hold two neighbours of the source each: all taps are one, which reads
/// as many positions, `groupStep` apart, as the taps need in twos. The stride is 1 or 2.
struct NeighbourAxis {
  HaloAxis axis;
  int64_t groups, groupStep;
};
NeighbourAxis neighbourAxis(const shape::Window &window, int64_t source, int64_t result);

/// A HaloTile holds what is chosen.
struct HaloTile {
  static llvm::StringRef schedule(TensorCores tensorCores) {
    return byTensorCores(tensorCores, "mma.halo", "sm90.halo", "sm100.halo");
  }
  std::array<int64_t, 3> results; // T, H, W of a phase
  int64_t channels;               // of the result, a multiple of 8, at most 256
  int64_t depth;                  // channels of the source in a stage, a multiple of ProductShape::depth
  int64_t blocks = 0;             // that share the tiles, a multiple of the tiles of channels; 0: one each
  int64_t producers = 1;          // warpgroups that stage the source, 1 or 2
  int64_t copiers = 1;            // warps that copy: one copies all; of more, the last one copies the weights
                                  // and the others share the source, but for the products of warps so many
                                  // share all copies
  int64_t cluster = 1;            // blocks that share the copies of weights, 1 or 2
  int64_t feedStages = 0;         // into which the source comes; 0: as many as keep memory busy
  int64_t weightStages = 0;       // of weights; 0: as many as keep L2 busy
  int64_t boxes = 0;              // 1: the copy engine brings boxes of the source, 0: copies bring its rows
  int64_t turns = 0;          // 1: the consumers take turns, each with tiles of its own, 0: they share each
  int64_t epilogueStages = 0; // into which boxes of what the epilogue reads at the places of results come; 0:
                              // its threads load that themselves

  static void forEach(auto &self, auto visit) {
    visit("frames", self.results[0]);
    visit("rows", self.results[1]);
    visit("columns", self.results[2]);
    visit("channels", self.channels);
    visit("depth", self.depth);
    visit("producers", self.producers);
    visit("copiers", self.copiers);
    visit("cluster", self.cluster);
    visit("feed_stages", self.feedStages);
    visit("weight_stages", self.weightStages);
    visit("boxes", self.boxes);
    visit("turns", self.turns);
    visit("epilogue_stages", self.epilogueStages);
  }
};

/// What a stage of weights is a part of, in one term: blocks of 8 contracted channels by columns.
struct WeightShare {
  int64_t allBlocks, allColumns;
  int64_t blocks, columns; // of the stage
};

/// The rings of a conv, and behind them what there is of each channel of its tiles.
struct HaloPipeline : PipelinePlan {
  SharedRegion sums, vectors; // vectors: what its epilogue reads by channel (ChannelVectors)
  SumsPlan products;
};

/// The contraction of a tile: D[position, channel] += source[position + shift(tap), depth] *
/// weight[tap][depth, channel]. Positions are counted through a plane of the halo, borders included, so that
/// a tap is a shift of the start address; what falls on a border is computed and dropped.
struct HaloPlan {
  HaloPlan(kernel::ConvOp op, const HaloTile &tile);
  /// Plans the same conv with another tile.
  void setTile(const HaloTile &other);
  /// source, result: [N, C, T, H, W]
  HaloPlan(TensorCores tensorCores, const kernel::AccessRegion &prologue, mlir::RankedTensorType source,
           mlir::RankedTensorType result, const shape::Window &window, bool forward, const HaloTile &tile);

  std::array<HaloAxis, 3> axes;
  std::array<FeedAxis, 3>
      fedAxes;           // as the feed stages them; follow from the axes and the tile, like `axes[i].tile`
  FeedOperands operands; // that the source is made of
  HaloTile tile;
  TensorCores tensorCores; // by which is contracted
  shape::Size3 kernel;     // taps, pairs of a row being one
  bool forward;            // or a data gradient
  int64_t clips;
  int64_t terms = 1;                  // of a number, whose products are added up (#kernel.precision)
  int64_t neighbours;                 // of a row in a staged position: 2 of an input with few channels
  int64_t groupStep;                  // then: positions from one contracted block of 8 to the next
  int64_t sourceBlocks, resultBlocks; // contracted and channel blocks of 8
  int64_t groups = 1;                 // that share no channels, of whole blocks
  int64_t depthBlocks; // of the weight: a group's source blocks rounded up to what one instruction contracts
  int64_t stores = 0;  // tensors that the epilogue stores
  int64_t rowOperands = 0;            // tensors that it reads at the place of each row
  int64_t latticeOperands = 0;        // of these, those that have values at some places alone
  int64_t boxOperands = 0;            // of these, those that boxes may bring
  int64_t wideBoxOperands = 0;        // of these, those in f32
  int64_t channelVectors = 0;         // operands that it reads by channel and the block keeps
  int64_t moments = 0, plainSums = 0; // that it takes of a channel; there is at most one of moments

  static constexpr int64_t consumers = consumersOfTurns; // warpgroups

  Roles roles() const {
    return {tile.producers, consumers, tile.copiers, tensorCores, tile.turns != 0, terms};
  }
  /// Returns whether the last copying warp brings the weights and the others the source; else all bring both.
  bool copiesApart() const { return readSharedMemory(tensorCores) && tile.copiers > 1; }
  /// Returns whether the blocks of each cluster can go through the same weights in step: they have as many
  /// tiles each, of the same channels and phases.
  bool clustersMatch() const;
  int64_t phases() const { return axes[0].phases.size() * axes[1].phases.size() * axes[2].phases.size(); }
  /// Counts what is added up for each channel: the values that moments are taken of, whose sum becomes the
  /// mean; the plain sums; and squared distances from the mean.
  int64_t sums() const { return 2 * moments + plainSums; }
  int64_t planePositions() const { return axes[0].extent() * axes[1].extent() * axes[2].extent(); }
  /// Returns the least number of steps of a chunk that a phase has.
  int64_t fewestSteps() const;
  int64_t planes() const { return axes[0].planes() * axes[1].planes() * axes[2].planes(); }
  /// Positions from the first to the last result of a tile's axes, from axis `first` on.
  int64_t span(int first = 0) const;
  /// Tiles of as many positions as a product has rows that each consumer of a tile computes.
  int64_t rowTiles() const;
  /// Positions from the beginning of such a tile to that of the next: its own or, where a frame's results
  /// fill one and the borders between frames would be many of the next one's positions, those of a frame.
  int64_t rowPitch() const {
    return rowsAreFrames() ? axes[1].extent() * axes[2].extent() : ProductShape::rows;
  }
  /// Describes the sums of a consumer: of all groups of a tile of rows, then those of the next one.
  SumsPlan sumsPlan() const {
    int64_t count = rowTiles() * groupsOfTile();
    bool follow = groupsOfTile() == 1 && rowPitch() == ProductShape::rows;
    return {channelsOfGroup(),
            groupsOfTile(),
            count,
            follow && SumsPlan::mayJoin(tensorCores, count, channelsOfGroup()),
            /*firstColumn=*/0,
            operands.half};
  }
  /// Counts the products that the tensor cores make together of the same columns.
  int64_t productsTogether() const { return sumsPlan().together(tensorCores, rowTiles()); }
  /// Staged positions of one channel block; behind them lies what the last rows read and drop.
  int64_t stagedPositions() const { return planes() * planePositions(); }
  int64_t pitch() const; // positions of a channel block of a stage, with what lies behind them
  int64_t stagedBlocks() const { return neighbours == 1 ? tile.depth / 8 : 1; }
  /// Positions from one contracted block to the next; those of neighbours overlap.
  int64_t blockStep() const { return neighbours == 1 ? pitch() : groupStep; }
  /// Counts the channels of a group's results, all where there is one group.
  int64_t groupChannels() const { return resultBlocks * 8 / groups; }
  /// Counts the groups of a tile, which are contracted side by side, each in as many of the stage's channels
  /// and into as many of the tile's.
  int64_t groupsOfTile() const {
    return groups == 1 ? 1 : std::max<int64_t>(1, tile.channels / groupChannels());
  }
  int64_t depthOfGroup() const { return tile.depth / groupsOfTile(); }
  int64_t channelsOfGroup() const { return tile.channels / groupsOfTile(); }
  int64_t chunks() const { return shape::ceilDiv(depthBlocks * 8, depthOfGroup()); }
  /// Describes how a chunk of the source gets to its stage.
  FeedPlan feed() const;
  int64_t sourceStages() const;
  int64_t stepsOfSource() const { return tilesOfBlock() * chunks(); }
  /// Counts the stages into which copies go: raw ones, or the source's own.
  int64_t feedStages() const { return feed().direct() ? sourceStages() : rawStages(); }
  int64_t rawStages() const {
    return nvidia::rawStages(feed().rawBytes(), stepsOfSource() * feed().parts(), tile.feedStages);
  }
  int64_t weightStages() const;
  /// Returns whether the epilogue reads something that the thread which begins boxes of the source can bring.
  bool mayFeedEpilogue() const { return copiesApart() && feed().boxes() && epilogueFeed().exists(); }
  /// Describes how what the epilogue reads gets to shared memory, where the tile asks for that.
  EpilogueFeedPlan epilogueFeed() const;
  /// Counts the steps of each tile, where all have as many; else 0.
  int64_t stepsOfTile() const { return phases() == 1 ? chunks() * fewestSteps() : 0; }
  /// Returns whether weights stay if there are stages for all of them: where a chunk has several taps. Those
  /// of one tap are few, and ptxas would have the products of such loops wait for each other.
  bool mayStay() const { return readSharedMemory(tensorCores) && stepsOfTile() > 0 && fewestSteps() > 1; }
  /// Returns whether a block brings the weights once, for all of its tiles.
  bool weightsStay() const { return mayStay() && weightStages() == stepsOfTile(); }
  int64_t channelTiles() const { return shape::ceilDiv(resultBlocks * 8, tile.channels); }
  /// Elements of one channel block of a clip of the result.
  int64_t resultPlane() const { return 8 * axes[0].result * axes[1].result * axes[2].result; }
  /// Counts the products of a chunk, on average over the phases.
  double stepsOfChunk() const;
  bool oneStep() const; // whether every tile has one chunk and one tap
  int64_t positionTiles() const;
  int64_t tiles() const { return positionTiles() * channelTiles(); }
  int64_t grid() const { return tile.blocks ? tile.blocks : tiles(); }
  /// Counts the tiles of the block that has most; the channels of all its tiles are the same.
  int64_t tilesOfBlock() const { return shape::ceilDiv(tiles(), grid()); }
  /// Blocks that share their channels: the rows of partials.
  int64_t partials() const { return grid() / channelTiles(); }

  /// These return the bytes of a stage, and of its share of one term.
  int64_t sourceTermBytes() const { return stagedBlocks() * positionBytes * pitch(); }
  int64_t sourceStageBytes() const { return terms * sourceTermBytes(); }
  int64_t weightTermBytes() const { return depthOfGroup() * 2 * tile.channels; }
  int64_t weightStageBytes() const { return terms * weightTermBytes(); }
  /// Returns whether tiles and stages have whole groups, or tiles and chunks parts of one group.
  bool groupsMatch() const;
  /// Returns what a stage has of the weight. The contracted blocks of all groups of a data gradient follow
  /// one another, with the columns of one group.
  WeightShare weightShare() const {
    if (groups > 1 && !forward)
      return {sourceBlocks, groupChannels(), tile.depth / blockChannels, channelsOfGroup()};
    return {sourceBlocks / groups, resultBlocks * blockChannels, depthOfGroup() / blockChannels,
            tile.channels};
  }
  /// Counts the copies of a stage of weights that a block begins or, for the products of warps, each copying
  /// thread.
  int64_t weightCopies() const {
    if (tensorCores == TensorCores::Warps)
      return shape::ceilDiv(weightStageBytes() / positionBytes, roles().copyingThreads());
    WeightShare share = weightShare();
    int64_t together =
        blocksOfWeightCopy(share.allBlocks, share.allColumns, share.blocks, share.columns, tile.cluster);
    return terms * shape::ceilDiv(share.blocks, together * tile.cluster);
  }
  /// Returns the cycles in which the copies of a stage of weights are begun.
  double cyclesOfWeightCopies(const Rates &rates) const {
    if (!copiesApart())
      return weightCopies() * rates.copyCycles;
    return rates.stageCycles + weightCopies() * rates.electedCopyCycles;
  }
  /// Gives the rings as many stages as shared memory has room for: the more there are, the less a burst of
  /// copies to one ring delays the other. The plan fits.
  void deepenRings(const Processor &processor);
  bool rowsAreFrames() const;
  bool loopsOverAllAxes() const; // whether each axis has several taps
  /// Counts the accumulators for which a thread has registers.
  int64_t mostAccumulators() const;
  /// Counts the registers that an epilogue has beside the accumulators and, for each row, its place in every
  /// operand and result.
  int64_t registersOfEpilogue() const {
    int64_t rows = 2 * rowTiles(), brought = tile.epilogueStages ? boxOperands : 0;
    int64_t addresses = 2 * (stores + rowOperands - brought) + (brought > 0 ? 1 : 0);
    return roles().consumerRegisters() - sumsPlan().registers(tensorCores) - rows * addresses;
  }
  /// Counts those that it takes for what does not live from its first to its last channel; fragments of both
  /// terms live as long as the sums. What ptxas spills decides: with 72, a data gradient of r3d_50_nl on
  /// sm_89. For the products of warps, an operand on a lattice takes more, since divisions find where it
  /// lies: without `ofLattice`, two data gradients spill on sm_120.
  int64_t shortLivedRegisters() const {
    constexpr int64_t ofLattice = 16;
    return tensorCores == TensorCores::Warps ? 73 + 8 * terms + ofLattice * latticeOperands
                                             : 60 + 6 * (rowTiles() - 1);
  }
  /// Counts the registers that a thread takes for what an epilogue reads at the place of a row, of one group
  /// of channels: numbers as they are stored where they lie beside the result, else in f32.
  int64_t registersOfRow() const { return boxOperands + wideBoxOperands + 2 * (rowOperands - boxOperands); }
  /// Counts the registers in which an epilogue may keep operands that it loads before their turn. How many
  /// short-lived values leave is found by what spills: more rows have more of them, and so have places of
  /// phases, loops over the taps of three axes and products of terms.
  int64_t registersAhead() const;
  /// Counts the groups of channels whose operands at the places of rows are loaded before the group's turn.
  int64_t groupsAhead() const;
  /// Counts how often a thread waits for operands at the places of rows: for each row of each group, or less
  /// often where groups are loaded ahead; never where boxes bring them.
  double loadsOfEpilogue() const;
  /// Returns whether ptxas moves what boxes have brought of several groups of channels to registers, more
  /// than there are. It does so for two operands of f32 beside sums of terms, where nothing between two
  /// groups, a cluster's barrier or another consumer's turn, keeps it from that.
  bool epilogueSpills() const;
  /// Counts the stages that a ring of what the epilogue reads needs. A consumer holds one while it waits for
  /// the next, if a tile has several parts. One that takes turns may be at its epilogue before the copies for
  /// the other's have come; of a stage that both use, it would take the phase before the other's for its own.
  /// With stages for both tiles, whoever used a stage before has had its turn since, and so has read it.
  int64_t fewestEpilogueStages() const {
    int64_t parts = epilogueFeed().parts();
    return tile.turns ? consumersOfTurns * parts : std::min<int64_t>(2, parts);
  }
  bool epilogueStagesSuffice() const {
    return tile.epilogueStages == 0 || tile.epilogueStages >= fewestEpilogueStages();
  }
  HaloPipeline pipeline() const;
  bool fits(const Processor &processor) const;
};

} // namespace kinema::nvidia

#endif

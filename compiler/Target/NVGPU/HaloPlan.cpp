#include "compiler/Target/NVGPU/HaloPlan.h"

#include "compiler/Target/NVGPU/ChannelSums.h"
#include "compiler/Target/NVGPU/ChannelVectors.h"
#include "compiler/Target/NVGPU/Contract.h"
#include "dialects/Kernel/Terms.h"
#include "dialects/Kernel/WidenedWeights.h"

#include <cmath>

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

static constexpr int64_t productBlocks = ProductShape::depth / blockChannels; // that one contracts

int64_t HaloAxis::maxShift() const {
  int64_t largest = 0;
  for (const Phase &phase : phases)
    if (phase.taps > 0)
      largest = std::max({largest, phase.firstShift, phase.firstShift + (phase.taps - 1) * shiftStep});
  return largest + reach;
}

bool HaloAxis::hasPhaseWithoutTaps() const {
  return llvm::any_of(phases, [](const Phase &phase) { return phase.taps == 0; });
}

int64_t HaloAxis::tiles() const {
  int64_t most = 0;
  for (const Phase &phase : phases)
    most = std::max(most, shape::ceilDiv(phase.count, tile));
  return most;
}

HaloAxis nvidia::haloAxis(const shape::Window &window, int axis, int64_t source, int64_t result,
                          shape::Direction direction) {
  bool forward = direction == shape::Direction::Forward;
  auto gather =
      shape::gatherAxis(window, axis, forward ? source : result, forward ? result : source, direction);
  HaloAxis halo;
  halo.resultStep = gather.resultStep;
  halo.sourceStep = halo.stagedStep = gather.sourceStep;
  halo.tapStep = gather.tapStep;
  halo.shiftStep = gather.shiftStep;
  halo.source = source;
  halo.result = result;
  std::optional<int64_t> low;
  for (const HaloAxis::Phase &phase : gather.phases)
    if (phase.taps > 0) {
      int64_t last = phase.firstShift + (phase.taps - 1) * gather.shiftStep;
      int64_t least = std::min(phase.firstShift, last);
      low = std::min(low.value_or(least), least);
    }
  halo.low = low.value_or(0);
  halo.phases = std::move(gather.phases);
  for (HaloAxis::Phase &phase : halo.phases)
    phase.firstShift -= phase.taps > 0 ? halo.low : 0;
  return halo;
}

double nvidia::meanInside(int64_t first, int64_t step, int64_t tiles, int64_t wanted, int64_t source) {
  auto insideOf = [&](int64_t tile) {
    int64_t begin = first + tile * step;
    return std::max<int64_t>(0, std::min(begin + wanted, source) - std::max<int64_t>(begin, 0));
  };
  // All tiles but some at both ends have what they want.
  int64_t low = std::clamp<int64_t>(first < 0 ? shape::ceilDiv(-first, step) : 0, 0, tiles);
  int64_t room = source - wanted - first, high = std::clamp(room < 0 ? 0 : room / step + 1, low, tiles);
  int64_t inside = (high - low) * wanted;
  for (int64_t tile = 0; tile < low; ++tile)
    inside += insideOf(tile);
  for (int64_t tile = high; tile < tiles; ++tile)
    inside += insideOf(tile);
  return double(inside) / tiles;
}

FeedAxis nvidia::feedAxis(const HaloAxis &axis, int64_t neighbours) {
  FeedAxis feed{axis.planes(), axis.extent(), axis.extent(), axis.stagedStep, axis.source};
  int64_t last = ((axis.tiles() - 1) * axis.tile + axis.extent() - 1) * axis.stagedStep + axis.planes() - 1;
  feed.covered = axis.low >= 0 && last + axis.low + neighbours - 1 < axis.source;
  feed.whole = feed.covered && axis.tiles() == 1 && axis.stagedStep == 1 && axis.planes() == 1 &&
               axis.low == 0 && axis.extent() == axis.source;
  feed.inside = meanInside(axis.low, axis.tile * axis.stagedStep, axis.tiles(), feed.span() + neighbours - 1,
                           axis.source);
  return feed;
}

NeighbourAxis nvidia::neighbourAxis(const shape::Window &window, int64_t source, int64_t result) {
  constexpr int width = 2;
  NeighbourAxis row;
  // A product contracts two groups.
  row.groups = shape::roundUp(shape::ceilDiv(window.kernel[width], 2), productBlocks);
  row.groupStep = 2 / window.stride[width];
  row.axis = haloAxis(window, width, source, result);
  row.axis.phases = {{0, result, 1, 0, 0}};
  row.axis.sourceStep = 1;
  row.axis.reach = (row.groups - 1) * row.groupStep;
  return row;
}

HaloPlan::HaloPlan(kernel::ConvOp op, const HaloTile &tile)
    : HaloPlan(tensorCoresOf(op), op.prologue(), op.getSourceType(), op.getResultType(),
               op.getWindow().getWindow(), op.getDirection() == kernel::Direction::Forward, tile) {
  auto yield = cast<kernel::YieldOp>(op.getEpilogue().front().getTerminator());
  stores = yield.countOf(kernel::Yield::Store);
  rowOperands = llvm::count_if(op.epilogue(), [](kernel::AccessOperand o) { return !o.isByChannel(); });
  latticeOperands = llvm::count_if(
      op.epilogue(), [](kernel::AccessOperand o) { return o.access == kernel::Access::Lattice; });
  for (kernel::AccessOperand operand : op.epilogue())
    if (EpilogueFeed::brings(operand)) {
      ++boxOperands;
      wideBoxOperands += rawPositionBytes(operand.getType()) > positionBytes;
    }
  channelVectors = ChannelVectors::countOf(op.epilogue());
  moments = yield.countOf(kernel::Yield::Moments);
  plainSums = yield.countOf(kernel::Yield::Sum);
  terms = op.getBf16x3() ? kernel::terms : 1;
  groups = op.getGroups() / kernel::groupsTogether(op);
  if (groups > 1)
    depthBlocks = sourceBlocks / groups;
}

HaloPlan::HaloPlan(TensorCores tensorCores, const kernel::AccessRegion &prologue, RankedTensorType sourceType,
                   RankedTensorType resultType, const shape::Window &window, bool forward,
                   const HaloTile &tile)
    : operands(prologue), tensorCores(tensorCores), forward(forward) {
  auto source = sourceType.getShape(), result = resultType.getShape();
  auto direction = forward ? shape::Direction::Forward : shape::Direction::Transposed;
  for (int axis = 0; axis < 3; ++axis)
    axes[axis] = haloAxis(window, axis, source[axis + 2], result[axis + 2], direction);
  kernel = window.kernel;
  clips = result[0];
  neighbours = std::max<int64_t>(1, stagedNeighbours(sourceType));
  groupStep = 0;
  sourceBlocks = shape::ceilDiv(source[1], 8);
  resultBlocks = shape::ceilDiv(result[1], 8);
  if (neighbours == 2) {
    NeighbourAxis row = neighbourAxis(window, source[4], result[4]);
    axes[2] = row.axis;
    kernel[2] = 1;
    sourceBlocks = row.groups;
    groupStep = row.groupStep;
  }
  depthBlocks = shape::roundUp(sourceBlocks, productBlocks);
  setTile(tile);
}

void HaloPlan::setTile(const HaloTile &other) {
  tile = other;
  for (int axis = 0; axis < 3; ++axis) {
    axes[axis].tile = tile.results[axis];
    fedAxes[axis] = feedAxis(axes[axis], axis == 2 ? neighbours : 1);
  }
}

int64_t HaloPlan::span(int first) const {
  int64_t last = 0;
  for (const HaloAxis &axis : ArrayRef(axes).drop_front(first))
    last = last * axis.extent() + axis.tile - 1;
  return last + 1;
}

bool HaloPlan::rowsAreFrames() const {
  // The tiles of a product's rows must not overlap, since sums would have some results twice.
  constexpr int64_t rows = ProductShape::rows;
  bool one = span(1) <= rows && axes[1].extent() * axes[2].extent() >= rows;
  return one && axes[0].tile < shape::ceilDiv(span(), rows);
}

int64_t HaloPlan::rowTiles() const {
  return shape::ceilDiv(rowsAreFrames() ? axes[0].tile : shape::ceilDiv(span(), ProductShape::rows),
                        roles().consumersOfTile());
}

int64_t HaloPlan::pitch() const {
  int64_t largest = 0;
  for (const HaloAxis &axis : axes)
    largest = largest * axis.extent() + axis.maxShift() / axis.sourceStep;
  int64_t rows = (roles().consumersOfTile() * rowTiles() - 1) * rowPitch() + ProductShape::rows;
  int64_t read = (planes() - 1) * planePositions() + largest + rows;
  return shape::roundUp(std::max(stagedPositions(), read), 8);
}

FeedPlan HaloPlan::feed() const {
  int64_t copiers = copiesApart() ? tile.copiers - 1 : tile.copiers;
  return {operands, fedAxes, stagedBlocks(), pitch(),        neighbours, roles().stagingThreads(),
          copiers,  terms,   tensorCores,    tile.boxes != 0};
}

EpilogueFeedPlan HaloPlan::epilogueFeed() const {
  EpilogueFeedPlan feed{{}, {}, tile.channels / blockChannels, boxOperands, wideBoxOperands};
  for (int axis = 0; axis < 3; ++axis) {
    feed.results[axis] = tile.results[axis];
    feed.steps[axis] = axes[axis].resultStep;
  }
  return feed;
}

int64_t HaloPlan::sourceStages() const {
  // One stage is read and one is filled. Where copies go there straight, more keep memory busy.
  constexpr int64_t fewest = 2, busy = 4;
  int64_t most = tile.feedStages ? mostFeedStages : busy;
  int64_t stages = fewest;
  if (feed().direct())
    stages = std::clamp(nvidia::rawStages(sourceStageBytes(), most, tile.feedStages), fewest, most);
  return std::min(stages, stepsOfSource());
}

int64_t HaloPlan::fewestSteps() const {
  int64_t steps = 1;
  for (const HaloAxis &axis : axes) {
    auto ofPhases = llvm::map_range(axis.phases, HaloAxis::stepsOf);
    steps *= *std::min_element(ofPhases.begin(), ofPhases.end());
  }
  return steps;
}

int64_t HaloPlan::weightStages() const {
  int64_t stages = nvidia::weightStages(weightStageBytes(), tile.weightStages);
  return mayStay() ? std::min(stages, stepsOfTile()) : stages;
}

double HaloPlan::stepsOfChunk() const {
  double steps = 1;
  for (const HaloAxis &axis : axes) {
    double all = 0;
    for (const HaloAxis::Phase &phase : axis.phases)
      all += HaloAxis::stepsOf(phase);
    steps *= all / axis.phases.size();
  }
  return steps;
}

bool HaloPlan::oneStep() const { return chunks() == 1 && stepsOfChunk() == 1; }

int64_t HaloPlan::positionTiles() const {
  int64_t tiles = clips * phases();
  for (const HaloAxis &axis : axes)
    tiles *= axis.tiles();
  return tiles;
}

HaloPipeline HaloPlan::pipeline() const {
  FeedPlan feed = this->feed();
  RingPlan source{"the source", sourceStages(), sourceStageBytes(),
                  (feed.copiesDoAll() ? 0 : roles().stagingThreads()) + feed.arrivalsOfStage()};
  source.refilled = stepsOfSource() > source.stages;
  RingPlan weights{"the weights", weightStages(), weightStageBytes(),
                   tensorCores == TensorCores::Warps ? roles().copyingThreads() : 1, tile.cluster};
  weights.refilled = !weightsStay();
  RingPlan raw{"the raw source", rawStages(), feed.rawBytes(), feed.arrivalsOfPart()};
  raw.refilled = stepsOfSource() * feed.parts() > raw.stages;
  RingPlan epilogue{"what the epilogue reads", tile.epilogueStages,
                    tile.epilogueStages ? epilogueFeed().stageBytes() : 0, 1};
  epilogue.refilled = tilesOfBlock() * epilogueFeed().parts() > epilogue.stages;
  HaloPipeline pipeline{{roles(), source, weights, raw, epilogue}, {}, {}, {}};
  pipeline.products = pipeline.tensorMemory.take(sumsPlan(), consumers);
  pipeline.sums = pipeline.memory.take(ChannelSums::bytes(sums(), tile.channels, roles()), positionBytes);
  pipeline.vectors =
      pipeline.memory.take(ChannelVectors::bytes(channelVectors, tile.channels), positionBytes);
  return pipeline;
}

bool HaloPlan::groupsMatch() const {
  if (groups == 1)
    return true;
  if (tile.depth % groupsOfTile() || depthBlocks * 8 % depthOfGroup())
    return false;
  return groupsOfTile() == 1
             ? groupChannels() % tile.channels == 0
             : tile.channels % groupChannels() == 0 && groups % groupsOfTile() == 0 && chunks() == 1;
}

void HaloPlan::deepenRings(const Processor &processor) {
  // With more accumulators ptxas spills where it has to count many stages.
  const int64_t mostAccumulators = tensorCores == TensorCores::Warps ? 96 : 112;
  if (sumsPlan().registers(tensorCores) > mostAccumulators)
    return;
  auto fit = [&](int64_t &stages, int64_t number) {
    stages = number;
    return pipeline().memory.bytes() <= processor.blockSharedBytes();
  };
  int64_t all = weightStages(), most = chunks() * int64_t(std::ceil(stepsOfChunk())) * tilesOfBlock();
  while (!weightsStay() && 2 * all <= mostWeightStages && all < most && fit(tile.weightStages, 2 * all))
    all *= 2;
  tile.weightStages = all;
  tile.feedStages = deepestFeed(feedStages(), [&](int64_t stages) { return fit(tile.feedStages, stages); });
}

bool HaloPlan::clustersMatch() const {
  int64_t tilesOfPhase = axes[0].tiles() * axes[1].tiles() * axes[2].tiles();
  bool samePhase = phases() == 1 || tilesOfPhase % tile.cluster == 0;
  return tile.cluster == 1 ||
         (samePhase && partials() % tile.cluster == 0 && positionTiles() % tile.cluster == 0);
}

bool HaloPlan::loopsOverAllAxes() const {
  return llvm::all_of(kernel, [](int64_t taps) { return taps > 1; });
}

int64_t HaloPlan::registersAhead() const {
  if (tensorCores == TensorCores::Warps)
    return 0;
  // In a cluster, the addresses of the other block's barriers take some, and so does the tile's number where
  // consumers have different ones.
  constexpr int64_t other = 8, ofRow = 8, ofPhases = 20, ofLoops = 32, ofTerms = 56, ofCluster = 4,
                    ofTurns = 8;
  int64_t taken = shortLivedRegisters() + other + ofRow * 2 * (rowTiles() - 1) +
                  (tile.cluster > 1 ? ofCluster : 0) + (tile.turns ? ofTurns : 0) +
                  (phases() > 1 ? ofPhases : 0) + (loopsOverAllAxes() ? ofLoops : 0) + ofTerms * (terms - 1);
  return std::max<int64_t>(0, registersOfEpilogue() - taken);
}

int64_t HaloPlan::groupsAhead() const {
  constexpr int64_t mostRegisters = 32;
  int64_t ofGroup = registersOfRow() * Contract::rowsOfThread * rowTiles();
  if (ofGroup == 0)
    return 0;
  return tile.epilogueStages ? 1 : std::min(registersAhead(), mostRegisters) / ofGroup;
}

double HaloPlan::loadsOfEpilogue() const {
  if (tile.epilogueStages || boxOperands == 0)
    return 0;
  double groups = tile.channels / blockChannels;
  int64_t ahead = groupsAhead();
  return ahead ? groups / (1 + ahead) : groups * Contract::rowsOfThread * rowTiles();
}

/// Where there is a choice, the epilogue gets room, and so do the loops over the taps of three axes and the
/// stages of another block.
int64_t HaloPlan::mostAccumulators() const {
  const bool loops = loopsOverAllAxes();
  // Fragments take registers as well: four of each tile of rows, and more where there are two terms. So do
  // the places of phases.
  constexpr int64_t ofRows = 4, ofRest = 36, ofPhases = 40;
  if (tensorCores == TensorCores::Warps)
    return (tile.producers == 2 ? 64
            : loops             ? 84
                                : 100) -
           ofRows * rowTiles() - ofRest * (terms - 1) - (phases() > 1 ? ofPhases : 0);
  int64_t most =
      tile.producers == 2 ? (rowTiles() == 1 && !loops ? 84 : 72) : (rowTiles() == 1 && !loops ? 116 : 88);
  if (tile.cluster > 1)
    most -= loops ? 16 : 8;
  if (tile.turns && terms > 1)
    most -= 8; // what ptxas spills decides
  return most;
}

bool HaloPlan::epilogueSpills() const {
  constexpr int64_t mostRegisters = 3; // of a row, for what boxes bring
  return tensorCores == TensorCores::Warpgroups && tile.epilogueStages > 0 && terms > 1 &&
         tile.cluster == 1 && !tile.turns && boxOperands + wideBoxOperands > mostRegisters;
}

bool HaloPlan::fits(const Processor &processor) const {
  // What rules out most tiles at little cost comes first. Where sums take no registers, the places of rows
  // do, which nothing else counts: with 6 tiles, ptxas spills.
  constexpr int64_t mostRowTiles = 4;
  const bool inTensorMemory = tensorCores == TensorCores::TensorMemory;
  int64_t registers = sumsPlan().registers(tensorCores);
  if (registers > mostAccumulators() || (inTensorMemory && rowTiles() > mostRowTiles) || !roles().exist() ||
      tile.channels > ProductShape::columns(roles()) || !groupsMatch() || !clustersMatch())
    return false;
  // Neighbours overlap in one staged block: all is contracted at once.
  bool whole = neighbours == 1 || tile.depth == depthBlocks * 8;
  constexpr int64_t mostPositions = 6;
  FeedPlan feed = this->feed();
  bool staged = feed.copiesDoAll() || roles().stagingThreads() > 0;
  return whole && staged && feed.keepsPositions(mostPositions) && epilogueStagesSuffice() &&
         !epilogueSpills() && pipeline().fits(processor);
}

// Decides which convs the template takes, and chooses their tiles by a model of the time.
#include "compiler/Target/Common/EvenSizes.h"
#include "compiler/Target/NVGPU/HaloConv.h"
#include "compiler/Target/NVGPU/Layouts.h"
#include "compiler/Target/NVGPU/Model.h"
#include "dialects/Kernel/Terms.h"
#include "dialects/Kernel/WidenedWeights.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;
using kernel::Access;

constexpr int64_t mostDepth = 144; // contracted channels of a stage

static bool isSupported(kernel::ConvOp op) {
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  auto taps = tapsOf(weight);
  bool exchanged = op.getDirection() == kernel::Direction::Transposed;
  if (weight.getElementType() != kernel::halfOf(op.prologue()) || !taps || taps->exchanged != exchanged ||
      !canStage(op.prologue(), taps->together))
    return false;
  // The channels of groups that share none are whole blocks, as groupsTogether has them.
  int64_t groups = op.getGroups() / kernel::groupsTogether(op);
  auto channels = weight.getShape().take_back(5).take_front(2); // O, I
  if (groups > 1 && (channels[1] % ProductShape::depth || channels[0] / groups % ProductShape::depth))
    return false;
  for (kernel::AccessOperand operand : op.epilogue())
    if (operand.access == Access::Pixel && !hasBlocks(operand.getType()))
      return false;
  return llvm::all_of(op.getResultTypes(), [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return tensor.getRank() != 5 || (op.getBf16x3() ? hasBlocks(tensor) : isBlocked(tensor));
  });
}

/// Returns whether a consumer's registers hold what the epilogue needs from its first to its last channel:
/// the accumulators and, for each row, its place in every operand and result.
static bool epilogueFits(const HaloPlan &plan) {
  return plan.registersOfEpilogue() >= plan.shortLivedRegisters();
}

/// Returns the bytes of a tile's results, and of what the epilogue reads at their positions, through L2.
static double resultBytes(kernel::ConvOp op, const HaloPlan &plan) {
  double results = plan.tile.channels;
  for (const HaloAxis &axis : plan.axes)
    results *= axis.tile;
  // Rows of results are written in whole sectors of L2.
  constexpr double sector = 32;
  double row = plan.axes[2].tile * double(rawPositionBytes(op.getResultType()));
  results *= shape::roundUp(int64_t(row), int64_t(sector)) / row;
  double bytes = op.getResultType().getElementTypeBitWidth() / 8; // of a result and the numbers beside it
  for (kernel::AccessOperand operand : op.epilogue())
    if (operand.access == Access::Pixel)
      bytes += operand.getType().getElementTypeBitWidth() / 8;
  return results * bytes;
}

/// Counts the products of a tile.
static double productsOf(const HaloPlan &plan) {
  return plan.chunks() * plan.stepsOfChunk() * (plan.tile.depth / ProductShape::depth) * plan.rowTiles() *
         plan.roles().consumersOfTile();
}

/// Counts the results of these, with those that are dropped.
static double resultsOf(const HaloPlan &plan) {
  return plan.rowTiles() * double(ProductShape::rows) * plan.roles().consumersOfTile() * plan.tile.channels;
}

/// Returns what tiles of the plan's size ask for whoever stages and copies: products, epilogues and memory.
static Work workOfProducts(kernel::ConvOp op, const HaloPlan &plan, const kernel::Traffic &traffic,
                           const Rates &rates) {
  Work work{plan.grid()};
  work.tiles = plan.tilesOfBlock();
  work.turns = plan.tile.turns != 0;
  work.matrix = kernel::productsOfMac(op) * productsOf(plan) *
                cyclesOfProduct(rates, plan.tensorCores, plan.channelsOfGroup(), plan.productsTogether());
  work.after = cyclesOfEpilogue(rates, resultsOf(plan), op.getEpilogueOperands().size(), plan.sums());
  work.memory = bytesOf(traffic);
  return work;
}

static Work workOf(kernel::ConvOp op, const HaloPlan &plan, const kernel::Traffic &traffic,
                   const Rates &rates) {
  double taps = plan.stepsOfChunk(), products = productsOf(plan);
  Work work = workOfProducts(op, plan, traffic, rates);
  FeedPlan feed = plan.feed();
  work.staging = plan.chunks() * feed.cyclesOfThreads(rates);
  const double bringsOfWeights = plan.weightsStay() ? 1.0 / plan.tilesOfBlock() : 1; // a tile
  work.shared = kernel::productsOfMac(op) * products *
                    bytesOfProduct(plan.tensorCores, plan.channelsOfGroup(), plan.productsTogether()) +
                plan.chunks() * (feed.sharedBytes() + bringsOfWeights * taps * plan.weightStageBytes());
  if (plan.tile.epilogueStages) // boxes bring it, and threads load it
    work.shared += 2.0 * plan.epilogueFeed().boxBytes();
  double ofEpilogue = plan.tile.epilogueStages ? plan.epilogueFeed().cyclesOfCopies(rates) : 0;
  double ofSource = feed.cyclesOfCopies(rates) + ofEpilogue / plan.chunks(),
         ofWeights = bringsOfWeights * taps * plan.cyclesOfWeightCopies(rates);
  work.copying = plan.chunks() * (plan.copiesApart() ? std::max(ofSource, ofWeights) : ofSource + ofWeights);
  // Consumers free a stage of the source once products of the next one have begun.
  constexpr double heldSourceStages = 1.5;
  work.source = {plan.chunks() * feed.sectorBytes(),
                 feed.direct()
                     ? std::max(0.0, plan.sourceStages() - heldSourceStages) * plan.sourceStageBytes()
                     : double((plan.rawStages() - 1) * feed.rawBytes()),
                 rates.copyLatency};
  // In a cluster, a warp tells the other block as well that it has read a stage.
  constexpr double forOther = 0.25;
  work.steps = plan.oneStep() ? 0 : plan.chunks() * taps * (1 + forOther * (plan.tile.cluster - 1));
  work.weights = {
      bringsOfWeights * plan.chunks() * taps * plan.weightStageBytes(),
      plan.weightsStay() ? 0.0 : double((plan.weightStages() - heldWeightStages) * plan.weightStageBytes()),
      rates.cachedLatency};
  work.cached = work.source.bytes + work.weights.bytes / plan.tile.cluster + resultBytes(op, plan);
  if (readSharedMemory(plan.tensorCores))
    work.waits = plan.loadsOfEpilogue() * rates.latency * rates.clock();
  return work;
}

/// Returns a lower bound of workOf for all tiles of the plan's size, whatever producers, copiers, clusters,
/// stages and turns they have. The plan is one of turns where tensor cores allow them, since its tiles have
/// the fewest rows.
static Work leastWorkOf(kernel::ConvOp op, const HaloPlan &plan, const kernel::Traffic &traffic,
                        const Rates &rates) {
  const double products = kernel::productsOfMac(op) * productsOf(plan);
  Work work = workOfProducts(op, plan, traffic, rates);
  FeedPlan feed = plan.feed();
  work.shared = products * bytesOfProduct(plan.tensorCores, plan.channelsOfGroup(), plan.productsTogether()) +
                plan.chunks() * feed.leastSharedBytes();
  work.steps = plan.oneStep() ? 0 : plan.chunks() * plan.stepsOfChunk();
  work.cached = plan.chunks() * feed.sectorBytes() + resultBytes(op, plan);
  // With turns, secondsOf counts one warpgroup's epilogue twice; without, two warpgroups share one of at
  // least as many results. Half of it is no more than either.
  work.after /= plan.roles().groupsOfConsumers();
  return work;
}

/// Returns the seconds that the merge attached to this kernel adds to it.
static double secondsOfAttached(kernel::ConvOp op, const HaloPlan &plan, const Rates &rates) {
  auto def = dyn_cast<kernel::DefOp>(op->getParentOp());
  kernel::FinalizeOp attached = def ? def.getAttached() : kernel::FinalizeOp();
  if (!attached)
    return 0;
  auto partials = cast<RankedTensorType>(attached.getPartials().getType());
  return secondsOfMerge(rates, 4.0 * partials.getDimSize(0) * partials.getDimSize(1) * plan.tile.channels);
}

Work kinema::nvidia::workOfHalo(kernel::ConvOp op, const Rates &rates) {
  return workOf(op, haloPlanOf(op), kernel::trafficOf(op), rates);
}

Prediction kinema::nvidia::predictHalo(kernel::ConvOp op, const Processor &processor) {
  HaloPlan plan = haloPlanOf(op);
  Prediction prediction =
      predictionOf(processor.rates, workOf(op, plan, kernel::trafficOf(op), processor.rates));
  prediction.seconds += secondsOfAttached(op, plan, processor.rates);
  return prediction;
}

static kernel::ScheduleAttr scheduleOf(kernel::ConvOp op, const HaloPlan &plan) {
  auto tile = plan.tile;
  tile.feedStages = plan.feedStages();
  tile.weightStages = plan.weightStages();
  return makeSchedule(op, HaloTile::schedule(plan.tensorCores),
                      {plan.grid(), plan.pipeline().memory.bytes(), plan.partials(), plan.roles().threads()},
                      tile);
}

/// Returns one block for each multiprocessor, if there are as many tiles, so that barriers are made and
/// stages filled once.
static int64_t blocksOf(const HaloPlan &plan, const Rates &rates) {
  int64_t together = plan.channelTiles(), shares = std::max<int64_t>(1, rates.multiprocessors / together);
  if (shares > plan.tile.cluster)
    shares -= shares % plan.tile.cluster;
  return std::min(plan.positionTiles(), shares) * together;
}

/// Returns a lower bound of the seconds of all tiles of the plan's size. Changes the plan's other parameters.
static double boundOfSize(kernel::ConvOp op, HaloPlan &plan, const kernel::Traffic &traffic,
                          const Rates &rates) {
  plan.tile.turns = readSharedMemory(plan.tensorCores);
  plan.tile.blocks = blocksOf(plan, rates);
  return boundOf(rates, leastWorkOf(op, plan, traffic, rates));
}

double kinema::nvidia::boundOfHalo(kernel::ConvOp op, const HaloTile &tile, const Processor &processor) {
  HaloPlan plan(op, {tile.results, tile.channels, tile.depth});
  return boundOfSize(op, plan, kernel::trafficOf(op), processor.rates);
}

/// Returns how many warps may share the copies: where these go straight to the stages, all producers; else
/// some of them stage what comes.
static SmallVector<int64_t> copiersOfWarps(HaloPlan plan, const HaloTile &tile) {
  plan.setTile(tile);
  int64_t all = warpsOfGroup * tile.producers;
  if (plan.feed().direct())
    return {all};
  SmallVector<int64_t> some;
  for (int64_t copiers = tile.producers; copiers < all; copiers += tile.producers)
    some.push_back(copiers);
  return some;
}

namespace {
class Search {
public:
  Search(kernel::ConvOp op, const Processor &processor)
      : op(op), processor(processor), rates(processor.rates), traffic(kernel::trafficOf(op)),
        whole(op, {{1, 1, 1}, blockChannels, ProductShape::depth}), plan(whole) {}

  SmallVector<Candidate> run();

private:
  SmallVector<int64_t> depthsOf(int64_t channels);
  SmallVector<int64_t> columnsOfTiles() const;
  void considerPositions(const shape::Size3 &results);
  void considerRoles(HaloTile tile);
  bool wants(const HaloTile &tile);
  bool feedEpilogue();
  void considerCopiers(HaloTile tile);
  std::optional<Work> considerTurns(HaloTile tile);
  std::optional<Work> consider(const HaloTile &tile);

  kernel::ConvOp op;
  const Processor &processor;
  const Rates &rates;
  kernel::Traffic traffic;
  const HaloPlan whole; // of tiles of one result
  HaloPlan plan;        // of the tile that is considered
  Best best;
};
} // namespace

/// Lets boxes bring what the epilogue reads, where there is room for what consumers work on or, if they take
/// turns, for what both do. Returns whether it does, and the plan fits.
bool Search::feedEpilogue() {
  if (!plan.mayFeedEpilogue())
    return false;
  plan.tile.epilogueStages = plan.roles().groupsOfConsumers() * plan.epilogueFeed().parts();
  if (plan.fits(processor) && epilogueFits(plan))
    return true;
  plan.tile.epilogueStages = 0;
  return false;
}

/// Returns what the tile asks for; nothing where it does not fit.
std::optional<Work> Search::consider(const HaloTile &tile) {
  plan.setTile(tile);
  plan.tile.blocks = blocksOf(plan, rates);
  if (!plan.fits(processor)) {
    if (tile.weightStages != 0)
      return std::nullopt;
    plan.tile.weightStages = fewestWeightStages;
    if (!plan.fits(processor))
      return std::nullopt;
  }
  if (!feedEpilogue() && !epilogueFits(plan))
    return std::nullopt;
  Work work = workOf(op, plan, traffic, rates);
  if (best.wants(leastSecondsOf(rates, work))) {
    plan.deepenRings(processor);
    work = workOf(op, plan, traffic, rates);
    best.consider(secondsOf(rates, work), [&] { return scheduleOf(op, plan); });
  }
  return work;
}

/// Considers a tile as it is and, where a block has several, also with consumers that take turns, with
/// weights that stay, and with both. Returns the first one's work.
std::optional<Work> Search::considerTurns(HaloTile tile) {
  tile.turns = tile.weightStages = 0;
  std::optional<Work> work = consider(tile);
  if (!work || work->tiles == 1)
    return work;
  SmallVector<int64_t> weightStages = {0};
  if (plan.mayStay() && !plan.weightsStay() && plan.stepsOfTile() <= mostStayingStages)
    weightStages.push_back(plan.stepsOfTile());
  for (int64_t stages : weightStages)
    for (int64_t turns : {0, 1}) {
      tile.weightStages = stages;
      tile.turns = turns;
      if (stages || turns)
        consider(tile);
    }
  return work;
}

/// Considers a tile, and in a cluster if it waits for L2, which blocks then share; with one more copying warp
/// as long as it waits for them. These take threads from the prologue. The last copying warp brings the
/// weights, so that neither waits for the other, and one warp is left that stages. One thread begins all
/// boxes.
void Search::considerCopiers(HaloTile tile) {
  tile.boxes = 1;
  plan.setTile(tile);
  tile.boxes = plan.feed().boxes();
  int64_t most = tile.boxes ? 2 : warpsOfGroup * tile.producers - 1;
  for (int64_t copiers = 2; copiers <= most; ++copiers) {
    tile.copiers = copiers;
    tile.cluster = 1;
    std::optional<Work> work = considerTurns(tile);
    if (!work)
      return;
    double products = std::max(work->matrix, work->staging), L2 = work->cached / rates.cachedPerCycle;
    tile.cluster = 2;
    if (L2 > products)
      considerTurns(tile);
    if (work->copying < std::max(L2, products))
      return;
    work->copying = 0; // the most that one more can bring
    if (!best.wants(leastSecondsOf(rates, *work)))
      return;
  }
}

/// Returns whether tiles of this size may be among the best.
bool Search::wants(const HaloTile &tile) {
  plan.setTile(tile);
  return best.wants(boundOfSize(op, plan, traffic, rates));
}

void Search::considerRoles(HaloTile tile) {
  if (!wants(tile))
    return;
  for (int64_t producers : {1, 2}) {
    tile.producers = producers;
    if (readSharedMemory(plan.tensorCores)) {
      considerCopiers(tile);
      continue;
    }
    for (int64_t copiers : copiersOfWarps(plan, tile)) {
      tile.copiers = copiers;
      consider(tile);
    }
  }
}

/// Returns how many channels of the source a stage may have, for tiles of so many of the result.
SmallVector<int64_t> Search::depthsOf(int64_t channels) {
  plan.tile.channels = channels;
  int64_t all = whole.depthBlocks * blockChannels;
  if (int64_t together = plan.groupsOfTile(); together > 1)
    return {together * all}; // of several groups, all
  if (whole.neighbours > 1)
    return {all}; // those that overlap are contracted together
  SmallVector<int64_t> depths = {16, 32, 48, 64};
  // A step costs warpgroups so much that deeper ones pay, if they leave no part of one over. The least deep
  // one comes last, so that another is chosen where the model sees no difference: an H100 was 10% slower with
  // it.
  for (int64_t depth = 80; depth <= mostDepth; depth += ProductShape::depth)
    if (readSharedMemory(plan.tensorCores) && all % depth == 0)
      depths.push_back(depth);
  if (readSharedMemory(plan.tensorCores))
    std::rotate(depths.begin(), depths.begin() + 1, depths.end());
  return depths;
}

/// Returns how many columns a tile may have. Of narrower ones the halo is the most, and their results are
/// stored in parts of sectors; but strides bring longer rows, of which wide tiles may not fit.
SmallVector<int64_t> Search::columnsOfTiles() const {
  bool shortRows = readSharedMemory(plan.tensorCores) && whole.axes[2].sourceStep == 1;
  const int64_t all = whole.axes[2].tiles(), narrowest = std::min<int64_t>(shortRows ? 7 : 1, all);
  SmallVector<int64_t> sizes(evenSizes(all));
  // Of an odd number of columns, rows begin or end within a sector of L2. An H100 took up to four times as
  // long for some of these tiles; why is not known.
  auto wholeSectors = [&](int64_t columns) {
    return plan.tensorCores == TensorCores::Warps || columns == all || columns % 2 == 0;
  };
  llvm::erase_if(sizes, [&](int64_t columns) { return columns < narrowest || !wholeSectors(columns); });
  return sizes;
}

void Search::considerPositions(const shape::Size3 &results) {
  constexpr int64_t mostPositions = 512;
  if (shape::product(results) > mostPositions)
    return;
  for (int64_t parts = 1; parts <= whole.resultBlocks; ++parts) {
    int64_t channels = whole.resultBlocks / parts * blockChannels;
    if (whole.resultBlocks % parts || channels > ProductShape::mostColumns)
      continue;
    for (int64_t depth : depthsOf(channels))
      considerRoles({results, channels, depth});
  }
}

SmallVector<Candidate> Search::run() {
  // As many tiles of one result as the largest phase has results.
  for (int64_t frames : evenSizes(whole.axes[0].tiles()))
    for (int64_t rows : evenSizes(whole.axes[1].tiles()))
      for (int64_t columns : columnsOfTiles())
        considerPositions({frames, rows, columns});
  return best.take();
}

SmallVector<Candidate> kinema::nvidia::haloCandidates(kernel::ConvOp op, const Processor &processor) {
  return isSupported(op) ? Search(op, processor).run() : SmallVector<Candidate>();
}

kernel::ScheduleAttr kinema::nvidia::remakeHalo(kernel::ConvOp op, const Processor &processor,
                                                ScheduleParameters &parameters) {
  if (!isSupported(op))
    return {};
  HaloPlan plan(op, {{1, 1, 1},
                     blockChannels,
                     ProductShape::depth}); // of tiles of one result: as many as the largest phase has
  HaloTile tile;
  parameters.read(tile);
  for (int axis = 0; axis < 3; ++axis)
    parameters.check(tile.results[axis], 1, plan.axes[axis].tiles());
  int64_t channels = plan.resultBlocks * blockChannels, all = plan.depthBlocks * blockChannels;
  parameters.check(tile.channels, blockChannels, std::min(channels, ProductShape::mostColumns),
                   blockChannels);
  if (plan.neighbours > 1)
    parameters.check(tile.depth, all, all);
  else
    parameters.check(tile.depth, ProductShape::depth,
                     plan.groups > 1 ? plan.sourceBlocks * blockChannels : mostDepth, ProductShape::depth);
  if (channels % tile.channels)
    parameters.fault() << "channels are " << tile.channels << ", expected a part of the result's "
                       << channels;
  parameters.check(tile.producers, 1, 2);
  bool byWarps = plan.tensorCores == TensorCores::Warps;
  // On warpgroups' tensor cores, one warp at least stages what comes.
  parameters.check(tile.copiers, 1, warpsOfGroup * tile.producers - (byWarps ? 0 : 1));
  parameters.check(tile.cluster, 1, byWarps ? 1 : 2);
  parameters.check(tile.feedStages, 0, mostFeedStages);
  parameters.check(tile.weightStages, byWarps ? heldWeightStages : 1,
                   byWarps ? mostWeightStages : mostStayingStages);
  parameters.check(tile.boxes, 0, 1);
  parameters.check(tile.turns, 0, byWarps ? 0 : 1);
  parameters.check(tile.epilogueStages, 0, mostEpilogueStages);
  if (parameters.failed())
    return {};
  plan.setTile(tile);
  if (tile.boxes && !plan.feed().boxes()) {
    parameters.fault() << noBoxes;
    return {};
  }
  if (tile.epilogueStages && !plan.mayFeedEpilogue()) {
    parameters.fault() << "epilogue_stages is " << tile.epilogueStages
                       << ", expected 0: the copy engine brings nothing of what the epilogue reads";
    return {};
  }
  if (!plan.weightsStay() && plan.weightStages() < heldWeightStages) {
    parameters.fault() << "weight_stages is " << plan.weightStages() << ", expected at least "
                       << heldWeightStages << ", since consumers hold as many";
    return {};
  }
  if (!plan.groupsMatch()) {
    parameters.fault() << "tiles of " << tile.channels << " channels and " << tile.depth
                       << " contracted ones cut the groups of " << plan.groupChannels();
    return {};
  }
  int64_t together = plan.channelTiles(), tiles = plan.tiles();
  plan.tile.blocks = parameters.readGrid(together, tiles, together);
  if (!plan.clustersMatch())
    parameters.fault()
        << "blocks of a cluster would have other tiles than each other, expected a cluster of 1";
  else if (!plan.epilogueStagesSuffice())
    parameters.fault() << "epilogue_stages is " << tile.epilogueStages << ", expected 0 or at least "
                       << plan.fewestEpilogueStages()
                       << ", since consumers hold some of them while they wait for others";
  else if (!plan.fits(processor) || !epilogueFits(plan))
    parameters.fault() << "tiles take more shared memory or registers than a block has";
  return parameters.failed() ? kernel::ScheduleAttr() : scheduleOf(op, plan);
}

kernel::ScheduleAttr kinema::nvidia::haloSchedule(kernel::ConvOp op, const HaloTile &tile) {
  return scheduleOf(op, HaloPlan(op, tile));
}

HaloPlan kinema::nvidia::haloPlanOf(kernel::ConvOp op) {
  auto tile = parametersOf<HaloTile>(*op.getSchedule());
  tile.blocks = op.getSchedule()->getGrid();
  return HaloPlan(op, tile);
}

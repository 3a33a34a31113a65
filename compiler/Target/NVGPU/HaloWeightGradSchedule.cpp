// Decides which weight gradients the template takes, and chooses their tiles by a model of the time.
#include "compiler/Target/Common/EvenSizes.h"
#include "compiler/Target/NVGPU/HaloWeightGrad.h"
#include "compiler/Target/NVGPU/Layouts.h"
#include "compiler/Target/NVGPU/Model.h"
#include "dialects/Kernel/Terms.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

static bool isSupported(kernel::WeightGradOp op) {
  auto result = cast<RankedTensorType>(op.getResult().getType());
  if (!op.getGradientType() || !op.getActivationType() || !result.getElementType().isF32() ||
      !canStage(op.gradient()) || kernel::halfOf(op.gradient()) != kernel::halfOf(op.activation()))
    return false;
  if (op.getGroups() > 1)
    return kernel::layoutOf(result) == groupedLayout(op.getContext(), result.getRank()) &&
           canStage(op.activation());
  auto taps = tapsOf(result);
  return taps && !taps->exchanged && canStage(op.activation(), taps->together);
}

static constexpr double storedPerCycle = 32; // bytes

/// Counts the products of a tile of positions.
static double productsOf(const HaloWeightGradPlan &plan) {
  return double(plan.tile.consumers) * plan.productsOfConsumer() * plan.contracted() / ProductShape::depth;
}

/// Returns the bytes of a block's results.
static double resultBytes(const HaloWeightGradPlan &plan) {
  return 4.0 * plan.resultsOfBlock() * plan.boxTaps();
}

/// Returns what a plan asks for whoever stages and copies: products and memory.
static Work workOfProducts(kernel::WeightGradOp op, const HaloWeightGradPlan &plan,
                           const kernel::Traffic &traffic, const Rates &rates) {
  const HaloWeightGradTile &tile = plan.tile;
  Work work{plan.grid()};
  work.matrix = kernel::productsOfMac(op) * plan.tilesOfChunk() * productsOf(plan) *
                cyclesOfProduct(rates, plan.tensorCores, tile.columns, plan.productsTogether());
  // Partials are written here and read by the kernel that adds them up.
  double partials =
      4.0 * tile.chunks * plan.outputs * plan.inputs / plan.groups * shape::product(plan.kernel);
  work.memory = traffic.reads + 2 * partials;
  return work;
}

static Work workOf(kernel::WeightGradOp op, const HaloWeightGradPlan &plan, const kernel::Traffic &traffic,
                   const Rates &rates) {
  const HaloWeightGradTile &tile = plan.tile;
  FeedPlan gradient = plan.gradientFeed(), activation = plan.activationFeed();
  int64_t tiles = plan.tilesOfChunk();
  double products = productsOf(plan);
  double staging = gradient.cyclesOfThreads(rates) + activation.cyclesOfThreads(rates);
  double copying = gradient.cyclesOfCopies(rates) + activation.cyclesOfCopies(rates);
  double results = resultBytes(plan);
  Work work = workOfProducts(op, plan, traffic, rates);
  work.shared = tiles * (kernel::productsOfMac(op) * products *
                             bytesOfProduct(plan.tensorCores, tile.columns, plan.productsTogether()) +
                         gradient.sharedBytes() + activation.sharedBytes());
  work.staging = tiles * staging;
  work.copying = tiles * copying;
  work.source = {tiles * (gradient.sectorBytes() + activation.sectorBytes()),
                 double(plan.rawStages() > 1 ? (plan.rawStages() - 1) * plan.rawBytes() : plan.stageBytes()),
                 rates.copyLatency};
  work.cached = results + work.source.bytes;
  // Nothing overlaps with the staging of the first tile, nor with the last products and stores.
  work.after = std::max(staging, copying) + work.matrix / tiles + results / storedPerCycle;
  return work;
}

namespace {
/// States what a tile of positions brings at least, whoever stages and copies.
struct LeastFeed {
  explicit LeastFeed(HaloWeightGradPlan plan) {
    plan.tile.boxes = 0; // which bring more
    FeedPlan gradient = plan.gradientFeed(), activation = plan.activationFeed();
    sectors = gradient.sectorBytes() + activation.sectorBytes();
    shared = gradient.leastSharedBytes() + activation.leastSharedBytes();
  }
  double sectors, shared; // bytes
};
} // namespace

/// Returns a lower bound of workOf for all copiers, boxes and stages of a plan with these chunks.
static Work leastWorkOf(kernel::WeightGradOp op, const HaloWeightGradPlan &plan, const LeastFeed &feed,
                        const kernel::Traffic &traffic, const Rates &rates) {
  double tiles = plan.tilesOfChunk(), products = kernel::productsOfMac(op) * productsOf(plan);
  Work work = workOfProducts(op, plan, traffic, rates);
  work.shared =
      tiles *
      (products * bytesOfProduct(plan.tensorCores, plan.tile.columns, plan.productsTogether()) + feed.shared);
  work.cached = resultBytes(plan) + tiles * feed.sectors;
  work.after = work.matrix / tiles + resultBytes(plan) / storedPerCycle;
  return work;
}

Prediction kinema::nvidia::predictHaloWeightGrad(kernel::WeightGradOp op, const Processor &processor) {
  return predictionOf(processor.rates,
                      workOf(op, haloWeightGradPlanOf(op), kernel::trafficOf(op), processor.rates));
}

static kernel::ScheduleAttr scheduleOf(kernel::WeightGradOp op, const HaloWeightGradPlan &plan) {
  auto tile = plan.tile;
  tile.feedStages = plan.rawStages();
  return makeSchedule(op, HaloWeightGradTile::schedule(plan.tensorCores),
                      {plan.grid(), plan.pipeline().memory.bytes(), std::nullopt, plan.roles().threads()},
                      tile);
}

namespace {
class Search {
public:
  Search(kernel::WeightGradOp op, const Processor &processor)
      : op(op), processor(processor), traffic(kernel::trafficOf(op)) {}

  SmallVector<Candidate> run();

private:
  void considerPositions(HaloWeightGradTile tile, const HaloWeightGradPlan &whole);
  void considerProducts(HaloWeightGradPlan &plan);
  void considerCopiers(HaloWeightGradPlan &plan);
  Work considerChunks(HaloWeightGradPlan &plan);
  void setChunks(HaloWeightGradPlan &plan, int64_t wave) const;
  bool wants(HaloWeightGradPlan plan) const;

  kernel::WeightGradOp op;
  const Processor &processor;
  kernel::Traffic traffic;
  Best best;
};
} // namespace

static constexpr int64_t waves = 3; // of blocks, at most

/// Makes as many parts of all positions as fill the multiprocessors `wave` times.
void Search::setChunks(HaloWeightGradPlan &plan, int64_t wave) const {
  plan.tile.chunks = std::clamp<int64_t>(wave * processor.rates.multiprocessors / plan.blocksOfChunk(), 1,
                                         plan.positionTiles());
  plan.tile.chunks = shape::ceilDiv(plan.positionTiles(), plan.tilesOfChunk()); // none empty
}

/// Returns whether tiles of this size may be among the best.
bool Search::wants(HaloWeightGradPlan plan) const {
  const LeastFeed feed(plan);
  for (int64_t wave = 1; wave <= waves; ++wave) {
    setChunks(plan, wave);
    Work least = leastWorkOf(op, plan, feed, traffic, processor.rates);
    if (best.wants(boundOf(processor.rates, least)))
      return true;
  }
  return false;
}

/// Considers as many parts of all positions as fill the multiprocessors once, twice, ... Returns the work of
/// the last.
Work Search::considerChunks(HaloWeightGradPlan &plan) {
  const Rates &rates = processor.rates;
  Work work{0};
  for (int64_t wave = 1; wave <= waves; ++wave) {
    setChunks(plan, wave);
    plan.tile.feedStages = 0;
    work = workOf(op, plan, traffic, rates);
    if (!best.wants(leastSecondsOf(rates, work)) || !plan.fits(processor)) // fewer chunks have longer rings
      continue;
    plan.deepenRing(processor);
    work = workOf(op, plan, traffic, rates);
    best.consider(secondsOf(rates, work), [&] { return scheduleOf(op, plan); });
  }
  return work;
}

/// Considers more copying warps, which take threads from the prologues, where one is waited for.
void Search::considerCopiers(HaloWeightGradPlan &plan) {
  plan.tile.copiers = 1; // the fewest
  if (!plan.hasAccumulators() || !wants(plan))
    return;
  const Rates &rates = processor.rates;
  int64_t all = warpsOfGroup * plan.tile.producers;
  plan.tile.boxes = 1;
  plan.tile.boxes = plan.hasBoxes();
  bool boxesAlone = plan.gradientFeed().boxes() && plan.activationFeed().boxes(); // one thread begins them
  auto numbers = llvm::to_vector(llvm::seq<int64_t>(1, boxesAlone ? 2 : all));
  if (plan.tensorCores == TensorCores::Warps && plan.gradientFeed().direct() &&
      plan.activationFeed().direct())
    numbers = {all}; // nothing is left to stage
  for (int64_t copiers : numbers) {
    plan.tile.copiers = copiers;
    plan.tile.feedStages = 0;
    if (!plan.fits(processor))
      return;
    Work work = considerChunks(plan);
    if (work.copying < std::max({work.matrix, work.staging, work.cached / rates.cachedPerCycle}))
      return;
    work.copying = 0; // the most that more warps can bring
    if (!best.wants(leastSecondsOf(rates, work)))
      return;
  }
}

void Search::considerProducts(HaloWeightGradPlan &plan) {
  constexpr int64_t step = ProductShape::rows;
  HaloWeightGradTile &tile = plan.tile;
  for (bool outputRows : {true, false}) {
    if (!outputRows && plan.neighbours > 1)
      continue; // inputs that overlap must all be columns
    tile.outputRows = outputRows;
    tile.rows = step;
    int64_t rows = plan.allRows(), columns = plan.columnsOfRows(); // in groups, those of 64 rows
    for (int64_t size : evenSizes(shape::ceilDiv(columns, blockChannels)))
      for (tile.rows = step; tile.rows < rows + step && size <= 32; tile.rows += step)
        for (Roles roles : {Roles{1, 2}, Roles{1, 3}, Roles{2, 2}}) {
          tile.producers = roles.producers;
          tile.consumers = roles.consumers;
          tile.columns = size * blockChannels;
          considerCopiers(plan);
        }
  }
}

void Search::considerPositions(HaloWeightGradTile tile, const HaloWeightGradPlan &whole) {
  // Fewer positions leave threads of the producers idle, more fill shared memory; narrow tiles are nearly all
  // halo.
  constexpr int64_t fewest = 96, most = 512, narrowest = 14;
  int64_t all = 1;
  for (const HaloAxis &axis : whole.axes)
    all *= axis.tiles();
  for (int64_t frames : evenSizes(whole.axes[0].tiles()))
    for (int64_t rows : evenSizes(whole.axes[1].tiles()))
      for (int64_t columns : evenSizes(whole.axes[2].tiles())) {
        int64_t positions = frames * rows * columns;
        if (positions > most || positions < std::min(fewest, all) ||
            columns < std::min(narrowest, whole.axes[2].tiles()))
          continue;
        tile.results = {frames, rows, columns};
        HaloWeightGradPlan plan(op, tile);
        considerProducts(plan);
      }
}

SmallVector<Candidate> Search::run() {
  HaloWeightGradTile tile = {{1, 1, 1}, {1, 1, 1}, true, ProductShape::rows, blockChannels, 2, 1, 1};
  HaloWeightGradPlan whole(op, tile); // cut into single positions
  auto sizes = [](int64_t taps) {
    return taps == 1 ? SmallVector<int64_t>{1} : SmallVector<int64_t>{taps, 1};
  };
  for (int64_t t : sizes(whole.kernel[0]))
    for (int64_t h : sizes(whole.kernel[1]))
      for (int64_t w : sizes(whole.kernel[2])) {
        tile.taps = {t, h, w};
        considerPositions(tile, whole);
      }
  return best.take();
}

SmallVector<Candidate> kinema::nvidia::haloWeightGradCandidates(kernel::WeightGradOp op,
                                                                const Processor &processor) {
  return isSupported(op) ? Search(op, processor).run() : SmallVector<Candidate>();
}

/// Checks what was read of the parameters, except the chunks.
static void checkTile(HaloWeightGradTile &tile, const HaloWeightGradPlan &whole,
                      ScheduleParameters &parameters) {
  constexpr int64_t rows = ProductShape::rows;
  for (int axis = 0; axis < 3; ++axis) {
    parameters.check(tile.results[axis], 1, whole.axes[axis].tiles());
    parameters.check(tile.taps[axis], 1, whole.kernel[axis]);
  }
  bool overlaps = whole.neighbours > 1; // inputs that overlap must all be columns
  parameters.check(tile.outputRows, overlaps ? 1 : 0, 1);
  int64_t all = tile.outputRows ? whole.outputs : whole.inputs;
  parameters.check(tile.rows, rows, shape::roundUp(all, rows), rows);
  parameters.check(tile.columns, blockChannels, ProductShape::mostColumns, blockChannels);
  parameters.check(tile.producers, 1, 2);
  parameters.check(tile.consumers, 2, 3);
  bool byWarps = whole.tensorCores == TensorCores::Warps; // else one warp at least stages what comes
  parameters.check(tile.copiers, 1, warpsOfGroup * tile.producers - (byWarps ? 0 : 1));
  parameters.check(tile.feedStages, 0, mostFeedStages);
  parameters.check(tile.boxes, 0, 1);
}

kernel::ScheduleAttr kinema::nvidia::remakeHaloWeightGrad(kernel::WeightGradOp op, const Processor &processor,
                                                          ScheduleParameters &parameters) {
  if (!isSupported(op))
    return {};
  HaloWeightGradPlan whole(op, {{1, 1, 1}, {1, 1, 1}, true, ProductShape::rows, blockChannels, 2, 1, 1});
  HaloWeightGradTile tile;
  parameters.read(tile);
  checkTile(tile, whole, parameters);
  if (parameters.failed())
    return {};
  HaloWeightGradPlan plan(op, tile);
  parameters.check(tile.chunks, 1, plan.positionTiles());
  plan.tile.chunks = tile.chunks;
  if (tile.boxes && !plan.hasBoxes())
    parameters.fault() << noBoxes;
  else if (plan.tensorCores == TensorCores::TensorMemory && !plan.everyChunkHasTiles())
    parameters.fault() << "partials are " << tile.chunks << ", of which the last would be of no positions";
  else if (!plan.fits(processor))
    parameters.fault() << "tiles take more shared memory or registers than a block has";
  return parameters.failed() ? kernel::ScheduleAttr() : scheduleOf(op, plan);
}

kernel::ScheduleAttr kinema::nvidia::haloWeightGradSchedule(kernel::WeightGradOp op,
                                                            const HaloWeightGradTile &tile) {
  return scheduleOf(op, HaloWeightGradPlan(op, tile));
}

HaloWeightGradPlan kinema::nvidia::haloWeightGradPlanOf(kernel::WeightGradOp op) {
  return HaloWeightGradPlan(op, parametersOf<HaloWeightGradTile>(*op.getSchedule()));
}

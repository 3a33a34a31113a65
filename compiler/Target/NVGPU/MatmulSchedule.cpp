// Decides which products of matrices the template takes, and chooses their tiles by a model of the time.
#include "compiler/Target/Common/EvenSizes.h"
#include "compiler/Target/NVGPU/Matmul.h"
#include "compiler/Target/NVGPU/Model.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

static constexpr int64_t mostDepth = 128, fewestStages = 2, mostStages = 8;
static constexpr int64_t mostPositions = 2 * MatmulPlan::rowsOfConsumers;

static int64_t mostCluster(const Processor &processor) {
  return readSharedMemory(processor.tensorCores) ? 2 : 1;
}

static bool isSupported(kernel::MatmulOp op) {
  auto halfOf = [](Value value) { return getElementTypeOrSelf(value); };
  return halfOf(op.getLhs()) == halfOf(op.getRhs()) &&
         llvm::all_of(ArrayRef<Value>{op.getLhs(), op.getRhs(), op.getResult()},
                      [](Value value) { return isBlocked(cast<RankedTensorType>(value.getType())); });
}

/// Returns the cycles in which the copying threads begin the copies of a stage.
static double cyclesOfCopies(const MatmulPlan &plan, const Rates &rates) {
  if (!plan.copiesPositions())
    return (plan.right.runs() + double(plan.left.runs()) / plan.tile.cluster) * rates.copyCycles;
  int64_t threads = plan.roles().copyingThreads();
  auto ofSide = [&](const MatmulSide &side) { return shape::ceilDiv(side.stagedPositions(), threads); };
  return double(ofSide(plan.right) + ofSide(plan.left)) * rates.copyCycles;
}

static Work workOf(const MatmulPlan &plan, const kernel::Traffic &traffic, const Rates &rates) {
  const MatmulTile &tile = plan.tile;
  double products = double(tile.depth) / ProductShape::depth * plan.rowTiles() * MatmulPlan::consumers;
  double results = double(tile.positions) * tile.channels;
  double cached = plan.right.bytes() + double(plan.left.bytes()) / tile.cluster; // of a stage
  // A stage is filled while the others are waited for or worked on.
  double filled = cached / rates.cachedPerCycle + rates.latency * rates.clock();
  Work work{plan.grid()};
  work.tiles = plan.tilesOfBlock();
  work.matrix = plan.chunks() * products *
                cyclesOfProduct(rates, plan.tensorCores, tile.channels, plan.productsTogether());
  work.shared =
      plan.chunks() * (products * bytesOfProduct(plan.tensorCores, tile.channels, plan.productsTogether()) +
                       plan.right.bytes() + plan.left.bytes());
  work.staging = plan.chunks() * std::max(cyclesOfCopies(plan, rates), filled / (tile.stages - 1));
  work.cached = plan.chunks() * cached + 2 * results;
  work.after = cyclesOfEpilogue(rates, results, 0);
  work.memory = bytesOf(traffic);
  return work;
}

Prediction kinema::nvidia::predictMatmul(kernel::MatmulOp op, const Processor &processor) {
  return predictionOf(processor.rates, workOf(matmulPlanOf(op), kernel::trafficOf(op), processor.rates));
}

static kernel::ScheduleAttr scheduleOf(kernel::MatmulOp op, const MatmulPlan &plan) {
  return makeSchedule(op, MatmulTile::schedule(plan.tensorCores),
                      {plan.grid(), plan.pipeline().memory.bytes(), std::nullopt, plan.roles().threads()},
                      plan.tile);
}

/// Returns as many stages as there is room for, if there are as many to fill.
static int64_t stagesOf(MatmulPlan plan, const Processor &processor) {
  int64_t &stages = plan.tile.stages;
  stages = std::clamp(plan.tilesOfBlock() * plan.chunks(), fewestStages, mostStages);
  while (stages > fewestStages && plan.pipeline().memory.bytes() > processor.blockSharedBytes())
    --stages;
  return stages;
}

/// Returns one block for each multiprocessor, if there are as many tiles.
static int64_t blocksOf(const MatmulPlan &plan, const Rates &rates) {
  int64_t cluster = plan.tile.cluster;
  return std::min(plan.tiles(), rates.multiprocessors / cluster * cluster);
}

/// Calls `consider` for each tile that may be worth a look, whose stages and blocks are not chosen yet. Of
/// equally quick ones the first is taken: with a depth of 64, there is room for four stages of the largest
/// tile.
static void forEachTile(int64_t resultBlocks, int64_t mostCluster,
                        function_ref<void(const MatmulTile &)> consider) {
  for (int64_t positions : {MatmulPlan::rowsOfConsumers, mostPositions})
    for (int64_t groups : evenSizes(resultBlocks))
      for (int64_t depth : {64, 80, 96, 112, 128, 48, 32})
        for (int64_t cluster = 1; cluster <= mostCluster; ++cluster)
          if (groups * blockChannels <= ProductShape::mostColumns)
            consider({positions, groups * blockChannels, depth, fewestStages, cluster});
}

SmallVector<Candidate> kinema::nvidia::matmulCandidates(kernel::MatmulOp op, const Processor &processor) {
  if (!isSupported(op))
    return {};
  kernel::Traffic traffic = kernel::trafficOf(op);
  Best best;
  int64_t resultBlocks = MatmulPlan(op, {mostPositions, blockChannels, ProductShape::depth}).resultBlocks();
  forEachTile(resultBlocks, mostCluster(processor), [&](const MatmulTile &tile) {
    MatmulPlan plan(op, tile);
    plan.tile.blocks = blocksOf(plan, processor.rates);
    plan.tile.stages = stagesOf(plan, processor);
    if (plan.fits(processor))
      best.consider(secondsOf(processor.rates, workOf(plan, traffic, processor.rates)),
                    [&] { return scheduleOf(op, plan); });
  });
  return best.take();
}

kernel::ScheduleAttr kinema::nvidia::remakeMatmul(kernel::MatmulOp op, const Processor &processor,
                                                  ScheduleParameters &parameters) {
  if (!isSupported(op))
    return {};
  MatmulTile tile;
  parameters.read(tile);
  parameters.check(tile.positions, MatmulPlan::rowsOfConsumers, mostPositions, MatmulPlan::rowsOfConsumers);
  parameters.check(tile.channels, blockChannels, ProductShape::mostColumns, blockChannels);
  parameters.check(tile.depth, ProductShape::depth, mostDepth, ProductShape::depth);
  parameters.check(tile.stages, fewestStages, mostStages);
  parameters.check(tile.cluster, 1, mostCluster(processor));
  if (parameters.failed())
    return {};
  MatmulPlan plan(op, tile);
  plan.tile.blocks = parameters.readGrid(tile.cluster, plan.tiles(), tile.cluster);
  if (!plan.fits(processor))
    parameters.fault() << "tiles take more shared memory or registers than a block has";
  return parameters.failed() ? kernel::ScheduleAttr() : scheduleOf(op, plan);
}

kernel::ScheduleAttr kinema::nvidia::matmulSchedule(kernel::MatmulOp op, const MatmulTile &tile) {
  return scheduleOf(op, MatmulPlan(op, tile));
}

MatmulPlan kinema::nvidia::matmulPlanOf(kernel::MatmulOp op) {
  auto tile = parametersOf<MatmulTile>(*op.getSchedule());
  tile.blocks = op.getSchedule()->getGrid();
  return MatmulPlan(op, tile);
}

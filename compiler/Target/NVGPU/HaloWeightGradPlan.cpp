#include "compiler/Target/NVGPU/HaloWeightGradPlan.h"

#include "dialects/Kernel/Terms.h"

using namespace kinema;
using namespace kinema::nvidia;

HaloWeightGradPlan::HaloWeightGradPlan(kernel::WeightGradOp op, const HaloWeightGradTile &tile)
    : tile(tile), gradientOperands(op.gradient()), activationOperands(op.activation()),
      tensorCores(tensorCoresOf(op)) {
  auto dz = op.getGradientType().getShape(), x = op.getActivationType().getShape(); // [N, C, T, H, W]
  shape::Window window = op.getWindow().getWindow();
  kernel = window.kernel;
  dilation = window.dilation;
  window.kernel = tile.taps;
  for (int axis = 0; axis < 3; ++axis) {
    axes[axis] = haloAxis(window, axis, x[axis + 2], dz[axis + 2]);
    axes[axis].tile = tile.results[axis];
  }
  clips = dz[0];
  outputs = dz[1];
  inputs = existingInputs = x[1];
  groups = op.getGroups();
  terms = op.getBf16x3() ? kernel::terms : 1;
  neighbours = std::max<int64_t>(1, stagedNeighbours(op.getActivationType()));
  groupStep = 0;
  if (neighbours == 2) {
    NeighbourAxis row = neighbourAxis(op.getWindow().getWindow(), x[4], dz[4]);
    row.axis.tile = tile.results[2];
    axes[2] = row.axis;
    kernel[2] = 1;
    inputs = 8 * row.groups;
    existingInputs = 4 * op.getWindow().getWindow().kernel[2];
    groupStep = row.groupStep;
  }
}

int64_t HaloWeightGradPlan::columnsOfRows() const {
  if (groups == 1)
    return allColumns();
  int64_t most = 0;
  for (int64_t block = 0; block < rowBlocks(); ++block) {
    int64_t endRow = std::min((block + 1) * tile.rows, allRows());
    int64_t end = shape::ceilDiv(endRow, rowsOfGroup()) * columnsOfGroup();
    most = std::max(most, shape::roundUp(end - firstColumn(block), 8));
  }
  return most;
}

bool HaloWeightGradPlan::columnsReachBeyond() const {
  int64_t end = firstColumn(rowBlocks() - 1) + columnBlocks() * tile.columns;
  return groups > 1 && end > shape::roundUp(allColumns(), 8);
}

int64_t HaloWeightGradPlan::gradientExtent(int axis) const {
  for (int outer = 0; outer < axis; ++outer)
    if (axes[outer].tile > 1)
      return axes[axis].extent();
  return axes[axis].tile;
}

int64_t HaloWeightGradPlan::contracted() const {
  int64_t last = 0;
  for (const HaloAxis &axis : axes)
    last = last * axis.extent() + axis.tile - 1;
  return shape::roundUp(last + 1, ProductShape::depth);
}

int64_t HaloWeightGradPlan::gradientPitch() const {
  return shape::roundUp(std::max(gradientPositions(), contracted()), 8);
}

int64_t HaloWeightGradPlan::activationPitch() const {
  int64_t largest = 0;
  for (const HaloAxis &axis : axes)
    largest = largest * axis.extent() + axis.maxShift() / axis.sourceStep;
  int64_t read = (planes() - 1) * planePositions() + largest + contracted();
  return shape::roundUp(std::max(activationPositions(), read), 8);
}

FeedPlan HaloWeightGradPlan::gradientFeed() const {
  FeedPlan feed{gradientOperands, {},    gradientBlocks(), gradientPitch(), 1, roles().stagingThreads(),
                tile.copiers,     terms, tensorCores,      tile.boxes != 0};
  for (int axis = 0; axis < 3; ++axis) {
    const HaloAxis &halo = axes[axis];
    FeedAxis &fed = feed.axes[axis] = {1, gradientExtent(axis), halo.tile, 1, halo.result};
    fed.covered = fed.extent == fed.filled && halo.tiles() * halo.tile <= halo.result;
    fed.whole = fed.covered && halo.tiles() == 1;
    fed.ends = halo.tiles() == 1;
  }
  for (int axis = 0; axis < 3; ++axis) { // boxes bring what is not filled as well
    FeedAxis &fed = feed.axes[axis];
    int64_t wanted = feed.boxes() ? fed.extent : fed.filled;
    fed.inside = meanInside(0, axes[axis].tile, axes[axis].tiles(), wanted, fed.source);
  }
  return feed;
}

FeedPlan HaloWeightGradPlan::activationFeed() const {
  FeedPlan feed{
      activationOperands, {},    activationBlocks(), activationPitch(), neighbours, roles().stagingThreads(),
      tile.copiers,       terms, tensorCores,        tile.boxes != 0};
  for (int axis = 0; axis < 3; ++axis) {
    feed.axes[axis] = feedAxis(axes[axis], axis == 2 ? neighbours : 1);
    if (boxes(axis) > 1) // each box of taps reaches elsewhere
      feed.axes[axis].covered = feed.axes[axis].whole = false;
  }
  return feed;
}

int64_t HaloWeightGradPlan::rawBytes() const {
  int64_t bytes = std::max(gradientFeed().rawBytes(), activationFeed().rawBytes());
  return hasBoxes() ? shape::roundUp(bytes, kernel::TensorMapAttr::targetAlignment) : bytes;
}

int64_t HaloWeightGradPlan::rawStages() const {
  int64_t parts = 0;
  for (const FeedPlan &feed : {gradientFeed(), activationFeed()})
    parts += feed.direct() ? 0 : feed.parts();
  return nvidia::rawStages(rawBytes(), tilesOfChunk() * parts, tile.feedStages);
}

int64_t HaloWeightGradPlan::rawFills() const {
  int64_t fills = 1;
  for (const FeedPlan &feed : {gradientFeed(), activationFeed()})
    fills = std::max(fills, feed.direct() ? 0 : feed.arrivalsOfPart());
  return fills;
}

HaloWeightGradPipeline HaloWeightGradPlan::pipeline() const {
  int64_t copies = gradientFeed().arrivalsOfStage() + activationFeed().arrivalsOfStage();
  RingPlan operands{"gradient and activation", stages, stageBytes(),
                    (copiesDoAll() ? 0 : roles().stagingThreads()) + copies};
  RingPlan raw{"raw gradient and activation", rawStages(), rawBytes(), rawFills()};
  HaloWeightGradPipeline pipeline{{roles(), operands, {}, raw}, {}};
  pipeline.products = pipeline.tensorMemory.take(sumsPlan(), tile.consumers);
  return pipeline;
}

void HaloWeightGradPlan::deepenRing(const Processor &processor) {
  if (rawBytes() == 0)
    return;
  tile.feedStages = deepestFeed(rawStages(), [&](int64_t stages) {
    tile.feedStages = stages;
    return pipeline().memory.bytes() <= processor.blockSharedBytes();
  });
}

int64_t HaloWeightGradPlan::mostAccumulators() const {
  if (tensorCores == TensorCores::Warps) // fragments take registers as well
    return tile.producers + tile.consumers == 4 ? 56 : 84;
  if (tensorCores == TensorCores::TensorMemory)
    return tile.producers == 2 ? 108 : tile.consumers == 2 ? 128 : 96;
  return tile.producers == 2 ? 120 : tile.consumers == 2 ? 144 : 108;
}

bool HaloWeightGradPlan::hasAccumulators() const {
  constexpr int64_t mostProducts = 6;
  return roles().exist() && tile.columns <= ProductShape::columns(roles()) &&
         registersOfSums() <= mostAccumulators() && productsOfConsumer() <= mostProducts;
}

bool HaloWeightGradPlan::fits(const Processor &processor) const {
  bool staged = copiesDoAll() || roles().stagingThreads() > 0;
  // A thread has registers for the places of so many positions: for fewer where a position has two borders of
  // a pair, and for fewest where a block's taps lie along both other axes. What ptxas spills decides: with 5,
  // the first conv of c3d.
  const bool tapsOfTwoAxes = tile.taps[0] > 1 && tile.taps[1] > 1;
  const int64_t mostPositions = neighbours == 1 ? 10 : tapsOfTwoAxes ? 4 : 5;
  return hasAccumulators() && staged && gradientFeed().keepsPositions(mostPositions) &&
         activationFeed().keepsPositions(mostPositions) && (neighbours == 1 || tile.columns == inputs) &&
         pipeline().fits(processor) &&
         positionBytes * std::max(gradientPitch(), activationPitch()) < ProductShape::distances;
}

#include "compiler/Target/CPU/ConvPlan.h"

#include "compiler/Target/CPU/MatrixTile.h"
#include "compiler/Target/CPU/Model.h"

#include <set>

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

/// Limits the bytes of a step's weights at the widest tile, times the steps of a pass, so that a pass's
/// weights stay in the first cache.
constexpr int64_t panelBytes = 24 << 10;

Factors kinema::cpu::factorsOf(kernel::ConvOp op, const Machine &machine, const shape::Size3 &tile) {
  if (!machine.multipliesPairs || tile != noTile || !getElementTypeOrSelf(op.getWeight()).isBF16())
    return Factors::Single;
  bool fills = op.getSourceType().getDimSize(1) >= machine.vector &&
               kernel::channelBlock(op.getSourceType()) == machine.vector;
  return machine.multipliesMatrices && fills ? Factors::Matrices : Factors::Pairs;
}

ConvPlan::ConvPlan(kernel::ConvOp op, const Machine &machine, BlockShape block, int64_t partCount,
                   const shape::Size3 &tile)
    : machine(&machine), factors(factorsOf(op, machine, tile)), lanes(machine.vector), tile(tile),
      gather(op.getGather()) {
  auto source = op.getSourceType(), result = op.getResultType();
  sourceSize = clip::spatialSize(source);
  cuts = BlockCuts(result.getShape(), block);
  columns = result.getDimSize(4);
  resultBlocks = shape::ceilDiv(result.getDimSize(1), lanes);
  int64_t channels = source.getDimSize(1), together = factors == Factors::Single ? 1 : 2;
  int64_t sourceBlock = kernel::channelBlock(source);
  sourceBlocks = shape::ceilDiv(channels, sourceBlock);
  reduce = sourceBlock / together;
  depth = shape::ceilDiv(std::min(channels, sourceBlock), together);
  kernel = op.getWindow().getWindow().kernel;
  groups = groupBlocks(resultBlocks);
  parts = {groups.count(), partCount};
  auto counts = [&](int axis, int64_t size) { return shape::ceilDiv(size, gather.resultStep[axis]); };
  auto axis = [&](int i) { return stagedAxis(gather, i, counts(i, tileSize()[i])); };
  box = {block[0],
         sourceBlocks,
         {axis(0), axis(1), axis(2)},
         reduce,
         factors == Factors::Single ? Words::Single : Words::ChannelPairs};
  for (int i : {0, 1})
    if (cuts[i + 1].count() == 1 && tile[i] == 1)
      box.axes[i] = box.axes[i].withinSource(sourceSize[i]);
  operand = hasPoints() ? winogradBox(WinogradInput::Source, tile, box) : box;
}

shape::Size3 ConvPlan::tileSize() const {
  return {shape::roundUp(cuts[1].size, tile[0]), shape::roundUp(cuts[2].size, tile[1]),
          shape::roundUp(columns, tile[2])};
}

shape::Size3 ConvPlan::productSize() const {
  shape::Size3 size = tileSize();
  for (int axis = 0; axis < 3; ++axis)
    size[axis] /= tile[axis];
  return size;
}

int64_t ConvPlan::phaseCount(const shape::Phase &phase, int axis, int64_t size) const {
  return size > phase.offset[axis] ? shape::ceilDiv(size - phase.offset[axis], gather.resultStep[axis]) : 0;
}

int64_t ConvPlan::columnCount(const shape::Phase &phase) const {
  return tile[2] > 1 ? productSize()[2] : phaseCount(phase, 2, columns);
}

//===-- Classes -----------------------------------------------------------===//

/// Groups frames (axis 0) or rows (axis 1) by the taps that they need. Where the axis is cut into blocks, it
/// is not known here which taps lie outside the source, so that all results are one group.
std::vector<ConvPlan::AxisGroup> ConvPlan::axisGroups(const shape::Phase &phase, int axis,
                                                      int64_t size) const {
  auto taps = winogradTaps(phase, tile);
  bool isTiled = tile[axis] > 1;
  bool isWhole = cuts[axis + 1].count() == 1 && !isTiled;
  int64_t count = isTiled ? shape::ceilDiv(size, tile[axis]) : phaseCount(phase, axis, size);
  std::vector<AxisGroup> groups;
  if (!isWhole)
    groups.push_back({{}, std::vector<char>(taps.size(), true)});
  for (int64_t result = 0; result < count; ++result) {
    if (!isWhole) {
      groups.front().results.push_back(result);
      continue;
    }
    std::vector<char> isInside;
    for (const auto &tap : taps) {
      int64_t at = result * gather.sourceStep[axis] + tap.shift[axis];
      isInside.push_back(at >= 0 && at < sourceSize[axis]);
    }
    auto same = llvm::find_if(groups, [&](const AxisGroup &group) { return group.isInside == isInside; });
    if (same == groups.end())
      same = groups.insert(groups.end(), {{}, isInside});
    same->results.push_back(result);
  }
  return groups;
}

std::vector<ConvPlan::PixelClass> ConvPlan::classesOf(BlockShape block) const {
  std::vector<PixelClass> classes;
  for (const auto &phase : gather.phases) {
    auto taps = winogradTaps(phase, tile);
    auto rowGroups = axisGroups(phase, 1, block[2]);
    for (const AxisGroup &frames : axisGroups(phase, 0, block[1]))
      for (const AxisGroup &rows : rowGroups) {
        PixelClass pixels{phase, frames, rows, {}};
        for (auto [i, tap] : llvm::enumerate(taps))
          if (frames.isInside[i] && rows.isInside[i])
            pixels.taps.push_back(tap);
        classes.push_back(std::move(pixels));
      }
  }
  return classes;
}

//===-- Tables ------------------------------------------------------------===//

void ConvPlan::addPixels(Tables &tables, const PixelClass &pixels, BlockShape block) const {
  const shape::Phase &phase = pixels.phase;
  const auto &step = gather.resultStep;
  int64_t first = tables.pixels.size() / 2;
  shape::Size3 size = productSize();
  int64_t across = columnCount(phase);
  for (int64_t n = 0; n < block[0]; ++n)
    for (int64_t t : pixels.frames.results)
      for (int64_t h : pixels.rows.results)
        for (int64_t w = 0; w < across; ++w) {
          int64_t frame = n * size[0] + t * step[0] + phase.offset[0];
          int64_t row = frame * size[1] + h * step[1] + phase.offset[1];
          int64_t pixel = row * size[2] + w * step[2] + phase.offset[2];
          tables.pixels.push_back(operand.resultAt(n, t, h, w));
          tables.pixels.push_back(pixel * lanes);
        }
  int64_t count = tables.pixels.size() / 2 - first;
  tables.ranges.push_back(first);
  tables.ranges.push_back(count);
  // The last tile may have fewer pixels than its accumulators: it computes, and stores, the last pixel's
  // value again.
  for (int64_t i = 1; count > 0 && i < mostTilePixels(*machine, factors); ++i) {
    tables.pixels.push_back(tables.pixels[2 * (first + count) - 2]);
    tables.pixels.push_back(tables.pixels[2 * (first + count) - 1]);
  }
}

/// Cuts the contraction of a class into passes whose weights stay in the first cache.
void ConvPlan::addPasses(Tables &tables, const PixelClass &pixels, int64_t index) const {
  int64_t firstTap = tables.taps.size() / 2, taps = pixels.taps.size();
  shape::Size3 window = winogradWindow(kernel, tile);
  for (const auto &tap : pixels.taps) {
    int64_t position = (tap.index[0] * window[1] + tap.index[1]) * window[2] + tap.index[2];
    tables.taps.push_back(operand.tapShift(tap));
    tables.taps.push_back(position * reduce * lanes);
  }
  bool accumulate = false;
  auto addPass = [&](int64_t fromTap, int64_t toTap, int64_t fromBlock, int64_t toBlock) {
    for (int64_t field :
         {index, firstTap + fromTap, toTap - fromTap, fromBlock, toBlock - fromBlock, int64_t(accumulate)})
      tables.passes.push_back(field);
    accumulate = true;
  };
  int64_t panelSteps = panelBytes / (3 * lanes * int64_t(sizeof(float)));
  int64_t tapParts = std::max<int64_t>(1, shape::ceilDiv(taps * depth, panelSteps));
  int64_t blocks = std::max<int64_t>(1, panelSteps / std::max<int64_t>(1, taps * depth));
  int64_t blockParts = shape::ceilDiv(sourceBlocks, blocks);
  for (int64_t i = 0; i < blockParts; ++i)
    for (int64_t j = 0; j < tapParts; ++j)
      addPass(taps * j / tapParts, taps * (j + 1) / tapParts, sourceBlocks * i / blockParts,
              sourceBlocks * (i + 1) / blockParts);
}

ConvPlan::Tables ConvPlan::tables() const {
  Tables tables;
  auto classes = classesOf(cuts.shapeOf(0));
  tables.classes = classes.size();
  for (int64_t variant = 0; variant < BlockCuts::variants; ++variant) {
    if (!cuts.occurs(variant)) {
      tables.ranges.insert(tables.ranges.end(), 2 * classes.size(), 0);
      continue;
    }
    BlockShape block = cuts.shapeOf(variant);
    for (const PixelClass &pixels : classesOf(block))
      addPixels(tables, pixels, block);
  }
  for (auto [i, pixels] : llvm::enumerate(classes))
    addPasses(tables, pixels, i);
  // LLVM would take a table of one tap for a constant, load a tile's operands ahead of the loop over taps,
  // and spill them.
  tables.taps.insert(tables.taps.end(), 2, -1);
  return tables;
}

//===-- Cost --------------------------------------------------------------===//

double ConvPlan::stageCost(int64_t prologueReads) const {
  return double(box.elements()) / box.width * (2 + 2 * prologueReads) +
         double(operand.elements()) / operand.width * winogradCycles(tile);
}

int64_t ConvPlan::tapsUsed(const std::vector<PixelClass> &classes) {
  std::set<shape::Size3> used;
  for (const PixelClass &pixels : classes)
    for (const auto &tap : pixels.taps)
      used.insert(tap.index);
  return used.size();
}

double ConvPlan::blockCost(int64_t epilogueReads) const {
  constexpr double secondCache = 512 << 10, thirdCache = 16 << 20;
  auto classes = classesOf(cuts.shapeOf(0));
  double weightBytes = 4.0 * resultBlocks * lanes * sourceBlocks * reduce * points() * tapsUsed(classes);
  double bytesACycle = weightBytes < secondCache ? 16 : weightBytes < thirdCache ? 10 : 8;
  int64_t mostGroups = shape::ceilDiv(groups.count(), parts.parts);
  double part = double(mostGroups) / groups.count();
  // A core adds two products of vectors a cycle; a tile of one channel block waits for its loads.
  double width = groups.threes ? 3 : groups.rest, stepCycles = groups.threes      ? 1.5
                                                               : groups.rest == 2 ? 1.0
                                                                                  : 0.6;
  if (factors == Factors::Matrices) // a matrix tile also copies each row to the stack
    stepCycles = (matrixCycles(width) + matrixRows) / (matrixRows * depth);
  double cost = part * weightBytes / bytesACycle;
  for (const PixelClass &pixels : classes) {
    int64_t count =
        cuts[0].size * pixels.frames.results.size() * pixels.rows.results.size() * columnCount(pixels.phase);
    double steps = double(pixels.taps.size()) * depth * sourceBlocks * points();
    cost +=
        steps * shape::roundUp(count, tilePixels(*machine, factors, width, depth)) * mostGroups * stepCycles;
  }
  cost += double(productPixels()) * part * resultBlocks * winogradCycles(tile);
  cost += double(blockPixels()) * part * resultBlocks * (4 + 2 * epilogueReads);
  // A contraction over taps reads the box again for each tap.
  if (scratchBytes() > secondCache)
    cost *= 1 + (hasPoints() ? 0.02 : 0.1) * std::min(4.0, scratchBytes() / secondCache - 1);
  return cost;
}

double ConvPlan::cycles(int64_t prologueReads, int64_t epilogueReads) const {
  double stage = stageCost(prologueReads), block = blockCost(epilogueReads);
  return cyclesOverMachines(
      grid(), [&](int64_t blocks) { return blocks * block + shape::ceilDiv(blocks, parts.parts) * stage; });
}

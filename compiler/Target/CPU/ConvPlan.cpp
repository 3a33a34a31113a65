#include "compiler/Target/CPU/ConvPlan.h"

using namespace mlir;
using namespace kinema;
using namespace kinema::cpu;

/// Steps of the contraction whose weights, at the widest tile, take 24 KB: they stay in the first cache.
constexpr int64_t panelSteps = 256;

ConvPlan::ConvPlan(kernel::ConvOp op, BlockShape block, int64_t partCount) : gather(op.getGather()) {
  auto source = op.getSourceType(), result = op.getResultType();
  cuts = BlockCuts(result.getShape(), block);
  columns = result.getDimSize(4);
  resultBlocks = shape::ceilDiv(result.getDimSize(1), lanes);
  reduce = kernel::layoutOf(source).getBlock();
  sourceBlocks = shape::ceilDiv(source.getDimSize(1), reduce);
  depth = std::min(source.getDimSize(1), reduce);
  kernel = op.getWindow().getWindow().kernel;
  groups = groupBlocks(resultBlocks);
  parts = {groups.count(), partCount};
  auto counts = [&](int axis, int64_t size) { return shape::ceilDiv(size, gather.resultStep[axis]); };
  box = {block[0],
         sourceBlocks,
         {stagedAxis(gather, 0, counts(0, block[1])), stagedAxis(gather, 1, counts(1, block[2])),
          stagedAxis(gather, 2, counts(2, columns))},
         reduce};
}

int64_t ConvPlan::phaseCount(const shape::Phase &phase, int axis, int64_t size) const {
  return size > phase.offset[axis] ? shape::ceilDiv(size - phase.offset[axis], gather.resultStep[axis]) : 0;
}

//===-- Tables ------------------------------------------------------------===//

void ConvPlan::addPixels(Tables &tables, const shape::Phase &phase, int64_t variant) const {
  BlockShape sizes = cuts.occurs(variant) ? cuts.shapeOf(variant) : BlockShape{0, 0, 0};
  int64_t first = tables.pixels.size() / 2;
  std::array<int64_t, 3> counts = {phaseCount(phase, 0, sizes[1]), phaseCount(phase, 1, sizes[2]),
                                   phaseCount(phase, 2, columns)};
  const auto &step = gather.resultStep;
  for (int64_t n = 0; n < sizes[0]; ++n)
    for (int64_t t = 0; t < counts[0]; ++t)
      for (int64_t h = 0; h < counts[1]; ++h)
        for (int64_t w = 0; w < counts[2]; ++w) {
          int64_t frame = n * cuts[1].size + t * step[0] + phase.offset[0];
          int64_t row = frame * cuts[2].size + h * step[1] + phase.offset[1];
          int64_t pixel = row * columns + w * step[2] + phase.offset[2];
          tables.pixels.push_back(box.resultAt(n, t, h, w));
          tables.pixels.push_back(pixel * lanes);
        }
  int64_t count = tables.pixels.size() / 2 - first;
  tables.ranges.push_back(first);
  tables.ranges.push_back(count);
  // The last tile repeats the last pixel: it computes, and stores, the same value again.
  for (int64_t i = 1; count > 0 && i < tilePixels(1); ++i) {
    tables.pixels.push_back(tables.pixels[2 * (first + count) - 2]);
    tables.pixels.push_back(tables.pixels[2 * (first + count) - 1]);
  }
}

/// Cuts the contraction of a phase into passes whose weights stay in the first cache.
void ConvPlan::addPasses(Tables &tables, size_t index) const {
  const auto &phase = gather.phases[index];
  int64_t firstTap = tables.taps.size() / 2, taps = phase.taps.size();
  for (const auto &tap : phase.taps) {
    int64_t position = (tap.index[0] * kernel[1] + tap.index[1]) * kernel[2] + tap.index[2];
    tables.taps.push_back(box.tapShift(tap));
    tables.taps.push_back(position * reduce * lanes);
  }
  bool accumulate = false;
  auto addPass = [&](int64_t fromTap, int64_t toTap, int64_t fromBlock, int64_t toBlock) {
    for (int64_t field : {int64_t(index), firstTap + fromTap, toTap - fromTap, fromBlock, toBlock - fromBlock,
                          int64_t(accumulate)})
      tables.passes.push_back(field);
    accumulate = true;
  };
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
  for (int64_t variant = 0; variant < BlockCuts::variants; ++variant)
    for (const auto &phase : gather.phases)
      addPixels(tables, phase, variant);
  for (size_t i = 0; i < gather.phases.size(); ++i)
    addPasses(tables, i);
  return tables;
}

//===-- Cost --------------------------------------------------------------===//

double ConvPlan::stageCost(int64_t prologueReads) const {
  return double(box.elements()) / box.width * (2 + 2 * prologueReads);
}

double ConvPlan::blockCost(int64_t epilogueReads) const {
  constexpr double secondCache = 512 << 10, thirdCache = 16 << 20;
  double weightBytes = 4.0 * resultBlocks * lanes * sourceBlocks * reduce * shape::product(kernel);
  double bytesACycle = weightBytes < secondCache ? 16 : weightBytes < thirdCache ? 8 : 4;
  int64_t mostGroups = shape::ceilDiv(groups.count(), parts.parts);
  double part = double(mostGroups) / groups.count();
  // Two products of vectors a cycle; a tile of one channel block waits for its loads.
  double width = groups.threes ? 3 : groups.rest, stepCycles = groups.threes      ? 1.5
                                                               : groups.rest == 2 ? 1.0
                                                                                  : 0.6;
  double cost = part * weightBytes / bytesACycle;
  for (const auto &phase : gather.phases) {
    int64_t pixels = cuts[0].size * phaseCount(phase, 0, cuts[1].size) * phaseCount(phase, 1, cuts[2].size) *
                     phaseCount(phase, 2, columns);
    double steps = double(phase.taps.size()) * depth * sourceBlocks;
    cost += steps * shape::roundUp(pixels, tilePixels(width)) * mostGroups * stepCycles;
  }
  cost += double(blockPixels()) * part * resultBlocks * (4 + 2 * epilogueReads);
  if (scratchBytes() > secondCache)
    cost *= 1 + 0.1 * std::min(4.0, scratchBytes() / secondCache - 1);
  return cost;
}

double ConvPlan::cost(int64_t prologueReads, int64_t epilogueReads) const {
  double stage = stageCost(prologueReads), block = blockCost(epilogueReads);
  return costOverMachines(
      grid(), [&](int64_t blocks) { return blocks * block + shape::ceilDiv(blocks, parts.parts) * stage; });
}

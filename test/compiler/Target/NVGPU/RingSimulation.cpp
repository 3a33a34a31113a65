#include "test/compiler/Target/NVGPU/RingSimulation.h"

using namespace kinema;
using namespace kinema::testing;
using namespace kinema::nvidia;

namespace {

/// A Simulation knows when each stage is full and empty again. Stages are counted through the whole block:
/// parts of the source's rows, chunks of the source, taps with their weights.
class Simulation {
public:
  Simulation(const HaloPlan &plan, const Work &work, const Rates &rates);
  BlockTimes run();

private:
  void copyPart(int64_t part);
  void copyWeights(int64_t tap);
  double arrival(double begin, double bytes, double latency);
  double whenStaged(int64_t chunk);
  void stageNext();
  bool isLastOfTile(int64_t tap) const { return (tap + 1) % (taps * plan.chunks()) == 0; }
  double whenUsed(int64_t tap); // when its stages are empty
  void multiplyNext();
  double emptyAfter(int64_t chunk); // when the stage that this chunk is to have is empty
  double emptyBefore(int64_t part);

  const HaloPlan &plan;
  const Rates &rates;
  int64_t chunks, taps, parts; // of the block; of a chunk; of a chunk
  bool direct;
  double partBytes, weightBytes, partCycles, copyCycles, weightCopyCycles, productCycles, afterCycles,
      resultCycles;

  BlockTimes times;
  double copierFree = 0, cacheFree = 0, stagersFree = 0, consumersFree = 0, productsEnd = 0,
         productsBefore = 0;
  std::vector<double> landedParts, stagedParts, landedWeights, begunTaps, endedTaps;
};

} // namespace

Simulation::Simulation(const HaloPlan &plan, const Work &work, const Rates &rates)
    : plan(plan), rates(rates), chunks(plan.stepsOfSource()), taps(shape::product(plan.kernel)),
      parts(plan.feed().parts()), direct(plan.feed().direct()) {
  FeedPlan feed = plan.feed();
  partBytes = feed.sectorBytes() / parts;
  weightBytes = double(plan.weightStageBytes()) / plan.tile.cluster;
  partCycles = direct ? 0 : feed.cyclesOfThreads(rates) / parts;
  copyCycles = feed.cyclesOfCopies(rates) / parts;
  weightCopyCycles = rates.copyCycles * plan.tile.depth / blockChannels / plan.tile.cluster;
  productCycles = work.matrix / (plan.chunks() * taps);
  double results = work.cached - work.source.bytes - work.weights.bytes / plan.tile.cluster;
  afterCycles = work.after;
  resultCycles = results / rates.cachedPerCycle;
}

/// Copies share what L2 gives to a multiprocessor, in the order in which they begin.
double Simulation::arrival(double begin, double bytes, double latency) {
  cacheFree = std::max(cacheFree, begin) + bytes / rates.cachedPerCycle;
  return cacheFree + latency * rates.clock();
}

double Simulation::emptyAfter(int64_t chunk) {
  int64_t before = chunk - plan.sourceStages();
  return before < 0 ? 0 : whenUsed((before + 1) * taps - 1);
}

/// Returns when the stage is empty to which a part is copied: the source's own or a raw one.
double Simulation::emptyBefore(int64_t part) {
  if (direct)
    return emptyAfter(part / parts);
  int64_t before = part - plan.rawStages();
  if (before < 0)
    return 0;
  while (int64_t(stagedParts.size()) <= before)
    stageNext();
  return stagedParts[before];
}

void Simulation::copyPart(int64_t part) {
  double empty = emptyBefore(part);
  times.copiesWait += std::max(0.0, empty - copierFree);
  copierFree = std::max(copierFree, empty) + copyCycles;
  landedParts.push_back(arrival(copierFree, partBytes, rates.latency));
}

void Simulation::copyWeights(int64_t tap) {
  int64_t before = tap - plan.weightStages();
  double empty = before < 0 ? 0 : whenUsed(before);
  times.copiesWait += std::max(0.0, empty - copierFree);
  copierFree = std::max(copierFree, empty) + weightCopyCycles;
  landedWeights.push_back(arrival(copierFree, weightBytes, rates.cachedLatency));
}

void Simulation::stageNext() {
  int64_t part = int64_t(stagedParts.size());
  double ready = landedParts[part];
  if (part % parts == 0 && !direct)
    ready = std::max(ready, emptyAfter(part / parts));
  double begin = std::max(ready, stagersFree);
  if (!direct)
    times.stagingWaits += begin - stagersFree;
  stagersFree = direct ? 0 : begin + partCycles;
  stagedParts.push_back(begin + partCycles);
}

double Simulation::whenStaged(int64_t chunk) {
  size_t all = size_t((chunk + 1) * parts);
  while (stagedParts.size() < all)
    stageNext();
  return stagedParts[all - 1];
}

/// Begins the products of the next tap, when those of the tap but one before have ended. The consumers free
/// the stages of the tap before when they have begun these, and its products have ended; those of a tile's
/// last tap without that.
void Simulation::multiplyNext() {
  int64_t tap = int64_t(endedTaps.size()), chunk = tap / taps;
  double free = std::max(consumersFree, productsBefore), source = std::max(free, whenStaged(chunk)),
         begin = std::max(source, landedWeights[tap]);
  times.sourceMissing += std::max(0.0, source - std::max(free, productsEnd));
  times.weightsMissing += std::max(0.0, begin - std::max(source, productsEnd));
  productsBefore = productsEnd;
  productsEnd = std::max(begin, productsEnd) + productCycles;
  consumersFree = begin + (plan.oneStep() ? 0 : rates.stepCycles);
  begunTaps.push_back(begin);
  endedTaps.push_back(productsEnd);
  if (!isLastOfTile(tap))
    return;
  consumersFree = productsEnd = productsBefore = productsEnd + afterCycles;
  cacheFree += resultCycles; // nobody waits for what is stored
}

double Simulation::whenUsed(int64_t tap) {
  int64_t last = isLastOfTile(tap) ? tap : tap + 1;
  while (int64_t(endedTaps.size()) <= last)
    multiplyNext();
  return std::max(endedTaps[tap], last > tap ? begunTaps[last] : 0);
}

BlockTimes Simulation::run() {
  // The parts of the next chunk are spread over the taps of a chunk (HaloConvEmitter::emitCopiesOfStep).
  int64_t partsOfTap = shape::ceilDiv(parts, taps), part = 0, tap = 0;
  while (part < parts)
    copyPart(part++);
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    int64_t end = std::min(chunks, chunk + 2) * parts;
    for (int64_t i = 0; i < taps; ++i) {
      copyWeights(tap++);
      for (int64_t most = std::min(end, part + partsOfTap); part < most;)
        copyPart(part++);
    }
  }
  whenUsed(tap - 1);
  // What the model calls the beginning of a block has the latency of its first copies in it.
  times.cycles = consumersFree + rates.blockCycles - rates.latency * rates.clock();
  return times;
}

BlockTimes kinema::testing::simulate(const HaloPlan &plan, const Work &work, const Rates &rates) {
  return Simulation(plan, work, rates).run();
}

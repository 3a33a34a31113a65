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
  double &copierOfSource() { return copierFree.front(); }
  double &copierOfWeights() { return plan.copiesApart() ? copierFree.back() : copierFree.front(); }
  void copyInTurn();
  void copyApart();
  bool isKnown(int64_t tap) const; // whether it is known when its stages are empty
  std::optional<double> whenPartBegins();
  std::optional<double> whenWeightsBegin();
  void copyPart(double begin);
  void copyWeights(double begin);
  double arrival(double begin, double bytes, double latency);
  double whenStaged(int64_t chunk);
  void stageNext();
  int64_t lastBefore(int64_t tap) const { return isLastOfTile(tap) ? tap : tap + 1; }
  bool isLastOfTile(int64_t tap) const { return (tap + 1) % (taps * plan.chunks()) == 0; }
  double whenUsed(int64_t tap); // when its stages are empty
  bool weightsLanded(int64_t taps) const { return countOfWeights(taps) <= int64_t(landedWeights.size()); }
  /// Counts the copies of weights for so many taps of the block.
  int64_t countOfWeights(int64_t taps) const {
    return plan.weightsStay() ? std::min(taps, plan.stepsOfTile()) : taps;
  }
  void multiplyNext();
  double emptyAfter(int64_t chunk); // when the stage that this chunk is to have is empty

  const HaloPlan &plan;
  const Rates &rates;
  int64_t chunks, taps, parts; // of the block; of a chunk; of a chunk
  bool direct;
  double partBytes, weightBytes, partCycles, copyCycles, weightCopyCycles, productCycles, afterCycles,
      resultCycles;

  BlockTimes times;
  std::array<double, 2> copierFree = {0, 0};
  double cacheFree = 0, stagersFree = 0, productsEnd = 0;
  /// The consumers of a tile: when they can begin products, and when those before the last ones have ended.
  struct Consumers {
    double free = 0, productsBefore = 0;
  };
  std::array<Consumers, 2> consumers; // the second ones have tiles where these take turns
  double turnBegins = 0;              // when all products of the tile before are begun
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
  weightCopyCycles = plan.cyclesOfWeightCopies(rates);
  productCycles = std::max(work.matrix, work.shared / rates.sharedPerCycle) / (plan.chunks() * taps);
  double results = work.cached - work.source.bytes - work.weights.bytes / plan.tile.cluster;
  afterCycles = work.after * (plan.tile.turns ? nvidia::consumersOfTurns : 1);
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

/// The copies of weights and of the source up to the tap whose products free the stages of this one.
bool Simulation::isKnown(int64_t tap) const {
  int64_t last = lastBefore(tap);
  return weightsLanded(last + 1) && (last / taps + 1) * parts <= int64_t(landedParts.size());
}

/// Returns when the source's copying warp can begin the next part: when the stage is empty to which it goes,
/// the source's own or a raw one. Nothing where that is not known yet.
std::optional<double> Simulation::whenPartBegins() {
  int64_t part = int64_t(landedParts.size()), before = direct ? part : part - plan.rawStages();
  if (before < 0)
    return copierOfSource();
  int64_t chunk = before / parts - plan.sourceStages(); // whose products must have read its stage
  if (chunk >= 0 && !isKnown((chunk + 1) * taps - 1))
    return std::nullopt;
  if (direct)
    return std::max(copierOfSource(), emptyAfter(before / parts));
  while (int64_t(stagedParts.size()) <= before)
    stageNext();
  return std::max(copierOfSource(), stagedParts[before]);
}

/// Returns the same of the weights' copying warp and the next of these.
std::optional<double> Simulation::whenWeightsBegin() {
  int64_t before = int64_t(landedWeights.size()) - plan.weightStages();
  if (before < 0) // as it always is of weights that stay
    return copierOfWeights();
  return isKnown(before) ? std::optional(std::max(copierOfWeights(), whenUsed(before))) : std::nullopt;
}

void Simulation::copyPart(double begin) {
  times.sourceCopiesWait += begin - copierOfSource();
  copierOfSource() = begin + copyCycles;
  landedParts.push_back(arrival(copierOfSource(), partBytes, rates.copyLatency));
}

void Simulation::copyWeights(double begin) {
  times.weightCopiesWait += begin - copierOfWeights();
  copierOfWeights() = begin + weightCopyCycles;
  landedWeights.push_back(arrival(copierOfWeights(), weightBytes, rates.cachedLatency));
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
  int64_t tap = int64_t(endedTaps.size()), chunk = tap / taps, tile = chunk / plan.chunks();
  Consumers &own = consumers[plan.tile.turns ? tile % consumers.size() : 0];
  double free = std::max({own.free, own.productsBefore, turnBegins}),
         source = std::max(free, whenStaged(chunk)),
         begin = std::max(source, landedWeights[plan.weightsStay() ? tap % plan.stepsOfTile() : tap]);
  times.sourceMissing += std::max(0.0, source - std::max(free, productsEnd));
  times.weightsMissing += std::max(0.0, begin - std::max(source, productsEnd));
  own.productsBefore = productsEnd;
  productsEnd = std::max(begin, productsEnd) + productCycles;
  own.free = begin + (plan.oneStep() ? 0 : rates.stepCycles);
  begunTaps.push_back(begin);
  endedTaps.push_back(productsEnd);
  if (!isLastOfTile(tap))
    return;
  if (plan.tile.turns)
    turnBegins = own.free;
  own.free = own.productsBefore = productsEnd + afterCycles;
  cacheFree += resultCycles; // nobody waits for what is stored
}

double Simulation::whenUsed(int64_t tap) {
  int64_t last = lastBefore(tap);
  while (int64_t(endedTaps.size()) <= last)
    multiplyNext();
  return std::max(endedTaps[tap], last > tap ? begunTaps[last] : 0);
}

/// One warp copies the parts of the next chunk between the taps of a chunk
/// (HaloConvEmitter::emitCopiesOfStep).
void Simulation::copyInTurn() {
  int64_t partsOfTap = shape::ceilDiv(parts, taps), part = 0;
  auto copyParts = [&](int64_t end) {
    for (; part < end; ++part)
      copyPart(whenPartBegins().value());
  };
  copyParts(parts);
  for (int64_t chunk = 0; chunk < chunks; ++chunk)
    for (int64_t i = 0; i < taps; ++i) {
      if (!weightsLanded(chunk * taps + i + 1))
        copyWeights(whenWeightsBegin().value());
      copyParts(std::min({part + partsOfTap, chunks * parts, (chunk + 2) * parts}));
    }
}

/// Of two copying warps, the one goes on that can begin first.
void Simulation::copyApart() {
  int64_t allParts = chunks * parts, allTaps = countOfWeights(chunks * taps);
  while (int64_t(landedParts.size()) < allParts || int64_t(landedWeights.size()) < allTaps) {
    std::optional<double> part, weights;
    if (int64_t(landedParts.size()) < allParts)
      part = whenPartBegins();
    if (int64_t(landedWeights.size()) < allTaps)
      weights = whenWeightsBegin();
    if (part && (!weights || *part <= *weights))
      copyPart(*part);
    else
      copyWeights(weights.value());
  }
}

BlockTimes Simulation::run() {
  if (plan.copiesApart())
    copyApart();
  else
    copyInTurn();
  whenUsed(chunks * taps - 1);
  // What the model calls the beginning of a block has the latency of its first copies in it.
  times.cycles =
      std::max(consumers[0].free, consumers[1].free) + rates.blockCycles - rates.copyLatency * rates.clock();
  return times;
}

BlockTimes kinema::testing::simulate(const HaloPlan &plan, const Work &work, const Rates &rates) {
  return Simulation(plan, work, rates).run();
}

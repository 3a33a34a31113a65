#include "compiler/Target/NVGPU/Model.h"

#include "compiler/Target/NVGPU/Roles.h"

#include <cmath>

using namespace mlir;
using namespace kinema;
using namespace kinema::nvidia;

/// Returns how long pieces of work take that pass beside each other. The longest alone would be too kind:
/// each delays the others now and then. Of norms, that of the fourth power came nearest to an H100's times
/// (bench/results/gpu-h100.md).
static double beside(std::initializer_list<double> pieces) {
  double sum = 0;
  for (double piece : pieces)
    sum += piece * piece * (piece * piece);
  return std::sqrt(std::sqrt(sum));
}

/// Returns the cycles in which copies arrive that wait for the latency of what they read.
static double cyclesOf(const Rates &rates, const Copies &copies) {
  return copies.underWay > 0 ? copies.bytes / copies.underWay * copies.latency * rates.clock() : 0;
}

namespace {
/// Holds the cycles of a tile that pass beside each other, by what they are spent on.
struct TileCycles {
  TileCycles(const Rates &rates, const Work &work)
      : products(std::max(work.matrix, work.shared / rates.sharedPerCycle)),
        steps(work.steps * rates.stepCycles), prologue(work.staging),
        cached(work.cached / rates.cachedPerCycle),
        copies(std::max(work.copying, cyclesOf(rates, work.source))), weights(cyclesOf(rates, work.weights)),
        last(std::max(work.after, work.waits)), epilogue(last) {
    if (!work.turns)
      return;
    // One warpgroup alone takes as long as two for twice as much. Of two tiles, one's epilogue passes beside
    // the other's products.
    last = std::max(consumersOfTurns * work.after, work.waits);
    epilogue = std::max(0.0, last - matrix()) / consumersOfTurns;
  }

  double products, steps, prologue, cached, copies, weights;
  double last;     // the end of the block's last tile
  double epilogue; // of each other tile, the part that nothing hides

  double matrix() const { return std::max(products, steps); }
  /// Returns the cycles of a tile of which products and epilogue take so many.
  double with(double contracting) const { return beside({contracting, prologue, cached, copies, weights}); }
};
} // namespace

double nvidia::secondsOf(const Rates &rates, const Work &work) {
  double waves = shape::ceilDiv(work.blocks, rates.multiprocessors * work.together);
  TileCycles tile(rates, work);
  double first = tile.with(tile.matrix()), next = tile.with(tile.matrix() + tile.epilogue);
  double cycles = waves * (rates.blockCycles + (first + (work.tiles - 1) * next) * work.together + tile.last);
  return rates.launchSeconds + beside({cycles / rates.clock(), work.memory / rates.memory});
}

double nvidia::leastSecondsOf(const Rates &rates, Work work) {
  work.source.underWay = work.weights.underWay = 0;
  return secondsOf(rates, work);
}

Prediction nvidia::predictionOf(const Rates &rates, const Work &work) {
  TileCycles tile(rates, work);
  double waves = shape::ceilDiv(work.blocks, rates.multiprocessors * work.together);
  double tiles = waves * work.tiles * work.together / rates.clock();
  const std::pair<double, StringRef> parts[] = {
      {tiles * tile.products, "products"},
      {tiles * tile.steps, "steps"},
      {tiles * tile.prologue, "prologue"},
      {tiles * tile.cached, "L2"},
      {tiles * tile.copies, "copies"},
      {tiles * tile.weights, "weights"},
      {waves * (work.together * (work.tiles - 1) * tile.epilogue + tile.last) / rates.clock(), "epilogue"},
      {work.memory / rates.memory, "memory"},
      {rates.launchSeconds + waves * rates.blockCycles / rates.clock(), "launch"},
  };
  return {secondsOf(rates, work), llvm::max_element(parts, llvm::less_first())->second};
}

double nvidia::secondsOfMerge(const Rates &rates, double bytes) {
  constexpr double trips = 4; // through L2: two fences, an atomic operation, the results
  return trips * rates.cachedLatency + bytes / rates.cachedPerCycle / rates.clock();
}

double nvidia::floorOf(const Rates &rates, const kernel::Traffic &traffic) {
  double products = traffic.macs / (rates.products);
  return std::max(products, bytesOf(traffic) / rates.memory);
}

double nvidia::secondsOfStream(const Rates &rates, const kernel::Traffic &traffic, int64_t threads,
                               int64_t bytes) {
  double underWay = std::min<double>(threads, rates.multiprocessors * rates.residentThreads) * bytes;
  return rates.launchSeconds + bytesOf(traffic) / std::min(rates.memory, underWay / rates.latency);
}

double nvidia::secondsOfLoops(const Rates &rates, const kernel::Traffic &traffic, int64_t lanes) {
  constexpr double perMultiplyAdd = 10, perByte = 4; // instructions
  constexpr double latency = 10;                     // cycles of a thread's instruction, loads among them
  double instructions = perMultiplyAdd * traffic.macs + perByte * bytesOf(traffic);
  double resident = std::min<double>(lanes, rates.multiprocessors * rates.residentThreads);
  double perCycle = std::min(rates.multiprocessors * rates.lanes, resident / latency);
  return rates.launchSeconds +
         std::max(instructions / perCycle / rates.clock(), bytesOf(traffic) / rates.memory);
}

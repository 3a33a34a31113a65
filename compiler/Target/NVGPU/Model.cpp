#include "compiler/Target/NVGPU/Model.h"

using namespace kinema;
using namespace kinema::nvidia;

// Measured on an H200: 790 TFLOP/s of bfloat16 products and copies at 4.3 TB/s. The clock is the one at which
// its tensor cores (2048 multiply-adds a cycle and multiprocessor) give that rate. The rest are estimates.
static constexpr double multiplyAddsPerCycle = 2048;
static constexpr double clockRate = 790e12 / 2 / multiprocessors / multiplyAddsPerCycle;
static constexpr double memoryRate = 4.3e12;
static constexpr double cachedPerCycle = 32;  // bytes of L2 a multiprocessor
static constexpr double launchSeconds = 1e-6; // until the first block runs, and until the last is seen
static constexpr double blockCycles = 2000;   // until a block's stages are full
static constexpr double lanesPerMultiprocessor = 128, residentThreads = 2048;

double nvidia::secondsOf(const Work &work) {
  double waves = shape::ceilDiv(work.blocks, multiprocessors * work.together);
  double brought = std::max(work.staging, work.cached / cachedPerCycle);
  double first = std::max(work.matrix, brought), next = std::max(work.matrix + work.after, brought);
  double cycles = waves * (blockCycles + (first + (work.tiles - 1) * next) * work.together + work.after);
  return launchSeconds + std::max(cycles / clockRate, work.memory / memoryRate);
}

double nvidia::secondsOfMerge(double bytes) {
  constexpr double latency = 300, trips = 4; // through L2: two fences, an atomic operation, the results
  return (trips * latency + bytes / cachedPerCycle) / clockRate;
}

double nvidia::floorOf(const kernel::Traffic &traffic) {
  double products = traffic.macs / (clockRate * multiprocessors * multiplyAddsPerCycle);
  return std::max(products, bytesOf(traffic) / memoryRate);
}

double nvidia::secondsOfStream(const kernel::Traffic &traffic, int64_t threads, int64_t bytes) {
  constexpr double latency = 0.7e-6; // of memory
  double underWay = std::min<double>(threads, multiprocessors * residentThreads) * bytes;
  return launchSeconds + bytesOf(traffic) / std::min(memoryRate, underWay / latency);
}

double nvidia::secondsOfLoops(const kernel::Traffic &traffic, int64_t lanes) {
  constexpr double perMultiplyAdd = 10, perByte = 4; // instructions
  constexpr double latency = 10;                     // cycles of a thread's instruction, loads among them
  double instructions = perMultiplyAdd * traffic.macs + perByte * bytesOf(traffic);
  double resident = std::min<double>(lanes, multiprocessors * residentThreads);
  double perCycle = std::min(multiprocessors * lanesPerMultiprocessor, resident / latency);
  return launchSeconds + std::max(instructions / perCycle / clockRate, bytesOf(traffic) / memoryRate);
}

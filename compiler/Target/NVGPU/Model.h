// Predicts how long a launch takes by a model of a chip, which chooses schedules where nothing was measured.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_MODEL_H
#define KINEMA_COMPILER_TARGET_NVGPU_MODEL_H

#include "compiler/Target/Common/Measurements.h"
#include "compiler/Target/NVGPU/Processor.h"
#include "dialects/Kernel/Traffic.h"

namespace kinema::nvidia {

/// States what copies bring to shared memory through a ring of stages.
struct Copies {
  double bytes = 0;
  double underWay = 0; // bytes of them that are under way at a time; 0: as many as it takes
  double latency = 0;  // seconds in which these come
};

/// States what a launch asks of the machine: bytes of memory altogether, and what each tile asks of its
/// multiprocessor. A tile's matrix products, staging and traffic overlap, and so do a tile's end and the next
/// one's staging; the block's beginning and end do not. Where two warpgroups take turns, the end of a tile
/// and the products of the next one overlap, too, which are the other warpgroup's.
struct Work {
  int64_t blocks;
  int64_t together = 1; // blocks that share a multiprocessor
  int64_t tiles = 1;    // tiles of a block, one after the other
  double matrix = 0;    // cycles of tensor cores, or of the shared memory that feeds them
  double shared = 0;    // bytes that pass through shared memory: for products, copies and staging threads
  double staging = 0;   // cycles of the threads that prepare operands
  double copying = 0;   // cycles of a warp that begins copies
  double cached = 0;    // bytes between the block and L2
  double after = 0;     // cycles of the epilogue
  double waits = 0;     // of it, cycles in which its threads wait for memory, however few they are
  Copies source = {};   // of these, what comes from memory to shared memory
  Copies weights = {};  // of these, what comes to shared memory and lies in L2, since all blocks read it
  double steps = 0;     // times that a warpgroup begins products
  bool turns = false;   // whether the block's tiles are by turns those of two warpgroups
  double memory = 0;    // bytes of the launch between L2 and memory
};

/// Returns the seconds from a launch's beginning to its end.
double secondsOf(const Rates &rates, const Work &work);

/// Returns the seconds that the launch takes at least, however many bytes its copies have under way.
double leastSecondsOf(const Rates &rates, Work work);

/// Returns a lower bound of the seconds of launches for whose work this is one: a little less than
/// leastSecondsOf, since sums in another order differ in their last bits.
inline double boundOf(const Rates &rates, const Work &least) {
  constexpr double rounding = 1 - 1e-9;
  return rounding * leastSecondsOf(rates, least);
}

/// Returns the seconds of secondsOf with what they are spent on: `products`, of tensor cores or all that
/// passes through shared memory; `steps`, the beginning of products; `prologue`, the threads that prepare
/// operands; `L2`, its bytes; `copies`, the warps that begin them, or their latency; `weights`, the latency
/// of these; `epilogue`; `memory`, its bytes; `launch`, the beginning and end of a launch and of its blocks.
Prediction predictionOf(const Rates &rates, const Work &work);

/// Returns the seconds in which the last block merges partials of so many bytes.
double secondsOfMerge(const Rates &rates, double bytes);

/// Returns the seconds that no launch of this traffic can beat: matrix products at the measured peak, or
/// memory at its peak.
double floorOf(const Rates &rates, const kernel::Traffic &traffic);

/// Returns the seconds of plain loops, whose `lanes` threads compute and load element by element.
double secondsOfLoops(const Rates &rates, const kernel::Traffic &traffic, int64_t lanes);

/// Returns the seconds of threads that each move `bytes` at once.
double secondsOfStream(const Rates &rates, const kernel::Traffic &traffic, int64_t threads, int64_t bytes);

/// Returns the bytes that the launch reads and writes if each element passes once.
inline double bytesOf(const kernel::Traffic &traffic) { return double(traffic.reads) + traffic.writes; }

/// Returns the bytes of shared memory that the m64 x columns x 16 products of a warpgroup read, or of its
/// warps. Each warp loads the columns by itself, once for the `together` products that share them. A
/// product into tensor memory loads the columns once, and makes two sums of them if these are joined.
inline double bytesOfProduct(TensorCores tensorCores, int64_t columns, int64_t together = 1) {
  constexpr double rowBytes = 32; // of 16 contracted elements
  constexpr double warps = 4;
  return rowBytes * (64 + byTensorCores<double>(tensorCores, warps * columns / together, columns,
                                                double(columns) / together));
}

/// Returns the cycles of these products, whose operands lie in shared memory.
inline double cyclesOfProduct(const Rates &rates, TensorCores tensorCores, int64_t columns,
                              int64_t together = 1) {
  // In tensor memory, a product of 64 rows takes as long as one of 128.
  double idle = tensorCores == TensorCores::TensorMemory && together == 1 ? 2 : 1;
  return std::max(idle * 64 * 16 * columns / rates.multiplyAddsPerCycle,
                  bytesOfProduct(tensorCores, columns, together) / rates.sharedPerCycle);
}

/// Returns the cycles of an epilogue that makes so many results, reading `operands` numbers beside each and
/// adding it to `sums` sums.
inline double cyclesOfEpilogue(const Rates &rates, double results, int64_t operands, int64_t sums = 0) {
  constexpr double perResult = 6, perOperand = 5, perSum = 2; // instructions of a thread
  return results * (perResult + perOperand * operands + perSum * sums) / rates.epilogueLanes;
}

} // namespace kinema::nvidia

#endif

// How long a kernel takes, by a model of a core: what schedules are chosen by where nothing was measured. How
// many threads will share a kernel's blocks is not known. Seconds are those of all cores together, at work or
// waiting for the last block, in the mean over machines of 1 to 16 cores; those of one thread are less.
#ifndef KINEMA_COMPILER_TARGET_CPU_MODEL_H
#define KINEMA_COMPILER_TARGET_CPU_MODEL_H

#include "compiler/Target/CPU/Level.h"
#include "dialects/Kernel/Traffic.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace kinema::cpu {

/// The cores of the machines.
inline constexpr int64_t machines[] = {1, 2, 4, 8, 16};

/// Cycles of the cores of all machines, where `cycles` are those of one thread that computes so many blocks
/// of the grid. The last cores wait when blocks run out.
double cyclesOverMachines(int64_t grid, llvm::function_ref<double(int64_t blocks)> cycles);
/// Returns the same for what one core does on each machine.
constexpr double cyclesOverMachines(double cycles) { return std::size(machines) * cycles; }

/// The mean over the machines.
constexpr double secondsOf(const Rates &rates, double cyclesOverMachines) {
  return cyclesOverMachines / (std::size(machines) * rates.cycles);
}

/// Seconds of a kernel that memory bounds, in so many blocks.
double secondsOfStream(const Rates &rates, const kernel::Traffic &traffic, int64_t grid);

/// Seconds of plain loops, element by element, in so many blocks.
double secondsOfLoops(const Rates &rates, const kernel::Traffic &traffic, int64_t grid);

} // namespace kinema::cpu

#endif

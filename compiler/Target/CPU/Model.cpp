#include "compiler/Target/CPU/Model.h"

using namespace kinema;

double cpu::cyclesOverMachines(int64_t grid, llvm::function_ref<double(int64_t)> cycles) {
  double total = 0;
  for (int64_t cores : machines)
    total += cores * cycles(shape::ceilDiv(grid, cores));
  return total;
}

static double bytesOf(const kernel::Traffic &traffic) { return double(traffic.reads) + traffic.writes; }

double cpu::secondsOfStream(const Rates &rates, const kernel::Traffic &traffic, int64_t grid) {
  double cycles = bytesOf(traffic) / rates.memory * rates.cycles;
  return secondsOf(rates, cyclesOverMachines(grid, [&](int64_t blocks) { return blocks * cycles / grid; }));
}

double cpu::secondsOfLoops(const Rates &rates, const kernel::Traffic &traffic, int64_t grid) {
  constexpr double perMultiplyAdd = 4, perByte = 1;
  double cycles = perMultiplyAdd * traffic.macs + perByte * bytesOf(traffic);
  return secondsOf(rates, cyclesOverMachines(grid, [&](int64_t blocks) { return blocks * cycles / grid; }));
}

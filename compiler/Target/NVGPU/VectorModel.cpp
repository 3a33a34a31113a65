#include "compiler/Target/NVGPU/VectorModel.h"

using namespace kinema;
using namespace kinema::nvidia;

Work nvidia::workOfVectors(const VectorWork &vectors, const Processor &processor) {
  const Rates &rates = processor.rates;
  Work work{vectors.blocks};
  constexpr double fewestRegisters = 44, perValue = 1.2; // what ptxas takes
  int64_t registers = fewestRegisters + perValue * vectors.values;
  int64_t resident = residentBlocks(vectors.threads, registers, vectors.sharedBytes, processor);
  work.together = std::min(resident, shape::ceilDiv(vectors.blocks, rates.multiprocessors));
  // A thread's instructions come one after the other, and a multiprocessor has so many a cycle.
  auto cycles = [&](double instructions) {
    return std::max(instructions * vectors.threads / rates.lanes,
                    instructions * rates.issueCycles / work.together);
  };
  work.staging = cycles(vectors.instructions);
  work.after = cycles(vectors.last) * work.together;
  work.cached = vectors.cached;
  work.source = {vectors.loaded, double(vectors.atOnce * work.together), rates.latency};
  work.memory = vectors.memory;
  return work;
}

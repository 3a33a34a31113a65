#include "compiler/Target/NVGPU/VectorModel.h"

using namespace kinema;
using namespace kinema::nvidia;

int64_t nvidia::registersOfVectors(int64_t values) {
  constexpr double fewest = 44, perValue = 1.2;
  return fewest + perValue * values;
}

Work nvidia::workOfVectors(const VectorWork &vectors, const Processor &processor) {
  const Rates &rates = processor.rates;
  Work work{vectors.blocks};
  int64_t resident =
      residentBlocks(vectors.threads, registersOfVectors(vectors.values), vectors.sharedBytes, processor);
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

// What `kinema inspect` tells about the machine code of a GPU's kernels: what each takes of a multiprocessor.
#ifndef KINEMA_COMPILER_INSPECT_KERNELS_H
#define KINEMA_COMPILER_INSPECT_KERNELS_H

#include "compiler/Target/NVGPU/Codegen.h"

#include <nlohmann/json.hpp>

namespace kinema::inspect {

struct KernelSummary {
  std::string name, op, schedule;
  std::vector<std::string> layers;
  int64_t grid = 0, threads = 0, dynamicShared = 0; // blocks; of a block; bytes of a block
  bool reference = false;                           // the plain lowering, not one made for speed
  std::optional<nvidia::Resources> resources;       // nothing without ptxas
  double occupancy = 0;                             // of the multiprocessor's threads; with resources alone
};

std::vector<KernelSummary> summariseKernels(mlir::ModuleOp planned, const nvidia::Code &code,
                                            const nvidia::Processor &processor = nvidia::hopper);

std::string kernelTable(const std::vector<KernelSummary> &kernels);
/// [{kernel, op, schedule, reference, layers, blocks, threads, shared, registers, spills, stack, occupancy}];
/// the last four where there is ptxas.
nlohmann::json kernelsJson(const std::vector<KernelSummary> &kernels);

} // namespace kinema::inspect

#endif

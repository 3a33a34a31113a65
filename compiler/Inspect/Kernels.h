// Computes what `kinema inspect` tells about kernels' machine code, where a target reports on it: how much of
// the machine each kernel takes.
#ifndef KINEMA_COMPILER_INSPECT_KERNELS_H
#define KINEMA_COMPILER_INSPECT_KERNELS_H

#include "compiler/Target/Common/Target.h"

#include <nlohmann/json.hpp>

namespace kinema::inspect {

struct KernelSummary {
  std::string name, op, schedule;
  std::vector<std::string> layers;
  int64_t grid = 0, threads = 0, dynamicShared = 0; // blocks; threads of a block; bytes of a block
  bool reference = false;                           // the plain lowering, not one made for speed
  std::optional<CodeReport::Kernel> resources;      // nothing where there was no tool to report them
};

std::vector<KernelSummary> summariseKernels(mlir::ModuleOp planned, const Target &target,
                                            const CodeReport &report);

std::string kernelTable(const std::vector<KernelSummary> &kernels);
/// Returns [{kernel, op, schedule, reference, layers, blocks, threads, shared, registers, spills, stack,
/// occupancy}]. The last four fields are there only where a tool reported them.
nlohmann::json kernelsJson(const std::vector<KernelSummary> &kernels);

} // namespace kinema::inspect

#endif

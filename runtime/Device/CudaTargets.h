// Says which GPUs run the code of which targets (CUDA C++ Programming Guide, "Application Compatibility").
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kinema {

// How a GPU runs the code of a target, the better the later.
enum class CudaFit {
  None,        // not at all
  AsText,      // the driver compiles the PTX, which is for an older generation
  MachineCode, // it is for an older chip of the same generation
  Exact,       // it is for this GPU
};

// target: "sm_80", or "sm_90a", whose instructions that one architecture has alone; architecture: "sm_86".
CudaFit cudaFit(std::string_view target, std::string_view architecture);

// Returns the number of the target that fits the GPU best, of those that fit equally the newest; their number
// where none fits.
size_t chooseCudaTarget(const std::vector<std::string> &targets, std::string_view architecture);

} // namespace kinema

// Says which GPUs run the code of which targets (CUDA C++ Programming Guide, "Application Compatibility").
#pragma once

#include <cstdint>
#include <optional>
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

// What a package has for a GPU.
struct CudaCode {
  std::string target;
  int64_t sharedBytes = 0; // the most shared memory that a block of its kernels takes
  bool hasText = true;     // PTX, for GPUs of later generations
};

// Returns the number of the code that fits a GPU best, of those that fit equally the one of the newest
// target; their number where none fits. Code for A100 may take more shared memory than a GeForce of the same
// generation gives a block: then it does not fit. `sharedBytes` is what the GPU gives; null: it is not known.
size_t chooseCudaCode(const std::vector<CudaCode> &codes, std::string_view architecture,
                      std::optional<int64_t> sharedBytes = std::nullopt);

// Returns whether some GPU, of those that there are and one to come, takes the target's code as text from a
// package that has code for all of `targets`.
bool isTextOfUse(std::string_view target, const std::vector<std::string> &targets);

} // namespace kinema

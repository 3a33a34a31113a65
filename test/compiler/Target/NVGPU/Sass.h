// Reads kernels' machine code as nvdisasm prints it (SASS), and counts in their loops what makes them slow:
// ptxas is free to move loads behind the work that they were meant to be hidden by.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_SASS_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_SASS_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kinema::testing {

/// Counts of one pass of a loop, once the passes before it have filled the registers.
struct LoopCounts {
  int64_t instructions = 0;
  /// How often the pass waits for loads of global memory that were issued since the wait before: latencies
  /// one behind the other.
  int64_t waits = 0;
  int64_t positions = 0; // stores of 16 bytes to shared memory
  int64_t products = 0;  // of matrices, by a warpgroup or a warp
  int64_t drains = 0;    // waits for products of warpgroups
  int64_t loads = 0;     // of fragments, for products of warps
};

/// A KernelCounts holds the innermost loops of a kernel, in the order of its code.
struct KernelCounts {
  std::vector<LoopCounts> staging;  // that make staged positions of what lies in global or shared memory
  std::vector<LoopCounts> products; // that multiply matrices
  int64_t local = 0;                // loads and stores of local memory, anywhere
  /// Instructions that read or write sums of warpgroups' products which may not have ended: between the last
  /// products and the wait for all of them. Each is an error.
  int64_t early = 0;
};

/// The counts of each kernel in a text of nvdisasm, by symbol.
std::map<std::string, KernelCounts> readSass(llvm::StringRef text);

} // namespace kinema::testing

#endif

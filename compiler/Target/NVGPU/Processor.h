// The GPUs that code is made for, declared once.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_PROCESSOR_H
#define KINEMA_COMPILER_TARGET_NVGPU_PROCESSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace kinema::nvidia {

struct Processor {
  llvm::StringRef name;     // as LLVM, ptxas and the manifest spell it
  llvm::StringRef features; // the oldest PTX that knows it, so that older drivers read it too
  bool warpgroups;          // has the products of warpgroups that the schedules `sm90.*` are made of
  // Of a multiprocessor, at a time (CUDA C++ Programming Guide, "Compute Capabilities").
  int64_t warps, blocks, sharedBytes;
};

/// Ampere (A100), Ada, Hopper, Blackwell (B200).
inline constexpr Processor processors[] = {
    {"sm_80", "+ptx70", false, 64, 32, 164 * 1024},
    {"sm_89", "+ptx78", false, 48, 24, 100 * 1024},
    {"sm_90a", "+ptx80", true, 64, 32, 228 * 1024},
    {"sm_100", "+ptx86", false, 64, 32, 228 * 1024},
};
inline constexpr const Processor &hopper = processors[2];

/// Null where there is none of this name.
inline const Processor *processorNamed(llvm::StringRef name) {
  for (const Processor &processor : processors)
    if (processor.name == name)
      return &processor;
  return nullptr;
}

} // namespace kinema::nvidia

#endif

// Runs ptxas, which turns PTX into machine code, and reads what it says about each kernel.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_ASSEMBLER_H
#define KINEMA_COMPILER_TARGET_NVGPU_ASSEMBLER_H

#include "compiler/Target/NVGPU/Processor.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kinema::nvidia {

/// Says how much a kernel takes of a multiprocessor.
struct Resources {
  int64_t registers = 0;   // of a thread
  int64_t spillBytes = 0;  // stored and loaded
  int64_t stackBytes = 0;  // of a thread
  int64_t sharedBytes = 0; // static, of a block
};

/// Holds what ptxas made of a text, or why it did not.
struct Assembly {
  std::string cubin;
  std::map<std::string, Resources> kernels; // by symbol
  std::vector<std::string> warnings;        // lines that are not mere information
  std::string error;                        // empty: all went well
};

/// Runs ptxas on one core.
Assembly assemble(llvm::StringRef ptxas, llvm::StringRef ptx, const Processor &processor);

/// Reads what `ptxas -v` says.
void readMessages(llvm::StringRef messages, Assembly &assembly);

/// Returns the share of a multiprocessor's threads that kernels with these needs can occupy, 0 to 1.
double occupancy(const Resources &resources, int64_t threads, int64_t dynamicSharedBytes,
                 const Processor &processor);

} // namespace kinema::nvidia

#endif

// What is wrong with PTX that ptxas takes without a word.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_PTXCHECKS_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_PTXCHECKS_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace kinema::testing {

/// Returns what is wrong with the PTX of one kernel, with the line, or nothing where nothing is:
/// - A line reads a register which a load from tensor memory may not have written yet. What it reads is
/// undefined
///   (PTX ISA, "tcgen05.wait").
/// - A line adds to both words of a matrix descriptor. ptxas 13.0 has lost the upper one of such a sum
///   (SharedMemoryContract).
std::string faultOfPTX(llvm::StringRef ptx);

} // namespace kinema::testing

#endif

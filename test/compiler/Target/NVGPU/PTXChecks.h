// What is wrong with PTX that ptxas takes without a word.
#ifndef KINEMA_TEST_COMPILER_TARGET_NVGPU_PTXCHECKS_H
#define KINEMA_TEST_COMPILER_TARGET_NVGPU_PTXCHECKS_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace kinema::testing {

/// Returns what is wrong with the PTX of one kernel, with the line, or nothing where nothing is. A line may
/// not read a register which a load from tensor memory may not have written yet, since what it reads is
/// undefined (PTX ISA, "tcgen05.wait"). No line may add to both words of a matrix descriptor, since
/// ptxas 13.0 has lost the upper one of such a sum (SharedMemoryContract).
std::string faultOfPTX(llvm::StringRef ptx);

} // namespace kinema::testing

#endif

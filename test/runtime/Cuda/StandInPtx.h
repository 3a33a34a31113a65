// What the library in place of NVIDIA's driver reads in the PTX of its package.
#ifndef KINEMA_TEST_RUNTIME_CUDA_STANDINPTX_H
#define KINEMA_TEST_RUNTIME_CUDA_STANDINPTX_H

#include "runtime/Package/Package.h"

#include <optional>
#include <string>
#include <vector>

namespace kinema::standin {

// Returns the file that KINEMA_STANDIN_PACKAGE names; an empty string where it names none.
std::string packageFile();

// Returns the PTX of the package, which is for one of these targets: sm_90a or sm_80.
std::string textOf(const Package &package);

// Returns of each parameter that the kernel has in the PTX whether it is a tensor map; nothing where there is
// no such kernel.
std::optional<std::vector<bool>> parametersOf(const std::string &text, const std::string &kernel);

// Returns whether the kernel waits for the launch before its own before it touches global memory.
bool waitsFirst(const std::string &text, const std::string &kernel);

} // namespace kinema::standin

#endif

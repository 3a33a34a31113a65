// The machine code of one kernel of a package, as text.
#pragma once

#include "runtime/Package/Manifest.h"
#include "runtime/Package/Package.h"

#include <string>

namespace kinema {

struct Disassembly {
  std::string source; // "SASS by /usr/local/cuda/bin/cuobjdump", "PTX: ..."
  std::string text;
};

/// By cuobjdump or nvdisasm for a GPU where one of them is there (in the folder `toolkit`, or, where that is
/// empty, in CUDA_HOME, the PATH or /usr/local/cuda), else the package's PTX; by objdump for the CPU. Throws
/// Error.
Disassembly disassemble(const Package &package, const Manifest &manifest, const std::string &symbol,
                        const std::string &toolkit);

/// The kernel's function in a PTX text; empty where there is none.
std::string findInPtx(const std::string &ptx, const std::string &symbol);

/// The kernel's section in what `nvdisasm -c` says of a cubin; empty where there is none.
std::string findInSass(const std::string &text, const std::string &symbol);

} // namespace kinema

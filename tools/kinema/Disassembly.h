// Shows the machine code of one kernel of a package, as text.
#pragma once

#include "runtime/Package/Manifest.h"
#include "runtime/Package/Package.h"

#include <string>

namespace kinema {

struct Disassembly {
  std::string source; // "SASS by /usr/local/cuda/bin/cuobjdump", "PTX: ..."
  std::string text;
};

/// Disassembles a kernel: for a GPU by cuobjdump or nvdisasm where one of them is there (in the folder
/// `toolkit` or, where that is empty, in CUDA_HOME, the PATH or /usr/local/cuda), else as the package's PTX;
/// for a CPU by objdump, or by LLVM's where it is another processor than x86-64. Throws Error.
Disassembly disassemble(const Package &package, const Manifest &manifest, const std::string &symbol,
                        const std::string &toolkit);

/// Returns the kernel's function in a PTX text; an empty string where there is none.
std::string findInPtx(const std::string &ptx, const std::string &symbol);

/// Returns the kernel's section in what `nvdisasm -c` prints of a cubin; an empty string where there is none.
std::string findInSass(const std::string &text, const std::string &symbol);

} // namespace kinema

// Implements `kinema inspect` on a package: what its files are, its kernels and their launches, and one
// kernel's code.
#pragma once

#include <string>

namespace kinema {

struct InspectPackageOptions {
  std::string package;
  std::string kernel;  // show this kernel alone, with its code; empty: all, without
  std::string toolkit; // the folder of a CUDA toolkit, for SASS
  bool launches = false, json = false;
};

/// Prints what is asked for. Throws Error.
void inspectPackage(const InspectPackageOptions &options);

} // namespace kinema

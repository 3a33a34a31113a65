// Loads the host code of kernels, which the pass nvvm-to-emulator made.
#pragma once

#include "runtime/Emulator/Emulator.h"
#include "runtime/Support/SharedObject.h"

#include <map>

namespace kinema::emulator {

class Code {
public:
  // Loads the bytes of a shared object. Throws Error.
  void load(std::string_view content, const std::string &name);

  // Returns the kernel of this name, which lives as long as the code. Throws Error.
  const Kernel &find(const std::string &symbol);

private:
  struct Loaded {
    Kernel kernel;
    std::vector<const char *> sites;
  };
  SharedObject object;
  std::map<std::string, Loaded> kernels;
};

} // namespace kinema::emulator

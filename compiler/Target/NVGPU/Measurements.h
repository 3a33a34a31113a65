// Schedules that were measured on a GPU: which was the quickest for which kernel. bench/tune writes the file.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_MEASUREMENTS_H
#define KINEMA_COMPILER_TARGET_NVGPU_MEASUREMENTS_H

#include "compiler/Target/NVGPU/Strategies.h"

#include "llvm/Support/Error.h"

#include <map>
#include <string>

namespace kinema::nvidia {

class Measurements {
public:
  /// Of a JSON object: a kernel's signature (dialects/Kernel/Signature.h) to {"schedule": its name,
  /// "parameters": {name: integer}, "seconds"}. The error says what is wrong.
  static llvm::Expected<Measurements> parse(llvm::StringRef text);
  static llvm::Expected<Measurements> read(llvm::StringRef path);
  /// Those of an H200 that Kinema was built with (tune/sm_90a.json).
  static const Measurements &builtIn();

  /// The measured schedule of a kernel if it is one of the candidates; else the first, the model's choice.
  const Candidate &choose(mlir::Operation *kernel, llvm::ArrayRef<Candidate> candidates) const;

private:
  struct Entry {
    std::string schedule;
    std::map<std::string, int64_t> parameters;
  };
  std::map<std::string, Entry, std::less<>> entries; // by signature
};

} // namespace kinema::nvidia

#endif

// Implements `kinema doctor`, which looks for the compiler's tools besides, and says what `--version` says.
#include "compiler/Pipelines/Targets.h"
#include "compiler/Support/Tool.h"
#include "runtime/Commands/Doctor.h"
#include "tools/kinema/Commands.h"

#include "llvm/Config/llvm-config.h"

#include <fmt/ranges.h>

namespace kinema {
namespace {

Provision examineTool(const char *name, const char *purpose, const char *remedy,
                      const std::optional<std::string> &found) {
  return {name, found.has_value(), found.value_or(remedy), purpose};
}

std::vector<Provision> examineTools() {
  constexpr const char *toolkit = "install the CUDA toolkit, or say where it is with --cuda-path";
  return {examineTool("lld", "to compile packages for CPUs", "Debian's lld-22 brings it", findLinker()),
          examineTool("ptxas", "to have machine code in packages for GPUs, in place of PTX", toolkit,
                      findTool("ptxas", "")),
          examineTool("nvdisasm", "to show the machine code of a GPU's kernel", toolkit,
                      findTool("nvdisasm", "")),
          examineTool("objdump", "to show the machine code of a CPU's kernel", "Debian's binutils brings it",
                      findTool("objdump", ""))};
}

} // namespace

void addDoctor(CLI::App &app) { addDoctor(app, examineTools); }

std::string compilerVersion() {
  std::vector<std::string> names;
  for (const Target *target : targets())
    names.push_back(target->name.str());
  return fmt::format("LLVM {}\ntargets: {}", LLVM_VERSION_STRING, fmt::join(names, ", "));
}

} // namespace kinema

#include "compiler/Target/Common/Link.h"

#include "compiler/Support/Tool.h"

using namespace llvm;
using namespace kinema;

std::optional<std::string> kinema::linkShared(ArrayRef<std::string> objects, std::string &error) {
  auto linker = findLinker();
  if (!linker) {
    error = "found no linker: neither ld.lld-22 nor ld.lld is on the PATH; install lld-22";
    return std::nullopt;
  }
  ToolFolder folder;
  if (!folder.exists()) {
    error = "cannot create a temporary folder for the linker";
    return std::nullopt;
  }
  std::string output = folder.file("kernels.so");
  std::vector<std::string> arguments = {*linker,
                                        "-shared",
                                        "--no-undefined-version",
                                        "--build-id=none",
                                        "--hash-style=gnu",
                                        "-znoexecstack",
                                        "--strip-all",
                                        "-o",
                                        output};
  for (size_t i = 0; i < objects.size(); ++i) {
    arguments.push_back(folder.file(Twine(i) + ".o"));
    if (!writeWhole(arguments.back(), objects[i])) {
      error = "cannot write " + arguments.back();
      return std::nullopt;
    }
  }
  if (ToolRun run = runTool(folder, arguments); !run.good) {
    error = "the linker failed: " + run.messages;
    return std::nullopt;
  }
  auto library = readWhole(output);
  if (!library)
    error = "the linker left no " + output;
  return library;
}

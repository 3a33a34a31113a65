// Runs other programs: gives them a folder for their files, and returns what they print.
#ifndef KINEMA_COMPILER_SUPPORT_TOOL_H
#define KINEMA_COMPILER_SUPPORT_TOOL_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/Twine.h"

#include <optional>
#include <string>
#include <vector>

namespace kinema {

/// A ToolFolder is a temporary folder that is removed with all that is in it.
class ToolFolder {
public:
  ToolFolder();
  ~ToolFolder();
  ToolFolder(const ToolFolder &) = delete;

  bool exists() const { return !path.empty(); }
  std::string file(const llvm::Twine &name) const;

private:
  llvm::SmallString<128> path;
};

std::optional<std::string> readWhole(llvm::StringRef path);
bool writeWhole(llvm::StringRef path, llvm::StringRef bytes);

/// Holds what a program wrote to its output and its errors, and whether it ended well.
struct ToolRun {
  bool good;
  std::string messages;
};
/// Runs `command[0]`, a path, with the other words as arguments.
ToolRun runTool(const ToolFolder &folder, llvm::ArrayRef<std::string> command);

/// Looks for a program of the CUDA toolkit, such as ptxas, in the folder `toolkit` alone or, where that is
/// empty, in CUDA_HOME, the PATH and /usr/local/cuda.
std::optional<std::string> findTool(llvm::StringRef name, llvm::StringRef toolkit);

/// Looks in the PATH for the linker that makes shared objects of the code for CPUs.
std::optional<std::string> findLinker();

} // namespace kinema

#endif

#include "compiler/Support/Tool.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

using namespace llvm;
using namespace kinema;

ToolFolder::ToolFolder() {
  if (sys::fs::createUniqueDirectory("kinema", path))
    path.clear();
}

ToolFolder::~ToolFolder() {
  if (exists())
    sys::fs::remove_directories(path);
}

std::string ToolFolder::file(const Twine &name) const { return (path + "/" + name).str(); }

std::optional<std::string> kinema::readWhole(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path);
  return buffer ? std::optional((*buffer)->getBuffer().str()) : std::nullopt;
}

bool kinema::writeWhole(StringRef path, StringRef bytes) {
  std::error_code failed;
  raw_fd_ostream stream(path, failed);
  if (failed)
    return false;
  stream << bytes;
  stream.close();
  bool good = !stream.has_error();
  stream.clear_error();
  return good;
}

ToolRun kinema::runTool(const ToolFolder &folder, ArrayRef<std::string> command) {
  std::string messages = folder.file("messages"), error;
  SmallVector<StringRef> words(command.begin(), command.end());
  std::optional<StringRef> redirects[] = {StringRef(), StringRef(messages), StringRef(messages)};
  int status =
      sys::ExecuteAndWait(command.front(), words, /*Env=*/std::nullopt, redirects, /*SecondsToWait=*/0,
                          /*MemoryLimit=*/0, &error);
  return {status == 0, readWhole(messages).value_or(error)};
}

std::optional<std::string> kinema::findTool(StringRef name, StringRef toolkit) {
  auto under = [&](StringRef folder) -> std::optional<std::string> {
    SmallString<128> path(folder);
    sys::path::append(path, "bin", name);
    return sys::fs::can_execute(path) ? std::optional(path.str().str()) : std::nullopt;
  };
  if (!toolkit.empty())
    return under(toolkit);
  if (const char *home = std::getenv("CUDA_HOME"))
    if (auto found = under(home))
      return found;
  if (auto onPath = sys::findProgramByName(name))
    return *onPath;
  return under("/usr/local/cuda");
}

std::optional<std::string> kinema::findLinker() {
  for (const char *name : {"ld.lld-22", "ld.lld"})
    if (auto path = sys::findProgramByName(name))
      return *path;
  return std::nullopt;
}

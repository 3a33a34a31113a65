#include "compiler/Target/CPU/Link.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

static std::optional<std::string> readFile(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path);
  return buffer ? std::optional((*buffer)->getBuffer().str()) : std::nullopt;
}

static bool writeFile(StringRef path, StringRef bytes) {
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

static std::optional<std::string> findLinker() {
  for (const char *name : {"ld.lld-22", "ld.lld"})
    if (auto path = sys::findProgramByName(name))
      return *path;
  return std::nullopt;
}

std::optional<std::string> kinema::cpu::linkShared(ArrayRef<std::string> objects, std::string &error) {
  auto linker = findLinker();
  if (!linker) {
    error = "found no linker: neither ld.lld-22 nor ld.lld is on the PATH; install lld-22";
    return std::nullopt;
  }
  SmallString<128> folder;
  if (sys::fs::createUniqueDirectory("kinema", folder)) {
    error = "cannot create a temporary folder for the linker";
    return std::nullopt;
  }
  scope_exit cleanUp([&] { sys::fs::remove_directories(folder); });
  auto inFolder = [&](const Twine &name) { return (folder + "/" + name).str(); };
  std::string output = inFolder("kernels.so"), messages = inFolder("messages");
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
    arguments.push_back(inFolder(Twine(i) + ".o"));
    if (!writeFile(arguments.back(), objects[i])) {
      error = "cannot write " + arguments.back();
      return std::nullopt;
    }
  }
  SmallVector<StringRef> words(arguments.begin(), arguments.end());
  std::optional<StringRef> redirects[] = {StringRef(), StringRef(messages), StringRef(messages)};
  if (sys::ExecuteAndWait(*linker, words, /*Env=*/std::nullopt, redirects, /*SecondsToWait=*/0,
                          /*MemoryLimit=*/0, &error)) {
    error = "the linker failed: " + readFile(messages).value_or(error);
    return std::nullopt;
  }
  auto library = readFile(output);
  if (!library)
    error = "the linker left no " + output;
  return library;
}

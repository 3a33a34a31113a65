#include "runtime/Support/OwnFile.h"

#include <sys/auxv.h>

#include <filesystem>

std::string kinema::ownFile() {
  std::error_code code;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", code);
  const auto *calledBy = reinterpret_cast<const char *>(getauxval(AT_EXECFN));
  return !code ? self.string() : calledBy ? calledBy : "";
}

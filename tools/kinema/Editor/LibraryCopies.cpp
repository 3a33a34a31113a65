#include "tools/kinema/Editor/LibraryCopies.h"

#include "dsl/Load.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <filesystem>

namespace fs = std::filesystem;

namespace kinema::editor {

static bool hasText(const fs::path &path, llvm::StringRef text) {
  auto found = dsl::readSpec(path.string());
  if (found)
    return *found == text;
  llvm::consumeError(found.takeError());
  return false;
}

std::string LibraryCopies::pathOf(const dsl::Sources &sources, uint32_t file) const {
  const llvm::StringRef text = sources.text(file);
  const fs::path path = sources.path(file).str(), spec = sources.path(0).str();
  std::error_code none;
  for (const fs::path &candidate :
       {path, spec.parent_path() / "lib" / path.filename(), spec.parent_path() / path.filename()})
    if (hasText(candidate, text))
      return fs::absolute(candidate, none).string();
  if (folder.empty())
    return "";
  const fs::path copy = fs::path(folder) / "library" / path.filename();
  if (hasText(copy, text))
    return copy.string();
  try {
    makeDirectory(copy.parent_path().string());
    writeFile(copy.string(), text);
  } catch (const Error &) {
    return "";
  }
  return copy.string();
}

} // namespace kinema::editor

#include "dsl/Source.h"

#include "llvm/ADT/Twine.h"

#include <algorithm>

namespace kinema::dsl {

uint32_t Sources::add(std::string path, std::string text) {
  files.push_back({std::move(path), std::move(text), {0}});
  SourceFile &file = files.back();
  for (size_t i = 0; i < file.text.size(); ++i)
    if (file.text[i] == '\n')
      file.lineStarts.push_back(i + 1);
  return files.size() - 1;
}

std::optional<uint32_t> Sources::find(llvm::StringRef path) const {
  for (uint32_t file = 0; file < files.size(); ++file)
    if (files[file].path == path)
      return file;
  return std::nullopt;
}

llvm::StringRef Sources::line(uint32_t file, uint32_t line) const {
  if (file >= files.size() || line == 0 || line > files[file].lineStarts.size())
    return {};
  llvm::StringRef rest = llvm::StringRef(files[file].text).drop_front(files[file].lineStarts[line - 1]);
  return rest.take_until([](char c) { return c == '\n'; }).rtrim('\r');
}

std::string Sources::describe(Location location) const {
  return (path(location.file) + ":" + llvm::Twine(location.line) + ":" + llvm::Twine(location.column)).str();
}

llvm::StringRef Sources::statementAt(Location location) const {
  llvm::StringRef text = line(location.file, location.line);
  if (location.column > text.size())
    return {};
  text = text.drop_front(location.column - 1);
  int braces = 0;
  size_t end = 0;
  for (; end < text.size(); ++end) {
    llvm::StringRef rest = text.drop_front(end);
    braces += rest[0] == '{';
    braces -= rest[0] == '}';
    if (rest[0] == '#' || braces < 0 || (braces == 0 && rest.starts_with("->")))
      break;
  }
  return text.take_front(end).rtrim(" \t\\");
}

} // namespace kinema::dsl

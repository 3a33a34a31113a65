// Finds files for the texts of the library that is part of the compiler, so that editors can show them.
#pragma once

#include "dsl/Source.h"

namespace kinema::editor {

class LibraryCopies {
public:
  /// Takes the folder in which copies are kept; empty: none are.
  explicit LibraryCopies(std::string folder) : folder(std::move(folder)) {}

  /// Returns the path of a file with the text of file `file`: its own where it was read from there, that of
  /// the same text beside the spec, or else that of a copy. Returns an empty string where no copy can be
  /// written.
  std::string pathOf(const dsl::Sources &sources, uint32_t file) const;

private:
  std::string folder;
};

} // namespace kinema::editor

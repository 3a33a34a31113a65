// Holds the texts that a compilation reads, and places in them. Every later phase names a place by a
// `Location`.
#pragma once

#include "llvm/ADT/StringRef.h"

#include <compare>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace kinema::dsl {

/// A Location is a stretch of one line: the token or phrase that an error underlines. Lines and columns count
/// from 1, columns in bytes; line 0 is "nowhere" (a default that nobody wrote).
struct Location {
  uint32_t file = 0;
  uint32_t line = 0;
  uint32_t column = 0;
  uint32_t length = 1;

  bool known() const { return line != 0; }
  auto operator<=>(const Location &) const = default;
};

/// Holds the files read so far, by number. File 0 is the one that is compiled. Texts never move once added.
class Sources {
public:
  uint32_t add(std::string path, std::string text);

  unsigned size() const { return files.size(); }
  llvm::StringRef path(uint32_t file) const { return files[file].path; }
  llvm::StringRef text(uint32_t file) const { return files[file].text; }
  /// Returns the file's number, if it was read.
  std::optional<uint32_t> find(llvm::StringRef path) const;
  /// Returns line `line` (from 1) without its end; an empty string where the file has no such line.
  llvm::StringRef line(uint32_t file, uint32_t line) const;
  /// Returns `path:line:column`.
  std::string describe(Location location) const;
  /// Returns what stands at a location, to the end of its statement or line, without a comment: for "called
  /// from".
  llvm::StringRef statementAt(Location location) const;

private:
  struct SourceFile {
    std::string path;
    std::string text;
    std::vector<uint32_t> lineStarts;
  };
  std::deque<SourceFile> files;
};

} // namespace kinema::dsl

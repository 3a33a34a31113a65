#include "tools/kinema/Editor/Positions.h"

#include "llvm/Support/ConvertUTF.h"

#include <algorithm>

using namespace llvm;

namespace kinema::editor {

/// Returns the bytes of the character that starts with `first`, and the code units that it has in UTF-16. A
/// byte that starts none counts as a character.
static std::pair<size_t, int> sizeOf(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0xc0)
    return {1, 1};
  const size_t bytes = getNumBytesForUTF8(byte);
  return {bytes, bytes == 4 ? 2 : 1};
}

static lsp::Position positionOf(const dsl::Sources &sources, uint32_t file, uint32_t line, uint32_t column) {
  const StringRef text = sources.line(file, line);
  const size_t end = std::min<size_t>(column - 1, text.size());
  int units = 0;
  for (size_t i = 0; i < end;) {
    const auto [bytes, width] = sizeOf(text[i]);
    units += width;
    i += bytes;
  }
  return {int(line) - 1, units};
}

lsp::Range rangeOf(const dsl::Sources &sources, dsl::Location location) {
  return rangeOf(sources, location, location);
}

lsp::Range rangeOf(const dsl::Sources &sources, dsl::Location first, dsl::Location last) {
  if (!first.known() || !last.known())
    return {};
  return {positionOf(sources, first.file, first.line, first.column),
          positionOf(sources, last.file, last.line, last.column + last.length)};
}

dsl::Location locationOf(const dsl::Sources &sources, uint32_t file, lsp::Position position) {
  const auto line = static_cast<uint32_t>(std::max(0, position.line)) + 1;
  const StringRef text = sources.line(file, line);
  size_t at = 0;
  for (int units = 0; at < text.size() && units < position.character;) {
    const auto [bytes, width] = sizeOf(text[at]);
    units += width;
    at += bytes;
  }
  return {file, line, static_cast<uint32_t>(std::min(at, text.size())) + 1, 1};
}

} // namespace kinema::editor

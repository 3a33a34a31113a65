#include "runtime/Plots/Svg.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace kinema {

// Returns how many bytes the character has with which the text begins, 0 where that is none of XML's.
static size_t characterBytes(std::string_view text) {
  const auto first = static_cast<uint8_t>(text.front());
  const size_t bytes = first < 0x80   ? 1
                       : first < 0xc0 ? 0
                       : first < 0xe0 ? 2
                       : first < 0xf0 ? 3
                       : first < 0xf8 ? 4
                                      : 0;
  if (bytes < 2 || bytes > text.size())
    return bytes == 1 && (first >= ' ' || first == '\t' || first == '\n') ? 1 : 0;
  uint32_t code = first & (0x7f >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xc0) != 0x80)
      return 0;
    code = code << 6 | (byte & 0x3f);
  }
  constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code < 0xe000, allowed = code < 0xfffe || code >= 0x10000;
  return code >= least[bytes] && code < 0x110000 && allowed && !surrogate ? bytes : 0;
}

std::string escapedForSvg(const std::string &text) {
  constexpr std::string_view replacement = "\xef\xbf\xbd"; // U+FFFD
  std::string result;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t bytes = characterBytes(rest);
    const std::string_view character = bytes > 0 ? rest.substr(0, bytes) : replacement;
    result += character == "&"    ? "&amp;"
              : character == "<"  ? "&lt;"
              : character == ">"  ? "&gt;"
              : character == "\"" ? "&quot;"
                                  : character;
    rest.remove_prefix(std::max<size_t>(bytes, 1));
  }
  return result;
}

} // namespace kinema

// Writes text as SVG has it.
#pragma once

#include <string>

namespace kinema {

// Returns the text as SVG writes it, with U+FFFD in place of bytes that XML does not have.
std::string escapedForSvg(const std::string &text);

} // namespace kinema

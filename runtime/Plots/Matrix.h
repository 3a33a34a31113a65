// Draws square matrices of counts as SVG.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kinema {

// Draws the counts, [names.size(), names.size()], as squares that are the darker the larger a count is beside
// the sum of its row. Rows and columns have their names where there are at most 60.
std::string drawMatrix(const std::string &title, const std::vector<std::string> &names,
                       const std::vector<int64_t> &counts);

// Returns the text as SVG writes it, with U+FFFD in place of bytes that XML does not have.
std::string escapedForSvg(const std::string &text);

} // namespace kinema

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

} // namespace kinema

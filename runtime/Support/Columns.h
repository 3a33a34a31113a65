// Lays out tables for people.
#pragma once

#include <string>
#include <vector>

namespace kinema {

// Returns a line for each row, whose cells stand in columns as wide as the widest of their cells, two blanks
// apart. The last cell of a row may be of any length. Widths are counted in bytes.
std::string inColumns(const std::vector<std::vector<std::string>> &rows);

} // namespace kinema

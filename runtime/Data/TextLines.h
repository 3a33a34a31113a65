// Reads text files line by line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kinema {

inline constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text);

// Returns the lines of a text file, without a byte order mark. Throws Error where it is no such file.
std::vector<std::string> readLines(const std::string &file);

// Reads the whole text as a number; returns false where it is none.
template <typename Number> bool readWhole(std::string_view text, Number &number);

// Splits a line of a CSV file at its separators, which do not count inside double quotes.
std::vector<std::string> splitFields(std::string_view line, char separator);

} // namespace kinema

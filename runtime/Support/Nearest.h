// Finds the nearest of some names, for "did you mean".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kinema {

// Returns the name with the smallest edit distance, or an empty string where none is close enough to be
// meant.
std::string nearest(std::string_view word, const std::vector<std::string> &names);

// Returns "; did you mean 'NAME'?", or an empty string.
std::string didYouMean(std::string_view word, const std::vector<std::string> &names);

} // namespace kinema

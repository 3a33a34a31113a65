// "did you mean": the nearest of some names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kinema {

// The name with the smallest edit distance, empty where none is close enough to be meant.
std::string nearest(std::string_view word, const std::vector<std::string> &names);

// "; did you mean 'NAME'?", or nothing.
std::string didYouMean(std::string_view word, const std::vector<std::string> &names);

} // namespace kinema

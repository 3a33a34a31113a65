#include "runtime/Support/Nearest.h"

#include <algorithm>
#include <numeric>

namespace kinema {

static size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1); // row[j]: distance from a's first i letters to b's first j
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t changed = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string nearest(std::string_view word, const std::vector<std::string> &names) {
  std::string best;
  size_t limit = word.size() / 3 + 1;
  for (const std::string &name : names)
    if (size_t distance = editDistance(word, name); distance <= limit && (best.empty() || distance < limit)) {
      best = name;
      limit = distance;
    }
  return best;
}

std::string didYouMean(std::string_view word, const std::vector<std::string> &names) {
  std::string name = nearest(word, names);
  return name.empty() ? "" : "; did you mean '" + name + "'?";
}

} // namespace kinema

#include "runtime/Plots/Matrix.h"

#include "runtime/Plots/Svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace kinema {
namespace {

constexpr double titleHeight = 40, margin = 16, largest = 24, wholeSide = 800;
constexpr size_t mostNamed = 60;

// Returns a blue between white, at 0, and dark, at 1.
std::string shade(double share) {
  auto between = [&](int light, int dark) { return static_cast<int>(light + (dark - light) * share); };
  return fmt::format("#{:02x}{:02x}{:02x}", between(235, 8), between(243, 48), between(251, 107));
}

} // namespace

std::string drawMatrix(const std::string &title, const std::vector<std::string> &names,
                       const std::vector<int64_t> &counts) {
  const size_t size = names.size();
  const double cell = std::clamp(wholeSide / static_cast<double>(size), 2.0, largest);
  const bool named = size <= mostNamed;
  size_t longest = 0;
  for (const std::string &name : names)
    longest = std::max(longest, name.size());
  const double labels = named ? margin + 7 * static_cast<double>(longest) : margin;
  const double left = labels, top = titleHeight + labels, side = cell * static_cast<double>(size);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} "
      "{1:.0f}\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"white\"/>\n<text x=\"{2:.0f}\" y=\"24\" font-size=\"15\">{3}</text>\n",
      left + side + margin, top + side + margin, margin, escapedForSvg(title));
  for (size_t row = 0; row < size; ++row) {
    const double y = top + cell * static_cast<double>(row);
    const auto first = counts.begin() + static_cast<std::ptrdiff_t>(row * size);
    const int64_t sum = std::accumulate(first, first + static_cast<std::ptrdiff_t>(size), int64_t{0});
    if (named) {
      const std::string name = escapedForSvg(names[row]);
      const double middle = cell / 2 + 4;
      svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", left - 6,
                         y + middle, name);
      const double x = left + cell * static_cast<double>(row) + middle;
      svg += fmt::format("<text transform=\"translate({:.1f} {:.1f}) rotate(-90)\">{}</text>\n", x, top - 6,
                         name);
    }
    for (size_t column = 0; column < size; ++column)
      if (const int64_t count = first[static_cast<std::ptrdiff_t>(column)]; count > 0)
        svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
                           "fill=\"{}\"><title>{}: {} of {} said to be {}</title></rect>\n",
                           left + cell * static_cast<double>(column), y, cell, cell,
                           shade(static_cast<double>(count) / static_cast<double>(sum)),
                           escapedForSvg(names[row]), count, sum, escapedForSvg(names[column]));
  }
  return svg + fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"none\" "
                           "stroke=\"#888\"/>\n</svg>\n",
                           left, top, side, side);
}

} // namespace kinema

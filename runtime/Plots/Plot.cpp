#include "runtime/Plots/Plot.h"

#include "runtime/Plots/Svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace kinema {
namespace {

constexpr double panelWidth = 460, panelHeight = 300;          // the axes' rectangle with its labels
constexpr double left = 62, right = 18, top = 78, bottom = 48; // margins of the axes in a panel
constexpr double titleHeight = 34;

struct Range {
  double least = 0, most = 1;
  double share(double value) const { return (value - least) / (most - least); }
};

// Returns 1, 2 or 5 times a power of ten, so that about `wanted` steps fill the length.
double tickStep(double length, int wanted) {
  double raw = length / wanted, power = std::pow(10, std::floor(std::log10(raw)));
  for (double factor : {1, 2, 5})
    if (factor * power >= raw * 0.999)
      return factor * power;
  return 10 * power;
}

bool isDrawn(const std::pair<double, double> &point) {
  return std::isfinite(point.first) && std::isfinite(point.second);
}

template <typename Coordinate> Range rangeOf(const Panel &panel, Coordinate coordinate) {
  bool any = false;
  Range range;
  for (const Series &series : panel.series)
    for (const auto &point : series.points)
      if (isDrawn(point)) {
        double value = coordinate(point);
        range = any ? Range{std::min(range.least, value), std::max(range.most, value)} : Range{value, value};
        any = true;
      }
  return any ? range : Range{};
}

Range horizontalRange(const Panel &panel) {
  Range range = rangeOf(panel, [](const auto &point) { return point.first; });
  if (range.most - range.least < 1)
    range = {range.least - 0.5, range.most + 0.5};
  return range;
}

Range verticalRange(const Panel &panel) {
  Range range = rangeOf(panel, [](const auto &point) { return point.second; });
  if (panel.fromZero)
    range.least = std::min(0.0, range.least);
  if (panel.most > 0)
    range.most = panel.most;
  if (range.most - range.least < 1e-9)
    range.most = range.least + 1;
  double step = tickStep(range.most - range.least, 5);
  return {std::floor(range.least / step + 1e-9) * step, std::ceil(range.most / step - 1e-9) * step};
}

class PanelDrawing {
public:
  PanelDrawing(const Panel &panel, const std::string &xTitle, double x)
      : panel(panel), xTitle(xTitle), x0(x + left), x1(x + panelWidth - right),
        y0(panelHeight - bottom + titleHeight), y1(top), horizontal(horizontalRange(panel)),
        vertical(verticalRange(panel)) {}

  std::string draw() {
    drawGrid();
    drawTitles();
    for (const Series &series : panel.series)
      drawSeries(series);
    drawLegend();
    return svg;
  }

private:
  double px(double x) const { return x0 + horizontal.share(x) * (x1 - x0); }
  double py(double y) const { return y0 - vertical.share(y) * (y0 - y1); }

  template <typename... Args> void add(fmt::format_string<Args...> format, Args &&...args) {
    svg += fmt::format(format, std::forward<Args>(args)...);
  }

  void drawGrid() {
    double step = tickStep(vertical.most - vertical.least, 5);
    int64_t lines = std::llround((vertical.most - vertical.least) / step);
    for (int64_t i = 0; i <= lines; ++i) {
      double y = vertical.least + static_cast<double>(i) * step;
      double value = std::abs(y) < step * 1e-6 ? 0 : y;
      add("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"grid\"/>\n", x0, py(y), x1,
          py(y));
      add("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"tick\" text-anchor=\"end\">{:.4g}{}</text>\n", x0 - 8,
          py(y) + 4, value, escapedForSvg(panel.unit));
    }
    step = std::max(1.0, tickStep(horizontal.most - horizontal.least, 8)); // epochs are whole
    int64_t first = std::llround(std::ceil(horizontal.least / step));
    for (int64_t i = first; static_cast<double>(i) * step <= horizontal.most; ++i) {
      double x = static_cast<double>(i) * step;
      add("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"axis\"/>\n", px(x), y0,
          px(x), y0 + 5);
      add("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"tick\" text-anchor=\"middle\">{:.6g}</text>\n", px(x),
          y0 + 19, x);
    }
    add("<path d=\"M{:.1f} {:.1f}V{:.1f}H{:.1f}\" class=\"axis\"/>\n", x0, y1, y0, x1);
  }

  void drawTitles() {
    add("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"name\" text-anchor=\"middle\">{}</text>\n", (x0 + x1) / 2,
        y0 + 38, escapedForSvg(xTitle));
    add("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"name\">{}</text>\n", x0, y1 - 24,
        escapedForSvg(panel.title));
  }

  void drawSeries(const Series &series) {
    std::string path;
    const char *dash = series.dashed ? " stroke-dasharray=\"6 4\"" : "";
    for (const auto &point : series.points)
      if (isDrawn(point))
        path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", px(point.first),
                            py(std::min(point.second, vertical.most)));
    if (path.empty())
      return;
    add("<path d=\"{}\" class=\"line\" stroke=\"{}\"{}/>\n", path, series.colour, dash);
    if (series.points.size() <= 60)
      for (const auto &point : series.points)
        if (isDrawn(point))
          add("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.4\" fill=\"{}\"/>\n", px(point.first),
              py(std::min(point.second, vertical.most)), series.colour);
  }

  // Draws the legend in one row above the axes.
  void drawLegend() {
    double x = x0;
    for (const Series &series : panel.series) {
      add("<path d=\"M{:.1f} {:.1f}h22\" class=\"line\" stroke=\"{}\"{}/>\n", x, y1 - 11, series.colour,
          series.dashed ? " stroke-dasharray=\"6 4\"" : "");
      add("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"tick\">{}</text>\n", x + 27, y1 - 7,
          escapedForSvg(series.name));
      x += 27 + 6.6 * static_cast<double>(series.name.size()) + 16;
    }
  }

  const Panel &panel;
  const std::string &xTitle;
  double x0, x1, y0, y1; // the axes' rectangle, y0 below
  Range horizontal, vertical;
  std::string svg;
};

} // namespace

std::string drawPanels(const std::string &title, const std::string &xTitle,
                       const std::vector<Panel> &panels) {
  double width = panelWidth * static_cast<double>(panels.size()), height = panelHeight + titleHeight + 8;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" "
      "font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\">\n"
      "<style>.title{{font-size:17px;font-weight:600;fill:#1f2328}} "
      ".name{{font-size:13px;font-weight:600;fill:#3d444d}} "
      ".tick{{font-size:12px;fill:#59636e}} .grid{{stroke:#e4e8ec}} .axis{{stroke:#818b98;fill:none}} "
      ".line{{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}}</style>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
      "<text x=\"{2:.0f}\" y=\"28\" class=\"title\">{3}</text>\n",
      width, height, left, escapedForSvg(title));
  for (size_t i = 0; i < panels.size(); ++i)
    svg += PanelDrawing(panels[i], xTitle, panelWidth * static_cast<double>(i)).draw();
  return svg + "</svg>\n";
}

} // namespace kinema

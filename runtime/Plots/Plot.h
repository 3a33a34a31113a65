// Draws line charts as SVG.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace kinema {

struct Series {
  std::string name;
  std::string colour; // as SVG understands it
  bool dashed = false;
  std::vector<std::pair<double, double>> points; // x, y; those that are no numbers are left out
};

struct Panel {
  std::string title; // of the y axis
  std::string unit;  // behind each tick's number
  bool fromZero = true;
  double most = 0; // the y axis ends here; 0: where the data end
  std::vector<Series> series;
};

// Draws panels side by side under a title, with axes, ticks and legends. `xTitle` is that of the x axes.
std::string drawPanels(const std::string &title, const std::string &xTitle, const std::vector<Panel> &panels);

} // namespace kinema

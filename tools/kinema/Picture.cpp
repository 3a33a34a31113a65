#include "tools/kinema/Picture.h"

#include "compiler/Inspect/Blocks.h"
#include "runtime/Plots/Svg.h"

#include "llvm/ADT/STLExtras.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace kinema {
namespace {

using inspect::NetworkBlock;

// Everything is measured in pixels. Letters are of one width, so that texts have known lengths.
constexpr double letter = 7, line = 16, padding = 9;
constexpr double gap = 30;    // between boxes below each other
constexpr double margin = 24; // around all
constexpr double lane = 9;    // between lines beside each other in a gutter
constexpr double head = 58;   // for the title
constexpr double leastWidth = 150;
constexpr double arrow = 5;

struct TextLine {
  std::string left, right;
  bool isTitle = false;
};

/// A Box is an input or a block with its place.
struct Box {
  std::string stream, colour;
  std::vector<TextLine> lines;
  std::vector<size_t> sources; // numbers of boxes
  std::string description;     // shown where the mouse rests
  double x = 0, y = 0, width = 0, height = 0;

  double centre() const { return x + width / 2; }
  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

double widthOf(const Box &box) {
  double width = leastWidth;
  for (const TextLine &text : box.lines) {
    const size_t letters = text.left.size() + text.right.size() + (text.right.empty() ? 0 : 3);
    width = std::max(width, letter * static_cast<double>(letters) + 2 * padding);
  }
  return width;
}

std::string times(int64_t copies) { return copies > 1 ? fmt::format(" x{}", copies) : ""; }

/// Returns "copies 0, 2 to 4:".
std::string copiesText(const std::vector<int64_t> &copies) {
  std::string text = copies.size() == 1 ? "copy " : "copies ";
  for (size_t i = 0; i < copies.size(); ++i) {
    size_t last = i;
    while (last + 1 < copies.size() && copies[last + 1] == copies[last] + 1)
      ++last;
    text += fmt::format("{}{}", i ? ", " : "", copies[i]);
    if (last > i)
      text += fmt::format("{}{}", last > i + 1 ? " to " : ", ", copies[last]);
    i = last;
  }
  return text + ":";
}

const char *colourOf(const NetworkBlock &block) {
  return block.macs > 0 ? "#e6effb" : block.sources.size() > 1 ? "#ece4f7" : "#fdf1dc";
}

/// Returns the lines of a block: its name, what each form has, and the shape of its result.
std::vector<TextLine> linesOf(const NetworkBlock &block) {
  std::vector<TextLine> lines;
  lines.push_back({block.name + times(block.copies),
                   block.parameters ? inspect::shortCount(block.parameters) + " parameters" : "", true});
  for (const inspect::BlockForm &form : block.forms) {
    if (block.forms.size() > 1)
      lines.push_back({copiesText(form.copies), ""});
    for (const inspect::BlockRow &row : form.rows)
      if (row.what != block.name) // which the title says
        lines.push_back({row.label.empty() ? row.what : row.label + "  " + row.what, ""});
  }
  const std::string stride = block.stride();
  lines.push_back({inspect::shapeText(block.out), stride.empty() ? "" : "/ " + stride});
  return lines;
}

/// Places boxes and draws them.
class Picture {
public:
  explicit Picture(const inspect::LayerTable &table) : table(table) {
    addBoxes(inspect::blocksOf(table));
    makeColumns();
    for (size_t i = 0; i < boxes.size(); ++i)
      place(i);
  }

  std::string draw() {
    std::string lines = edges(), drawn;
    for (const Box &box : boxes)
      drawn += drawBox(box);
    double height = 0, width = letter * static_cast<double>(subtitle().size()) + 2 * margin;
    for (const Box &box : boxes)
      height = std::max(height, box.bottom());
    width = std::max(width, farthest + margin);
    return fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
                       "viewBox=\"0 0 {0:.0f} "
                       "{1:.0f}\" font-family=\"DejaVu Sans Mono, Consolas, monospace\" font-size=\"11\">\n"
                       "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
                       "<text x=\"{2}\" y=\"26\" font-size=\"15\" font-weight=\"bold\">{3}</text>\n"
                       "<text x=\"{2}\" y=\"44\" fill=\"#555\">{4}</text>\n"
                       "<g stroke=\"#667\" stroke-width=\"1.2\" fill=\"none\">\n{5}</g>\n{6}</svg>\n",
                       width, height + margin, margin, escapedForSvg(table.name), escapedForSvg(subtitle()),
                       lines, drawn);
  }

private:
  std::string subtitle() const {
    return fmt::format("{} parameters, {} macs a clip, {} classes", inspect::grouped(table.parameters),
                       inspect::grouped(table.macs), table.classes);
  }

  void addBoxes(const std::vector<NetworkBlock> &blocks) {
    const size_t inputs = table.inputs.size();
    for (size_t i = 0; i < inputs; ++i) {
      Box &box = boxes.emplace_back();
      box.colour = "#f4f4f4";
      box.lines = {{"input " + table.inputNames[i], "", true}, {inspect::shapeText(table.inputs[i]), ""}};
    }
    for (const NetworkBlock &block : blocks) {
      Box &box = boxes.emplace_back();
      box.stream = block.stream;
      box.colour = colourOf(block);
      box.lines = linesOf(block);
      box.description = fmt::format("{}: {} parameters, {} macs", block.name,
                                    inspect::grouped(block.parameters), inspect::grouped(block.macs));
      for (int64_t source : block.sources)
        box.sources.push_back(source < 0 ? -1 - source : inputs + source);
    }
    for (Box &box : boxes) {
      box.width = widthOf(box);
      box.height = line * static_cast<double>(box.lines.size()) + 2 * padding - 4;
    }
  }

  /// Gives each stream a column, with a gutter behind it for the lines that pass boxes; all boxes of a
  /// column are as wide as the widest.
  void makeColumns() {
    const bool hasStreams = llvm::any_of(boxes, [](const Box &box) { return !box.stream.empty(); });
    std::vector<std::string> streams;
    for (const Box &box : boxes)
      if ((!hasStreams || !box.stream.empty()) && !llvm::is_contained(streams, box.stream))
        streams.push_back(box.stream);
    double x = margin;
    for (const std::string &stream : streams) {
      double width = leastWidth;
      for (const Box &box : boxes)
        if (box.stream == stream)
          width = std::max(width, box.width);
      columns[stream] = {x, width};
      x += width + gutter();
    }
  }

  /// Returns the width of the gutter between two columns, in which every line that passes boxes has a lane.
  double gutter() const {
    size_t most = 0;
    for (const Box &box : boxes)
      most += box.sources.size() > 1 ? box.sources.size() - 1 : 0;
    return 3 * lane + lane * static_cast<double>(std::min<size_t>(most, 8));
  }

  /// Returns the middle of what a box without a column belongs between: of what it takes or, for an input,
  /// of what takes it.
  double middleOf(size_t number) const {
    double sum = 0;
    size_t count = 0;
    auto add = [&](const Box &box) {
      auto column = columns.find(box.stream);
      const bool isPlaced = column == columns.end() ? box.x > 0 : true;
      if (!isPlaced)
        return;
      sum += column == columns.end() ? box.centre() : column->second.first + column->second.second / 2;
      ++count;
    };
    if (boxes[number].sources.empty()) {
      for (const Box &box : boxes)
        if (llvm::is_contained(box.sources, number))
          add(box);
    } else {
      for (size_t source : boxes[number].sources)
        add(boxes[source]);
    }
    return count ? sum / static_cast<double>(count) : margin + leastWidth / 2;
  }

  void place(size_t number) {
    Box &box = boxes[number];
    if (auto column = columns.find(box.stream); column != columns.end() && !isInput(number)) {
      box.x = column->second.first;
      box.width = column->second.second;
    } else {
      box.x = std::max(margin, middleOf(number) - box.width / 2);
    }
    box.y = head;
    for (size_t other = 0; other < number; ++other) {
      const bool isAbove = boxes[other].x < box.right() && box.x < boxes[other].right();
      if (isAbove && isInput(number)) // inputs stand beside each other
        box.x = boxes[other].right() + 2 * lane;
      else if (isAbove || llvm::is_contained(box.sources, other))
        box.y = std::max(box.y, boxes[other].bottom() + gap);
    }
    farthest = std::max(farthest, box.right());
  }

  bool isInput(size_t number) const { return number < table.inputs.size(); }

  bool isFree(double x, double from, double to) const {
    return llvm::none_of(boxes, [&](const Box &box) {
      return box.x < x && x < box.right() && box.y < to && from < box.bottom();
    });
  }
  bool isFreeAcross(double y, double from, double to) const {
    return llvm::none_of(boxes, [&](const Box &box) {
      return box.y < y && y < box.bottom() && box.x < std::max(from, to) && std::min(from, to) < box.right();
    });
  }

  static std::string arrowAt(double x, double y, double dx, double dy) {
    return fmt::format("<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}Z\" fill=\"#667\"/>\n", x, y,
                       x - arrow * dx - arrow / 2 * dy, y - arrow * dy - arrow / 2 * dx,
                       x - arrow * dx + arrow / 2 * dy, y - arrow * dy + arrow / 2 * dx);
  }

  std::string edges() {
    std::string text;
    for (size_t number = 0; number < boxes.size(); ++number)
      for (size_t source : boxes[number].sources)
        text += edge(boxes[source], boxes[number]);
    return text;
  }

  /// Draws a line from the bottom of a box to the top of another, or in a gutter where boxes stand between.
  std::string edge(const Box &from, const Box &to) {
    const double turn = to.y - gap / 2;
    const double target = std::clamp(from.centre(), to.x + 2 * padding, to.right() - 2 * padding);
    const double end = from.stream == to.stream ? to.centre() : target;
    if (to.y > from.bottom() && isFree(from.centre(), from.bottom(), turn) &&
        isFreeAcross(turn, from.centre(), end))
      return fmt::format("<path d=\"M{:.1f} {:.1f}V{:.1f}H{:.1f}V{:.1f}\"/>\n", from.centre(), from.bottom(),
                         turn, end, to.y) +
             arrowAt(end, to.y, 0, 1);
    return side(from, to);
  }

  std::string side(const Box &from, const Box &to) {
    const bool toTheRight = to.x >= from.x; // also within a column
    const bool isColumn = to.x < from.right() && from.x < to.right();
    const double gutterAt = toTheRight ? from.right() : from.x;
    const double sign = toTheRight ? 1 : -1;
    const double x = gutterAt + sign * lane * (2 + static_cast<double>(lanes[{gutterAt, toTheRight}]++ % 8));
    const double end = isColumn ? to.right() : toTheRight ? to.x : to.right();
    const double entry = to.y + padding + 4 + lane * static_cast<double>(entries[&to]++ % 3);
    const double direction = end < x ? -1 : 1;
    farthest = std::max(farthest, x);
    return fmt::format("<path d=\"M{:.1f} {:.1f}H{:.1f}V{:.1f}H{:.1f}\"/>\n", gutterAt,
                       from.bottom() - padding - 4, x, entry, end) +
           arrowAt(end, entry, direction, 0);
  }

  static std::string drawBox(const Box &box) {
    std::string text = fmt::format(
        "<g>{}<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"4\" fill=\"{}\" "
        "stroke=\"#445\"/>\n",
        box.description.empty() ? "" : fmt::format("<title>{}</title>", escapedForSvg(box.description)),
        box.x, box.y, box.width, box.height, box.colour);
    double y = box.y + padding + 8;
    for (const TextLine &row : box.lines) {
      const bool isShape = &row == &box.lines.back();
      const char *style = row.isTitle ? " font-weight=\"bold\"" : isShape ? " fill=\"#24527a\"" : "";
      text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\"{} xml:space=\"preserve\">{}</text>\n",
                          box.x + padding, y, style, escapedForSvg(row.left));
      if (!row.right.empty())
        text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\" fill=\"#555\">{}</text>\n",
                            box.right() - padding, y, escapedForSvg(row.right));
      y += line;
    }
    return text + "</g>\n";
  }

  const inspect::LayerTable &table;
  std::vector<Box> boxes;                                   // inputs first
  std::map<std::string, std::pair<double, double>> columns; // x and width, by stream
  std::map<std::pair<double, bool>, int> lanes;             // how many lines each gutter has
  std::map<const Box *, int> entries;                       // how many lines come to the side of a box
  double farthest = 0;
};

} // namespace

std::string pictureOf(const inspect::LayerTable &table) { return Picture(table).draw(); }

} // namespace kinema

#include "runtime/Plots/Curves.h"

#include "runtime/Plots/Plot.h"
#include "runtime/Plots/RunFolder.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"

#include <charconv>
#include <filesystem>
#include <sstream>

namespace kinema {
namespace {

struct Column {
  const char *name;
  double EpochRow::*field;
};

// These columns follow "epoch".
constexpr Column columns[] = {{"rate", &EpochRow::rate},
                              {"train_loss", &EpochRow::trainLoss},
                              {"train_clip_top1", &EpochRow::trainClipTop1},
                              {"test_loss", &EpochRow::testLoss},
                              {"test_clip_top1", &EpochRow::testClipTop1},
                              {"test_video_top1", &EpochRow::testVideoTop1},
                              {"test_video_top5", &EpochRow::testVideoTop5},
                              {"clips_per_second", &EpochRow::clipsPerSecond},
                              {"waiting", &EpochRow::waiting},
                              {"seconds", &EpochRow::seconds},
                              {"unreadable", &EpochRow::unreadable}};

std::string header() {
  std::string line = "epoch";
  for (const Column &column : columns)
    line += fmt::format(",{}", column.name);
  return line;
}

bool parseField(const std::string &text, double &value) {
  value = EpochRow::unknown;
  if (text.empty())
    return true;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size();
}

Series series(const char *name, const char *colour, bool dashed, const std::vector<EpochRow> &rows,
              double EpochRow::*field, double factor = 1) {
  Series drawn{name, colour, dashed, {}};
  for (const EpochRow &row : rows)
    drawn.points.emplace_back(static_cast<double>(row.epoch), factor * row.*field);
  return drawn;
}

} // namespace

std::string formatRows(const std::vector<EpochRow> &rows) {
  std::string text = header() + "\n";
  for (const EpochRow &row : rows) {
    text += fmt::format("{}", row.epoch);
    for (const Column &column : columns)
      text += std::isnan(row.*column.field) ? "," : fmt::format(",{:.6g}", row.*column.field);
    text += "\n";
  }
  return text;
}

std::vector<EpochRow> parseRows(const std::string &text, const std::string &origin) {
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != header())
    fail("{} is no table of this program's: its first line is not {}", origin, header());
  std::vector<EpochRow> rows;
  while (std::getline(lines, line)) {
    std::istringstream fields(line + ",");
    std::string field;
    EpochRow &row = rows.emplace_back();
    double epoch = 0;
    bool valid = std::getline(fields, field, ',') && parseField(field, epoch) && epoch >= 1;
    for (const Column &column : columns)
      valid = valid && std::getline(fields, field, ',') && parseField(field, row.*column.field);
    if (!valid)
      fail("{}:{}: this is no row of the table: {}", origin, rows.size() + 1, line);
    row.epoch = static_cast<int64_t>(epoch);
  }
  return rows;
}

std::string drawCurves(const std::string &title, const std::vector<EpochRow> &rows) {
  const char *blue = "#0969da", *orange = "#d4600c", *green = "#1a7f37";
  Panel loss{"loss", "", true, 0, {}};
  loss.series = {series("train", blue, false, rows, &EpochRow::trainLoss),
                 series("test", orange, false, rows, &EpochRow::testLoss)};
  Panel accuracy{"accuracy", "%", true, 100, {}};
  accuracy.series = {series("train, clip", blue, false, rows, &EpochRow::trainClipTop1, 100),
                     series("test, clip", orange, false, rows, &EpochRow::testClipTop1, 100),
                     series("test, video", green, true, rows, &EpochRow::testVideoTop1, 100)};
  return drawPanels(title, "epoch", {loss, accuracy});
}

CurveWriter::CurveWriter(const std::string &folder, const std::string &title, int64_t lastEpoch)
    : folder(folder), title(title) {
  std::string path = run_files::in(folder, run_files::curves);
  if (lastEpoch == 0 || !std::filesystem::exists(path))
    return;
  all = parseRows(readFile(path), path);
  std::erase_if(all, [&](const EpochRow &row) { return row.epoch > lastEpoch; });
}

void CurveWriter::add(const EpochRow &row) {
  all.push_back(row);
  writeFile(run_files::in(folder, run_files::curves), formatRows(all));
  writeFile(run_files::in(folder, run_files::curvesPicture), drawCurves(title, all));
}

} // namespace kinema

#include "runtime/Commands/RunReport.h"

#include "runtime/Commands/EvaluationFiles.h"
#include "runtime/Data/ClipTransform.h"
#include "runtime/Data/VideoReader.h"
#include "runtime/Package/Recipe.h"
#include "runtime/Plots/Matrix.h"
#include "runtime/Plots/Packing.h"
#include "runtime/Plots/Plot.h"
#include "runtime/Plots/Png.h"
#include "runtime/Plots/Svg.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Progress.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace kinema {
namespace {

constexpr size_t mostWorst = 12, mostConfused = 10, mostPoints = 600;
constexpr int64_t framesShown = 3, shortSideShown = 112;

constexpr std::string_view pageStyle = R"(
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; color: #1f2328;
       max-width: 960px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 24px; margin-bottom: 0; } h2 { font-size: 18px; margin: 2em 0 .5em; }
p.about { color: #59636e; margin-top: .2em; } img, svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; } td, th { text-align: left; padding: 2px 14px 2px 0; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; } tr.own td { font-weight: 600; }
pre { background: #f6f8fa; padding: 12px; overflow-x: auto; font-size: 13px; }
.figures { display: flex; flex-wrap: wrap; gap: 2em; } .figures div b { display: block; font-size: 22px; }
.videos { display: grid; grid-template-columns: repeat(auto-fill, minmax(280px, 1fr)); gap: 1.2em; }
.videos p { margin: 0; font-size: 13px; overflow-wrap: anywhere; } .frames { display: flex; gap: 2px; }
.frames img { width: calc((100% - 4px) / 3); object-fit: cover; }
)";

std::string percent(double share) {
  return std::isnan(share) ? "unknown" : fmt::format("{:.1f}%", 100 * share);
}

std::string picture(const std::string &svg, const char *meaning) {
  return fmt::format("<img alt=\"{}\" src=\"{}\">\n", meaning, dataAddress("image/svg+xml", svg));
}

// A FigureTable writes the rows of a table; numbers stand at the right.
class FigureTable {
public:
  // `columns` are titles; a title that begins with '#' is that of numbers.
  explicit FigureTable(std::vector<std::string> columns) : columns(std::move(columns)) {
    text = "<table>\n<tr>";
    for (const std::string &column : this->columns)
      text += fmt::format("<th{}>{}</th>", isNumber(column) ? " class=\"number\"" : "",
                          escapedForSvg(column.substr(isNumber(column))));
    text += "</tr>\n";
  }

  void add(const std::vector<std::string> &fields, bool own = false) {
    text += own ? "<tr class=\"own\">" : "<tr>";
    for (size_t i = 0; i < fields.size(); ++i)
      text += fmt::format("<td{}>{}</td>", isNumber(columns[i]) ? " class=\"number\"" : "",
                          escapedForSvg(fields[i]));
    text += "</tr>\n";
  }

  std::string html() const { return text + "</table>\n"; }

private:
  static bool isNumber(const std::string &column) { return column.starts_with("#"); }

  std::vector<std::string> columns;
  std::string text;
};

std::string figure(const std::string &value, const std::string &meaning) {
  return fmt::format("<div><b>{}</b>{}</div>\n", escapedForSvg(value), escapedForSvg(meaning));
}

std::string overview(const RunRecord &run) {
  const TrainingState &state = run.checkpoint.state;
  std::string text =
      figure(fmt::format("{} of {}", state.epoch, run.checkpoint.recipe.train.epochs), "epochs");
  if (state.bestEpoch >= 0)
    text += figure(percent(state.best), fmt::format("best {}, in epoch {}",
                                                    hasSeveralLabels(run.checkpoint.recipe.train)
                                                        ? "mean average precision of the classes"
                                                        : "video top-1",
                                                    state.bestEpoch + 1));
  if (run.epochs.empty())
    return text;
  double seconds = 0;
  for (const EpochRow &row : run.epochs)
    seconds += row.seconds;
  const EpochRow &last = run.epochs.back();
  text += figure(fmt::format("{:.4f}", last.trainLoss), "loss of the last epoch");
  text += figure(fmt::format("{:.1f}", last.clipsPerSecond), "clips a second, at last");
  text += figure(formatDuration(seconds), "of training and tests");
  if (last.unreadable > 0)
    text += figure(fmt::format("{:.0f}", last.unreadable), "videos could not be read");
  return text;
}

// Returns points of a field of the steps; of many steps, each point is the mean of as many as make at most
// `mostPoints` of them.
std::vector<std::pair<double, double>> pointsOf(std::span<const StepRow> steps, double StepRow::*field) {
  const size_t each = steps.size() / mostPoints + 1;
  std::vector<std::pair<double, double>> points;
  for (size_t begin = 0; begin < steps.size(); begin += each) {
    const size_t count = std::min(each, steps.size() - begin);
    double sum = 0;
    for (const StepRow &step : steps.subspan(begin, count))
      sum += step.*field;
    points.emplace_back(steps[begin + count - 1].step, sum / static_cast<double>(count));
  }
  return points;
}

std::string stepCurves(const RunRecord &run) {
  const char *blue = "#0969da";
  return drawPanels(
      "Steps", "step",
      {{"loss", "", true, 0, {{"loss", blue, false, pointsOf(run.steps, &StepRow::loss)}}},
       {"learning rate", "", true, 0, {{"rate", blue, false, pointsOf(run.steps, &StepRow::rate)}}}});
}

std::string throughputCurves(const RunRecord &run) {
  Series speed{"clips a second", "#1a7f37", false, {}}, waiting{"waiting for data", "#d4600c", false, {}};
  for (const EpochRow &row : run.epochs) {
    speed.points.emplace_back(row.epoch, row.clipsPerSecond);
    waiting.points.emplace_back(row.epoch, 100 * row.waiting);
  }
  return drawPanels(
      "Throughput", "epoch",
      {{"clips a second", "", true, 0, {speed}}, {"share of the time", "%", true, 100, {waiting}}});
}

std::string throughput(const RunRecord &run) {
  std::string text = "<h2>Throughput</h2>\n";
  if (!run.steps.empty()) {
    const StepShares shares = sharesOf(run.steps);
    text += fmt::format("<p>{}</p>\n", describe(shares));
    FigureTable table({"what", "#share of the time"});
    table.add({"waiting for clips to be read, decoded and cut", percent(shares.waiting)});
    table.add({"copying clips to the device", percent(shares.copying)});
    table.add({"computing", percent(shares.computing)});
    text += table.html();
  }
  return run.epochs.empty() ? text : text + picture(throughputCurves(run), "throughput of each epoch");
}

struct Confusion {
  int64_t classes = 0;
  std::vector<int64_t> counts; // [classes, classes], by label and by what was said
};

Confusion confusionOf(const RunRecord &run) {
  Confusion confusion{run.classes(), {}};
  confusion.counts.assign(confusion.classes * confusion.classes, 0);
  for (const JudgedVideo &video : run.videos)
    ++confusion.counts[video.label * confusion.classes + video.said];
  return confusion;
}

std::string confusedPairs(const RunRecord &run, const Confusion &confusion) {
  std::vector<int64_t> wrong; // places in the matrix
  for (int64_t place = 0; place < static_cast<int64_t>(confusion.counts.size()); ++place)
    if (confusion.counts[place] > 0 && place / confusion.classes != place % confusion.classes)
      wrong.push_back(place);
  if (wrong.empty())
    return "<p>No video was taken for one of another class.</p>\n";
  std::ranges::sort(wrong, {}, [&](int64_t place) { return std::pair(-confusion.counts[place], place); });
  wrong.resize(std::min(wrong.size(), mostConfused));
  FigureTable table({"#videos", "of class", "were said to be"});
  for (int64_t place : wrong)
    table.add({fmt::to_string(confusion.counts[place]), run.nameOf(place / confusion.classes),
               run.nameOf(place % confusion.classes)});
  return table.html();
}

std::string classTable(const RunRecord &run) {
  std::map<int64_t, ClassCount> counts;
  for (const JudgedVideo &video : run.videos)
    for (const auto &[label, rank] : video.labels)
      counts[label].add(rank);
  std::vector<std::pair<int64_t, ClassCount>> order(counts.begin(), counts.end());
  std::ranges::sort(order, {}, [](const auto &entry) {
    return std::pair(entry.second.share(entry.second.top1), entry.first);
  });
  FigureTable table({"class", "#videos", "#top-1", "#top-5"});
  for (const auto &[label, own] : order)
    table.add({run.nameOf(label), fmt::to_string(own.videos), percent(own.share(own.top1)),
               percent(own.share(own.top5))});
  return table.html();
}

// Returns frames of a video side by side, or why there are none.
std::string framesOf(const std::string &video) try {
  VideoReader reader(video);
  const VideoInfo &info = reader.info();
  const PictureSize size = scaledSize({info.height, info.width}, shortSideShown, {});
  const auto bytes = static_cast<size_t>(size.height) * size.width * 3;
  std::vector<uint8_t> rgb(bytes * framesShown);
  std::vector<int64_t> frames; // in the middles of equal parts
  for (int64_t i = 0; i < framesShown; ++i)
    frames.push_back(std::min(info.frames - 1, info.frames * (2 * i + 1) / (2 * framesShown)));
  reader.read(frames, size.height, size.width, rgb.data());
  std::string text = "<div class=\"frames\">";
  for (size_t i = 0; i < framesShown; ++i)
    text += fmt::format(
        "<img alt=\"frame {}\" src=\"{}\">", frames[i],
        dataAddress("image/png", png(std::span(rgb).subspan(i * bytes, bytes), size.height, size.width)));
  return text + "</div>\n";
} catch (const Error &error) {
  return fmt::format("<p>no frames: {}</p>\n", escapedForSvg(error.what()));
}

std::string worst(const RunRecord &run) {
  std::string text = "<h2>Videos that the network was most wrong about</h2>\n<div class=\"videos\">\n";
  for (const JudgedVideo &video : worstVideos(run.videos, mostWorst))
    text += fmt::format("<div>{}<p>{} ({})<br>said to be {} ({})<br>{}</p></div>\n", framesOf(video.video),
                        escapedForSvg(run.nameOf(video.label)), percent(video.score),
                        escapedForSvg(run.nameOf(video.said)), percent(video.saidScore),
                        escapedForSvg(video.video));
  return text + "</div>\n";
}

std::string test(const RunRecord &run) {
  const Confusion confusion = confusionOf(run);
  std::vector<std::string> names;
  for (int64_t label = 0; label < confusion.classes; ++label)
    names.push_back(run.nameOf(label));
  const char *counted = hasSeveralLabels(run.checkpoint.recipe.train)
                            ? "<p>Of a video's several classes, the one that the network found most probable "
                              "stands for it in the matrix.</p>\n"
                            : "";
  return fmt::format(
      "<h2>The last test</h2>\n{}{}<h3>What was confused most</h3>\n{}<details>\n<summary>All "
      "classes, the worst first</summary>\n{}</details>\n",
      drawMatrix("videos of each class (rows) by what was said (columns)", names, confusion.counts), counted,
      confusedPairs(run, confusion), classTable(run));
}

// Returns the recipe as a table, in which what differs from the default is set apart.
std::string recipe(const RunRecord &run) {
  const std::vector<std::string> settings = settingsOf(run.checkpoint.recipe), defaults = settingsOf({});
  FigureTable table({"setting", "value", "default"});
  for (size_t i = 0; i < settings.size(); ++i) {
    const size_t equals = settings[i].find('=');
    table.add({settings[i].substr(0, equals), settings[i].substr(equals + 1), defaults[i].substr(equals + 1)},
              settings[i] != defaults[i]);
  }
  return fmt::format("<h2>Recipe</h2>\n<details>\n<summary>All settings; those that are not the default in "
                     "bold</summary>\n{}</details>\n",
                     table.html());
}

std::string lists(const RunOrigin &origin) {
  FigureTable table({"list", "file", "#videos"});
  for (auto [name, list] : {std::pair{"training", &origin.train}, {"test", &origin.test}})
    if (!list->file.empty())
      table.add({name, list->file, fmt::to_string(list->videos)});
  const std::string decoder =
      origin.decoder.empty() ? "" : fmt::format("<p>decoded by {}</p>\n", escapedForSvg(origin.decoder));
  return "<h2>Data</h2>\n" + table.html() + decoder;
}

} // namespace

StepShares sharesOf(std::span<const StepRow> steps) {
  double seconds = 0;
  StepShares shares;
  for (const StepRow &step : steps) {
    seconds += step.seconds;
    shares.waiting += step.waited;
    shares.copying += step.copied;
  }
  if (seconds > 0) {
    shares.waiting /= seconds;
    shares.copying /= seconds;
  }
  shares.computing = std::max(0.0, 1 - shares.waiting - shares.copying);
  return shares;
}

std::string describe(const StepShares &shares) {
  if (shares.waiting >= shares.copying && shares.waiting >= shares.computing)
    return fmt::format("Decoding bounded the run: in {} of the time no batch was ready.",
                       percent(shares.waiting));
  if (shares.copying >= shares.computing)
    return fmt::format("Copying clips to the device bounded the run: it took {} of the time.",
                       percent(shares.copying));
  return fmt::format("Computing bounded the run: it took {} of the time.", percent(shares.computing));
}

std::vector<JudgedVideo> worstVideos(std::span<const JudgedVideo> videos, size_t most) {
  std::vector<std::pair<double, size_t>> wrong; // score and place
  for (size_t place = 0; place < videos.size(); ++place)
    if (videos[place].rank > 0)
      wrong.emplace_back(videos[place].score, place);
  std::ranges::sort(wrong);
  wrong.resize(std::min(wrong.size(), most));
  std::vector<JudgedVideo> worst;
  for (const auto &[score, place] : wrong)
    worst.push_back(videos[place]);
  return worst;
}

std::string reportPage(const RunRecord &run) {
  const std::string name = escapedForSvg(run.checkpoint.network);
  std::string body;
  if (!run.epochs.empty())
    body += picture(drawCurves("Epochs", run.epochs), "loss and accuracy of each epoch");
  if (!run.steps.empty())
    body += picture(stepCurves(run), "loss and learning rate of each step");
  body += throughput(run);
  if (!run.videos.empty())
    body += test(run) + worst(run);
  body += lists(run.checkpoint.origin) + recipe(run);
  if (!run.spec.empty())
    body += fmt::format("<h2>Spec</h2>\n<pre>{}</pre>\n", escapedForSvg(run.spec));
  return fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
                     "name=\"viewport\" content=\"width=device-width\">\n<title>{0}: a training with "
                     "Kinema</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n<p "
                     "class=\"about\">A training with Kinema</p>\n<div "
                     "class=\"figures\">\n{2}</div>\n{3}</body>\n</html>\n",
                     name, pageStyle, overview(run), body);
}

void addReport(CLI::App &app) {
  struct Options {
    std::string run, out;
  };
  auto options = std::make_shared<Options>();
  CLI::App *command = app.add_subcommand("report", "make a page of what a training left in its folder");
  command->add_option("RUN", options->run, "the folder that `train --out` had")->required();
  command->add_option("-o", options->out, "the page (default: RUN/report.html)");
  command->callback([options] {
    const std::string out = options->out.empty() ? options->run + "/report.html" : options->out;
    const RunRecord run = readRun(options->run);
    checkWritable(out);
    writeFile(out, reportPage(run));
    fmt::print("the report is {}\n", out);
  });
}

} // namespace kinema

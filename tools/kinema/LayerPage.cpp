#include "tools/kinema/LayerPage.h"

#include "runtime/Plots/Svg.h"

#include <fmt/ranges.h>

using namespace kinema;
using namespace kinema::inspect;

static constexpr std::string_view pageStyle = R"(
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #1f2328; max-width: 1200px;
       margin: 2em auto; padding: 0 1em; }
h1 { font-size: 24px; } h2 { font-size: 18px; margin: 2em 0 .5em; } h3 { font-size: 15px; margin: 1.2em 0 .3em; }
table { border-collapse: collapse; font-size: 13px; } td, th { text-align: left; padding: 2px 14px 2px 0;
       vertical-align: top; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.chosen td { font-weight: 600; } p.note { color: #9a6700; margin: .2em 0; }
pre { background: #f6f8fa; padding: 12px; overflow-x: auto; font-size: 12px; } summary { cursor: pointer; }
)";

static std::string pre(const std::string &text) {
  return fmt::format("<pre>{}</pre>\n", escapedForSvg(text));
}

static std::string folded(const std::string &title, const std::string &content) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escapedForSvg(title), content);
}

static std::string headOf(const LayerStory &story) {
  const Layer &layer = story.layer;
  std::string text = fmt::format("<h1>{}</h1>\n<p>{}", escapedForSvg(layer.name), escapedForSvg(layer.kind));
  if (!layer.out.empty())
    text += fmt::format(", {} to {}", shapeText(layer.in), shapeText(layer.out));
  if (layer.mid > 0)
    text += fmt::format(", {} channels between", layer.mid);
  text += fmt::format(", {} parameters, {} multiply-adds a clip; compiled for {}</p>\n",
                      grouped(layer.parameters), grouped(layer.macs), escapedForSvg(story.target));
  return story.place.empty() ? text : text + pre(story.place + ": " + story.line);
}

static std::string operationsOf(const char *phase, const std::vector<StoryOperation> &operations) {
  std::string lines, function;
  for (const StoryOperation &op : operations) {
    if (op.function != function)
      lines += fmt::format("@{}\n", function = op.function);
    lines += fmt::format("  {}\n", op.text);
  }
  return folded(fmt::format("phase {}: {} operations", phase, operations.size()), pre(lines));
}

static std::string kernelsOf(const std::vector<StoryKernel> &kernels) {
  std::string text = "<h2>Kernels that compute something of it</h2>\n";
  for (const StoryKernel &kernel : kernels) {
    const std::string how =
        kernel.schedule.empty() ? "in the launch whose partials it merges" : kernel.schedule;
    text += folded(fmt::format("@{}: {}, {}", kernel.function, kernelName(kernel), how), pre(kernel.text));
    if (!kernel.note.empty())
      text += fmt::format("<p class=\"note\">{}</p>\n", escapedForSvg(kernel.note));
  }
  return text;
}

static std::string microseconds(std::optional<double> seconds) {
  return seconds ? fmt::format("{:.1f} us", 1e6 * *seconds) : std::string("unknown");
}

static std::string candidatesOf(const StoryLaunch &launch) {
  std::string text = "<table>\n<tr><th>predicted</th><th>schedule</th><th>parameters</th></tr>\n";
  for (const StoryCandidate &candidate : launch.candidates)
    text +=
        fmt::format("<tr{}><td class=\"number\">{}</td><td>{}</td><td>{}</td></tr>\n",
                    candidate.chosen ? " class=\"chosen\"" : "", microseconds(candidate.seconds),
                    escapedForSvg(candidate.schedule), escapedForSvg(parametersText(candidate.parameters)));
  return text + "</table>\n";
}

static std::string launchTableOf(const LayerStory &story) {
  std::string text = "<h2>Launches</h2>\n";
  for (const StoryLaunch &launch : story.launches) {
    const ScheduledLaunch &schedule = launch.schedule;
    text += fmt::format("<h3>@{}: <a href=\"#{}\">{}</a>, {} of {} by {}</h3>\n", launch.entry, launch.kernel,
                        launch.kernel, schedule.op, escapedForSvg(schedule.layer), schedule.schedule);
    text +=
        fmt::format("<p>{} blocks of {} threads, {} bytes of near memory each; {} bytes read, {} written, {} "
                    "multiply-adds<br>predicted {}, at least {}, measured {}{}{}</p>\n",
                    schedule.blocks, launch.threads, grouped(schedule.shared), grouped(launch.work.reads),
                    grouped(launch.work.writes), grouped(launch.work.macs), microseconds(schedule.predicted),
                    microseconds(schedule.floor), microseconds(schedule.measured),
                    schedule.limit.empty() ? "" : "; waits for " + schedule.limit,
                    launch.layers > 1 ? fmt::format("; with what {} others need", launch.layers - 1) : "");
    if (launch.candidates.size() > 1)
      text += candidatesOf(launch);
  }
  return text;
}

static std::string codeOf(const LayerStory &story) {
  std::string text = "<h2>Code</h2>\n";
  for (const auto &[kernel, code] : story.code) {
    text += fmt::format("<h3 id=\"{}\">{}</h3>\n", kernel, kernel);
    if (code.resources)
      text +=
          fmt::format("<p>{} registers, {} bytes spilled, {:.0f}% of the threads resident</p>\n",
                      code.resources->registers, code.resources->spillBytes, 100 * code.resources->occupancy);
    for (const auto &[form, whole] : code.texts)
      text +=
          folded(fmt::format("{}, {} lines", form, std::count(whole.begin(), whole.end(), '\n')), pre(whole));
  }
  return text;
}

std::string kinema::layerPage(const LayerStory &story) {
  return fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{}</title>\n"
                     "<style>{}</style></head>\n<body>\n",
                     escapedForSvg(story.layer.name), pageStyle) +
         headOf(story) + "<h2>Operations</h2>\n" + operationsOf("clip", story.clip) +
         operationsOf("step", story.step) + kernelsOf(story.kernels) + launchTableOf(story) + codeOf(story) +
         "</body>\n</html>\n";
}

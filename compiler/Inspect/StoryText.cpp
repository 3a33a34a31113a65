// Writes the story of a layer for people and for programs.
#include "compiler/Inspect/Story.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

using namespace kinema;
using namespace kinema::inspect;
using nlohmann::json;

static constexpr size_t shownCandidates = 4, shownWidth = 170, shownCode = 40;

static std::string head(const LayerStory &story) {
  const Layer &layer = story.layer;
  std::string text = fmt::format("{}: {}", layer.name, layer.kind);
  if (!layer.out.empty())
    text += fmt::format(", {} -> {}", shapeText(layer.in), shapeText(layer.out));
  if (layer.mid > 0)
    text += fmt::format(", {} channels between", layer.mid);
  text += fmt::format(", {} parameters, {} multiply-adds a clip\n", grouped(layer.parameters),
                      grouped(layer.macs));
  if (!story.place.empty())
    text += fmt::format("{}: {}\n", story.place, story.line);
  return text;
}

/// Returns the beginning of a line that may be long.
static std::string cut(const std::string &line) {
  return line.size() <= shownWidth ? line : line.substr(0, shownWidth - 4) + " ...";
}

static std::string operationsText(const char *phase, const std::vector<StoryOperation> &operations) {
  const auto moves = std::count_if(operations.begin(), operations.end(), std::mem_fn(&StoryOperation::moves));
  std::string text = fmt::format("\nphase {}: {} operations, and {} that read and write parameters\n", phase,
                                 operations.size() - moves, moves),
              function;
  for (const StoryOperation &op : operations) {
    if (op.moves)
      continue;
    if (op.function != function)
      text += fmt::format("  @{}\n", function = op.function);
    text += fmt::format("    {}\n", cut(op.text.substr(0, op.text.find('\n'))));
  }
  return text;
}

std::string kinema::inspect::kernelName(const StoryKernel &kernel) {
  return fmt::format("{} of {}", kernel.op, kernel.layer.empty() ? "several layers" : kernel.layer);
}

static std::string kernelsText(const std::vector<StoryKernel> &kernels) {
  std::string text = fmt::format("\nphase fused: {} kernels\n", kernels.size()), function;
  for (const StoryKernel &kernel : kernels) {
    if (kernel.function != function)
      text += fmt::format("  @{}\n", function = kernel.function);
    text += fmt::format("    {}{}\n", kernelName(kernel),
                        kernel.schedule.empty() ? ", in the launch whose partials it merges"
                                                : " by " + kernel.schedule);
    for (const auto &[name, count] : kernel.scalars)
      text += fmt::format("      computes {} scalar operations of {}\n", count, name);
    if (!kernel.note.empty())
      text += fmt::format("      note: {}\n", kernel.note);
  }
  return text;
}

static std::string timesText(const ScheduledLaunch &launch) {
  std::vector<std::string> times;
  if (launch.measured)
    times.push_back(fmt::format("measured {:.1f} us", 1e6 * *launch.measured));
  if (launch.predicted)
    times.push_back(fmt::format("predicted {:.1f} us", 1e6 * *launch.predicted));
  if (launch.floor)
    times.push_back(fmt::format("at least {:.1f} us", 1e6 * *launch.floor));
  if (launch.predicted && launch.floor)
    times.push_back(fmt::format("{:.1f} times the least", launch.ratio()));
  if (!launch.limit.empty())
    times.push_back(fmt::format("waits for {}", launch.limit));
  return times.empty() ? "" : fmt::format("      {}\n", fmt::join(times, ", "));
}

/// Returns the best few candidates and the launch's own.
static std::string candidatesText(const std::vector<StoryCandidate> &candidates) {
  if (candidates.size() < 2)
    return ""; // there was nothing to choose
  std::string text;
  size_t number = 0, others = 0;
  for (const StoryCandidate &candidate : candidates)
    if (number++ < shownCandidates || candidate.chosen)
      text += fmt::format("      {} {:>8.1f} us  {} {}\n", candidate.chosen ? "*" : " ",
                          1e6 * candidate.seconds, candidate.schedule, parametersText(candidate.parameters));
    else
      ++others;
  if (others > 0)
    text += fmt::format("        and {} more\n", others);
  return text;
}

static std::string launchText(const StoryLaunch &launch) {
  const ScheduledLaunch &schedule = launch.schedule;
  std::string text =
      fmt::format("    {}: {} of {} by {}", launch.kernel, schedule.op, schedule.layer, schedule.schedule);
  if (launch.layers > 1)
    text += fmt::format(", with what {} others need", launch.layers - 1);
  text +=
      fmt::format("\n      {} blocks{}, {} bytes of near memory each; {} bytes read, {} written, {} "
                  "multiply-adds\n",
                  schedule.blocks, launch.threads > 1 ? fmt::format(" of {} threads", launch.threads) : "",
                  grouped(schedule.shared), grouped(launch.work.reads), grouped(launch.work.writes),
                  grouped(launch.work.macs));
  return text + timesText(schedule) + candidatesText(launch.candidates);
}

static std::string launchesText(const LayerStory &story) {
  std::string text = fmt::format("\nlaunches on {}: {}; schedules by the model, the quickest first, those "
                                 "chosen marked by *\n",
                                 story.target, story.launches.size());
  std::string entry;
  for (const StoryLaunch &launch : story.launches) {
    if (launch.entry != entry)
      text += fmt::format("  @{}\n", entry = launch.entry);
    text += launchText(launch);
  }
  return text;
}

/// Returns the busiest block of a kernel's code, which may be long.
static std::string blockText(const std::string &code) {
  std::string text;
  const std::string block = busiestBlock(code);
  size_t number = 0;
  for (llvm::StringRef rest = block; !rest.empty() && number < shownCode; ++number) {
    auto [line, more] = rest.split('\n');
    text += fmt::format("      {}\n", cut(line.str()));
    rest = more;
  }
  return text;
}

static std::string codeText(const std::map<std::string, StoryCode> &code) {
  std::string text;
  for (const auto &[kernel, shown] : code) {
    text += fmt::format("\ncode of {}", kernel);
    if (shown.resources)
      text += fmt::format(": {} registers, {} bytes spilled, {:.0f}% of the threads resident",
                          shown.resources->registers, shown.resources->spillBytes,
                          100 * shown.resources->occupancy);
    text += "\n";
    for (const auto &[form, whole] : shown.texts)
      text += fmt::format("  {}, {} lines; the busiest block begins:\n{}", form,
                          std::count(whole.begin(), whole.end(), '\n'), blockText(whole));
  }
  return text;
}

std::string kinema::inspect::toText(const LayerStory &story) {
  return head(story) + operationsText("clip", story.clip) + operationsText("step", story.step) +
         kernelsText(story.kernels) + launchesText(story) + codeText(story.code);
}

static json operationsJson(const std::vector<StoryOperation> &operations) {
  json list = json::array();
  for (const StoryOperation &op : operations)
    list.push_back({{"function", op.function}, {"text", op.text}});
  return list;
}

static json launchJson(const StoryLaunch &launch) {
  json entry = schedulesJson({launch.schedule}).front();
  entry.update({{"entry", launch.entry},
                {"kernel", launch.kernel},
                {"threads", launch.threads},
                {"merged_of", launch.layers},
                {"reads", launch.work.reads},
                {"writes", launch.work.writes},
                {"macs", launch.work.macs},
                {"candidates", json::array()}});
  for (const StoryCandidate &candidate : launch.candidates)
    entry["candidates"].push_back({{"schedule", candidate.schedule},
                                   {"parameters", candidate.parameters},
                                   {"predicted_us", 1e6 * candidate.seconds},
                                   {"chosen", candidate.chosen}});
  return entry;
}

static json codeJson(const StoryCode &code) {
  json entry(code.texts);
  if (code.resources)
    entry.update({{"registers", code.resources->registers},
                  {"spills", code.resources->spillBytes},
                  {"stack", code.resources->stackBytes},
                  {"occupancy", code.resources->occupancy}});
  return entry;
}

json kinema::inspect::toJson(const LayerStory &story) {
  json object = {{"name", story.layer.name},
                 {"kind", story.layer.kind},
                 {"place", story.place},
                 {"line", story.line},
                 {"in", story.layer.in},
                 {"out", story.layer.out},
                 {"mid", story.layer.mid},
                 {"parameters", story.layer.parameters},
                 {"macs", story.layer.macs},
                 {"target", story.target},
                 {"clip", operationsJson(story.clip)},
                 {"step", operationsJson(story.step)},
                 {"kernels", json::array()},
                 {"launches", json::array()}};
  if (story.layer.mid == 0)
    object["mid"] = nullptr;
  for (const StoryKernel &kernel : story.kernels)
    object["kernels"].push_back({{"function", kernel.function},
                                 {"op", kernel.op},
                                 {"layer", kernel.layer},
                                 {"schedule", kernel.schedule},
                                 {"note", kernel.note},
                                 {"scalars", kernel.scalars},
                                 {"text", kernel.text}});
  for (const StoryLaunch &launch : story.launches)
    object["launches"].push_back(launchJson(launch));
  for (const auto &[kernel, code] : story.code)
    object["code"][kernel] = codeJson(code);
  return object;
}

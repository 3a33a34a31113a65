#include "runtime/Commands/DataCommands.h"

#include "runtime/Commands/CommandLine.h"
#include "runtime/Data/FlowLibrary.h"
#include "runtime/Data/FlowMaker.h"
#include "runtime/Data/LoaderBench.h"
#include "runtime/Data/VideoCheck.h"
#include "runtime/Data/VideoIndex.h"
#include "runtime/Support/Clock.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/FolderLock.h"
#include "runtime/Support/Progress.h"

#include <nlohmann/json.hpp>

#include <filesystem>

namespace kinema {
namespace {

// Holds what both commands take.
struct DataOptions : ListFlags {
  std::string list;
  std::string part = "train";
  int64_t classes = 0;
  int threads = 0;

  ListOptions read(bool findMissing) const {
    ListOptions options = readOptions(part == "train" ? ListPart::Train : ListPart::Test, classes);
    options.severalLabels = true; // what a network makes of them does not matter here
    options.findMissing = findMissing;
    return options;
  }
};

void addOptions(CLI::App &command, DataOptions &options) {
  command.add_option("LIST", options.list, "a list of videos, or a folder of class folders (docs/data.md)")
      ->required();
  addListFlags(command, options);
  command.add_option("--part", options.part, "train or test, where the list holds both")
      ->check(CLI::IsMember({"train", "test"}))
      ->capture_default_str();
  command.add_option("--threads", options.threads, "threads to use (default: all)");
}

// Says what the list is, and what is odd about it.
void say(const VideoList &list, Progress &progress) {
  progress.note(describe(list));
  for (const std::string &note : list.notes)
    progress.note(note);
}

// Reads the list, with what its index knows, for work that takes the videos as they are.
VideoList readIndexed(const DataOptions &options) {
  VideoList list = readVideoList(options.list, options.read(true));
  if (std::string index = indexPath(options.list, options.index); std::filesystem::exists(index))
    useIndex(list, index);
  return list;
}

// Adds the settings of a recipe.
void addSettings(CLI::App &command, std::vector<std::string> &settings, const char *example) {
  command.add_option("--set", settings,
                     fmt::format("change the recipe: data.FIELD=VALUE, e.g. {}; may be repeated", example));
}

// Returns the recipe where there is no network: that of the paper's clips.
Recipe usualRecipe() {
  Recipe recipe;
  followInput(recipe, 16, 112, 112);
  return recipe;
}

// Returns where the list's index is kept, empty where it cannot be written.
std::string writableIndex(const DataOptions &options, Progress &progress) {
  std::string path = indexPath(options.list, options.index);
  if (!options.index.empty())
    makeDirectory(options.index);
  try {
    checkWritable(path, Links::Replace);
    return path;
  } catch (const Error &error) {
    progress.note(
        fmt::format("{}: no index is kept; --index names a folder that can be written", error.what()));
    return "";
  }
}

// Writes which videos cannot be used, or removes the file where all can.
void writeBad(const CheckReport &report, const std::string &path) {
  if (report.unreadable() > 0)
    writeFile(path, unreadableLines(report), Links::Replace);
  else
    std::filesystem::remove(path);
}

// Calls work(callback), whose progress is shown until it ends.
template <typename Work> auto withProgress(const Work &work) {
  Progress progress; // its line is gone when the result is printed
  const double start = now();
  return work(
      [&](int64_t done, int64_t total) { progress.show(formatCount(done, total, "videos", now() - start)); });
}

void check(const DataOptions &options, int64_t frames) {
  Progress progress;
  const VideoList list = readVideoList(options.list, options.read(false)); // all files are opened below
  say(list, progress);
  const std::string index = writableIndex(options, progress);
  const CheckReport report = withProgress(
      [&](const ProgressCallback &show) { return checkVideos(list, options.threads, show, index); });
  if (report.known() > 0)
    progress.note(
        fmt::format("{}: it knew {} of {} videos already", index, report.known(), list.videos.size()));
  fmt::print("{}", describe(report, list, frames));
  if (!index.empty())
    writeBad(report, badPath(index));
  if (report.unreadable() > 0)
    fail("{}: {} of {} videos cannot be read{}", options.list, report.unreadable(), list.videos.size(),
         index.empty() ? "" : "; all of them are in " + badPath(index));
}

struct FlowOptions : DataOptions {
  std::string out, network;
  std::vector<std::string> settings;
};

void makeFlow(const FlowOptions &options, const Recipe &recipe) {
  requireFlow();
  const VideoList list = readIndexed(options);
  Progress progress;
  say(list, progress);
  const FolderLock lock(options.out, "computing flow");
  if (!lock.remark().empty())
    progress.note(lock.remark());
  const FlowReport report = withProgress([&](const ProgressCallback &show) {
    return makeFlow(list, recipe.data, options.out, options.threads, show);
  });
  for (const std::string &damaged : report.damaged)
    progress.note(damaged);
  fmt::print("{}: flow of {} videos, {} of which had it already; {} fields, {:.1f} MB\n", options.out,
             report.made + report.known, report.known, report.fields,
             static_cast<double>(report.bytes) / 1e6);
  if (report.problems.empty())
    return;
  constexpr size_t most = 10; // lines
  for (size_t i = 0; i < std::min(most, report.problems.size()); ++i)
    progress.note("no flow: " + report.problems[i]);
  fail("{}: {} of {} videos cannot be read, and have no flow; `data check` lists them", options.list,
       report.problems.size(), list.videos.size());
}

} // namespace

void addDataFlow(CLI::App &data, const std::string &carried, const RecipeOf &recipeOf) {
  auto options = std::make_shared<FlowOptions>();
  CLI::App *command = data.add_subcommand("flow", "compute the optical flow of all videos of a list");
  addOptions(*command, *options);
  command->add_option("--out", options->out, "folder for the flow, a file for each video")->required();
  options->network = carried;
  if (carried.empty())
    command->add_option(
        "--network", options->network,
        "the network that the flow is for, whose recipe says how it is computed (default: the "
        "defaults, for the paper's clips)");
  addSettings(*command, options->settings, "data.flow_window=21");
  command->callback([options, recipeOf] {
    const Recipe recipe = options->network.empty() ? usualRecipe() : recipeOf(options->network);
    makeFlow(*options, recipeWith(recipe, options->settings));
  });
}

void addDataCheck(CLI::App &data) {
  struct Options : DataOptions {
    int64_t frames = 1;
  };
  auto options = std::make_shared<Options>();
  CLI::App *command =
      data.add_subcommand("check", "open every video of a list, decode its first and last frame");
  addOptions(*command, *options);
  command->add_option("--classes", options->classes, "labels must be below it");
  command->add_option("--frames", options->frames, "point out videos with fewer frames")
      ->capture_default_str();
  command->callback([options] { check(*options, options->frames); });
}

void addDataBench(CLI::App &data) {
  struct Options : DataOptions {
    std::vector<std::string> settings;
    int64_t clips = 200;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App *command = data.add_subcommand("bench", "how many clips a second are decoded, scaled and cut");
  addOptions(*command, *options);
  command->add_option("--clips", options->clips, "to take, behind a first epoch")->capture_default_str();
  addSettings(*command, options->settings, "data.every=2");
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] {
    const Recipe recipe = recipeWith(usualRecipe(), options->settings);
    VideoList list = readIndexed(*options);
    Progress progress;
    say(list, progress);
    auto source = VideoSource::training(std::move(list), recipe, {.threads = options->threads});
    progress.begin(fmt::format("decoding an epoch and {} clips", options->clips));
    LoaderSpeed speed = measureLoader(*source, options->clips);
    if (options->json)
      fmt::print("{}\n", nlohmann::json{{"threads", source->threads()},
                                        {"clips_per_second", speed.later},
                                        {"first_epoch_clips_per_second", speed.first},
                                        {"core_seconds", speed.coreSeconds}}
                             .dump(1));
    else
      fmt::print("{:.1f} clips/s with {} threads, {:.2f} ms of a core for a clip; {:.1f} clips/s in the "
                 "first epoch\n",
                 speed.later, source->threads(), 1e3 * speed.coreSeconds, speed.first);
  });
}

} // namespace kinema

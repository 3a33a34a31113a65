#include "runtime/Commands/DataCommands.h"

#include "runtime/Commands/CommandLine.h"
#include "runtime/Data/LoaderBench.h"
#include "runtime/Data/VideoCheck.h"
#include "runtime/Data/VideoIndex.h"
#include "runtime/Support/Clock.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
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

// Returns where the list's index is kept, empty where it cannot be written.
std::string writableIndex(const DataOptions &options, Progress &progress) {
  std::string path = indexPath(options.list, options.index);
  if (!options.index.empty())
    makeDirectory(options.index);
  try {
    checkWritable(path);
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
    writeFile(path, unreadableLines(report));
  else
    std::filesystem::remove(path);
}

CheckReport checkWithProgress(const VideoList &list, int threads, const std::string &index) {
  Progress progress; // its line is gone when the report is printed
  const double start = now();
  auto show = [&](int64_t done, int64_t total) {
    progress.show(formatCount(done, total, "videos", now() - start));
  };
  return checkVideos(list, threads, show, index);
}

void check(const DataOptions &options, int64_t frames) {
  Progress progress;
  const VideoList list = readVideoList(options.list, options.read(false)); // all files are opened below
  say(list, progress);
  const std::string index = writableIndex(options, progress);
  const CheckReport report = checkWithProgress(list, options.threads, index);
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

} // namespace

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
  command->add_option("--set", options->settings,
                      "change the recipe: data.FIELD=VALUE, e.g. data.every=2; may be repeated");
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] {
    Recipe recipe;
    followInput(recipe, 16, 112, 112); // without a network, the paper's clips
    for (const std::string &setting : options->settings)
      applySetting(recipe, setting);
    VideoList list = readVideoList(options->list, options->read(true));
    if (std::string index = indexPath(options->list, options->index); std::filesystem::exists(index))
      useIndex(list, index);
    Progress progress;
    say(list, progress);
    auto source = VideoSource::training(std::move(list), recipe, {.threads = options->threads});
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

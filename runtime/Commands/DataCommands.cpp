#include "runtime/Commands/DataCommands.h"

#include "runtime/Commands/CommandLine.h"
#include "runtime/Data/LoaderBench.h"
#include "runtime/Data/VideoCheck.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Progress.h"

#include <nlohmann/json.hpp>

namespace kinema {
namespace {

// Holds what both commands take.
struct DataOptions : ListFlags {
  std::string list;
  std::string part = "train";
  int64_t classes = 0;
  int threads = 0;

  ListOptions read() const {
    ListOptions options;
    options.root = root;
    options.format = format;
    options.labels = labels;
    options.split = split;
    options.part = part == "train" ? ListPart::Train : ListPart::Test;
    options.classes = classes;
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

// Reads the list and says what it is.
VideoList read(const DataOptions &options, Progress &progress) {
  VideoList list = readVideoList(options.list, options.read());
  progress.note(describe(list));
  for (const std::string &note : list.notes)
    progress.note(note);
  return list;
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
  command->callback([options] {
    Progress progress;
    VideoList list = read(*options, progress);
    CheckReport report = checkVideos(list, options->threads);
    fmt::print("{}", describe(report, list, options->frames));
    if (report.unreadable())
      fail("{}: {} of {} videos cannot be read", options->list, report.unreadable(), list.videos.size());
  });
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
    Progress progress;
    auto source = VideoSource::training(read(*options, progress), recipe, {.threads = options->threads});
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

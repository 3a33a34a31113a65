// Implements `kinema data`, which makes, checks and times sets of videos.
#include "runtime/Data/LoaderBench.h"
#include "runtime/Data/MotionVideos.h"
#include "runtime/Data/VideoCheck.h"
#include "runtime/Support/Error.h"
#include "tools/kinema/Commands.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

namespace kinema {
namespace {

/// Returns a counter on a terminal, nothing elsewhere.
ProgressCallback counter(const char *what) {
  if (!isatty(STDERR_FILENO))
    return {};
  return [what](int64_t done, int64_t total) {
    std::fputs(fmt::format("\r{}/{} {}{}", done, total, what, done == total ? "\n" : "").c_str(), stderr);
  };
}

void addMakeMotion(CLI::App &data) {
  auto options = std::make_shared<MotionOptions>();
  CLI::App *command = data.add_subcommand("make-motion", "make H.264 videos whose label is the motion alone");
  command->add_option("DIR", options->directory, "the folder to make")->required();
  command->add_option("--train", options->train, "training videos of each class")->capture_default_str();
  command->add_option("--test", options->test, "test videos of each class")->capture_default_str();
  command->add_option("--height", options->height, "pixels, even")->capture_default_str();
  command->add_option("--width", options->width, "pixels, even")->capture_default_str();
  command->add_option("--frames", options->frames, "frames of a video")->capture_default_str();
  command->add_option("--fps", options->fps, "frames a second")->capture_default_str();
  command->add_option("--seed", options->seed, "of everything random")->capture_default_str();
  command->add_option("--threads", options->threads, "threads to use (default: all)");
  command->add_option("--sprites", options->sprites, "the folder of Fashion-MNIST")->capture_default_str();
  command->callback([options] {
    MotionSummary summary = makeMotionVideos(*options, counter("videos"));
    fmt::print("{}: {} videos written ({:.1f} MB), {} kept\n", options->directory, summary.written,
               summary.bytes / 1e6, summary.kept);
  });
}

void addCheck(CLI::App &data) {
  struct Options {
    std::string list;
    int64_t classes = 0, frames = 1;
    int threads = 0;
  };
  auto options = std::make_shared<Options>();
  CLI::App *command =
      data.add_subcommand("check", "open every video of a list, decode its first and last frame");
  command->add_option("LIST", options->list, "lines of `path label`")->required();
  command->add_option("--classes", options->classes, "labels must be below it");
  command->add_option("--frames", options->frames, "point out videos with fewer frames")
      ->capture_default_str();
  command->add_option("--threads", options->threads, "threads to use (default: all)");
  command->callback([options] {
    VideoList list = readVideoList(options->list, options->classes);
    CheckReport report = checkVideos(list, options->threads, counter("videos"));
    fmt::print("{}", describe(report, list, options->frames));
    if (report.unreadable())
      fail("{}: {} of {} videos cannot be read", options->list, report.unreadable(), list.videos.size());
  });
}

void addBench(CLI::App &data) {
  struct Options {
    std::string list;
    std::vector<std::string> settings;
    int64_t clips = 200, batch = 1;
    int threads = 0;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App *command = data.add_subcommand("bench", "how many clips a second are decoded, scaled and cut");
  command->add_option("LIST", options->list, "lines of `path label`")->required();
  command->add_option("--clips", options->clips, "to take, behind a first epoch")->capture_default_str();
  command->add_option("--threads", options->threads, "threads to use (default: all)");
  command->add_option("--set", options->settings,
                      "change the recipe: data.FIELD=VALUE, e.g. data.every=2; may be repeated");
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] {
    Recipe recipe;
    followInput(recipe, 16, 112, 112); // without a network, the paper's clips
    for (const std::string &setting : options->settings)
      applySetting(recipe, setting);
    auto source =
        VideoSource::training(readVideoList(options->list, 0), recipe, {.threads = options->threads});
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

} // namespace

void addData(CLI::App &app) {
  CLI::App *data = app.add_subcommand("data", "make, check and time sets of videos");
  data->require_subcommand(1);
  addMakeMotion(*data);
  addCheck(*data);
  addBench(*data);
}

} // namespace kinema

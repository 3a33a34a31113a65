// kinema data: makes and checks sets of videos.
#include "runtime/Data/MotionVideos.h"
#include "runtime/Data/VideoCheck.h"
#include "runtime/Error.h"
#include "tools/kinema/Commands.h"

#include <fmt/format.h>

#include <unistd.h>

namespace kinema {
namespace {

/// A counter on a terminal, nothing elsewhere.
ProgressCallback counter(const char *what) {
  if (!isatty(STDERR_FILENO))
    return {};
  return [what](int64_t done, int64_t total) {
    fmt::print(stderr, "\r{}/{} {}{}", done, total, what, done == total ? "\n" : "");
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

} // namespace

void addData(CLI::App &app) {
  CLI::App *data = app.add_subcommand("data", "make and check sets of videos");
  data->require_subcommand(1);
  addMakeMotion(*data);
  addCheck(*data);
}

} // namespace kinema

// Implements `kinema data`, which makes, checks and times sets of videos, and computes their optical flow.
#include "runtime/Commands/DataCommands.h"
#include "runtime/Data/MotionVideos.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/Outline.h"
#include "tools/kinema/SpecOptions.h"

#include <fmt/format.h>

#include <unistd.h>

#include <map>

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

/// Adds the options that say what the videos show.
void addScenes(CLI::App &command, MotionOptions &options) {
  std::map<std::string, MotionFamily> families;
  for (const MotionFamilyName &each : motionFamilies())
    families[each.name] = each.family;
  const std::map<std::string, MotionLabel> labels = {
      {"motion", MotionLabel::Motion}, {"appearance", MotionLabel::Appearance}, {"both", MotionLabel::Both}};
  command
      .add_option("--family", options.family, "the motions: pairs, orbits, swings or events (default: pairs)")
      ->transform(CLI::CheckedTransformer(families))
      ->option_text("FAMILY");
  command
      .add_option("--label", options.label, "what classes are: motion, appearance or both (default: motion)")
      ->transform(CLI::CheckedTransformer(labels))
      ->option_text("WHAT");
  command.add_option("--kinds", options.kinds,
                     "kinds of sprites to tell apart (default: 10 of appearance, 3 of both)");
  command.add_option("--others", options.difficulty.others, "other sprites that move, up to 8")
      ->capture_default_str();
  command
      .add_option("--camera", options.difficulty.camera,
                  "how far the camera moves, as a share of what sprites may, up to 1")
      ->capture_default_str();
  command.add_option("--bars", options.difficulty.bars, "bars before the scene, up to 8")
      ->capture_default_str();
  command.add_option("--textures", options.textures,
                     "a folder of pictures, parts of which are the backgrounds");
  command.add_option("--noise", options.difficulty.noise, "noise of the pixels, in grey levels")
      ->capture_default_str();
}

void addMakeMotion(CLI::App &data) {
  auto options = std::make_shared<MotionOptions>();
  CLI::App *command = data.add_subcommand(
      "make-motion", "make H.264 videos whose label is the motion alone, what moves, or both");
  command->add_option("DIR", options->directory, "the folder to make")->required();
  command->add_option("--train", options->train, "training videos of each class")->capture_default_str();
  command->add_option("--test", options->test, "test videos of each class")->capture_default_str();
  command->add_option("--height", options->height, "pixels, even")->capture_default_str();
  command->add_option("--width", options->width, "pixels, even")->capture_default_str();
  command->add_option("--frames", options->frames, "frames of a video")->capture_default_str();
  command->add_option("--fps", options->fps, "frames a second")->capture_default_str();
  addScenes(*command, *options);
  command->add_option("--seed", options->seed, "of everything random")->capture_default_str();
  command->add_option("--threads", options->threads, "threads to use (default: all)");
  command->add_option("--sprites", options->sprites, "the folder of Fashion-MNIST")->capture_default_str();
  command->callback([options] {
    MotionSummary summary = makeMotionVideos(*options, counter("videos"));
    fmt::print("{}: {} videos written ({:.1f} MB), {} kept\n", options->directory, summary.written,
               summary.bytes / 1e6, summary.kept);
  });
}

/// Returns the recipe of a spec or a package.
Recipe recipeOf(const std::string &network) {
  if (isPackage(network))
    return readManifests(Package(network)).front().recipe;
  SpecOptions spec;
  spec.spec = network;
  Compilation compilation({}, frontendOptions(spec), spec.threads, llvm::errs());
  require(compilation.fromSpec(spec.spec, Phase::Clip));
  return outlineOf(compilation.module(), /*train=*/false).recipe;
}

} // namespace

void addData(CLI::App &app) {
  CLI::App *data =
      app.add_subcommand("data", "make, check and time sets of videos, and compute their optical flow");
  data->require_subcommand(1);
  addMakeMotion(*data);
  addDataCheck(*data);
  addDataBench(*data);
  addDataFlow(*data, /*carried=*/"", recipeOf);
}

} // namespace kinema

// Runs packages, as the program kinema-runtime. It links no compiler. With a package appended to it, it is
// that network's trainer.
#include "runtime/Commands/CommandLine.h"
#include "runtime/Commands/Completion.h"
#include "runtime/Commands/DataCommands.h"
#include "runtime/Commands/Doctor.h"
#include "runtime/Commands/Manual.h"
#include "runtime/Commands/RunReport.h"
#include "runtime/Commands/WeightsCommands.h"
#include "runtime/Package/Manifest.h"
#include "runtime/Package/Package.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/OwnFile.h"

#include <fmt/ranges.h>

#include <filesystem>
#include <memory>
#include <optional>

using namespace kinema;

namespace {

// Adds one subcommand. `carried` is the package that this program carries, or empty.
template <typename Options>
void addCommand(CLI::App &app, const char *name, const char *description, const std::string &carried,
                void (*command)(const Options &)) {
  CLI::App *sub = app.add_subcommand(name, description);
  auto options = std::make_shared<Options>();
  options->package = carried;
  if (carried.empty())
    sub->add_option("PACKAGE", options->package, "the package")->required();
  addFlags(*sub, *options);
  sub->callback([options, command] { command(*options); });
}

// Returns what names the network of `weights`: the package that this program carries, or one that is named.
NetworkOption networkOption(const std::string &carried) {
  return [carried](CLI::App &command, bool required) {
    auto package = std::make_shared<std::string>(carried);
    if (carried.empty())
      command.add_option("PACKAGE", *package, "a package of the network")->required(required);
    return [package]() -> std::optional<Manifest> {
      if (package->empty())
        return std::nullopt;
      return readManifests(Package(*package)).front();
    };
  };
}

/// Returns, for instance, "r2plus1d_18: clips [32, 3, 16, 112, 112], 400 classes. Code for x86-64-v3,
/// sm_90a."
std::string describe(const std::string &package) {
  std::vector<Manifest> manifests = readManifests(Package(package));
  std::vector<std::string> targets;
  for (const Manifest &manifest : manifests)
    targets.push_back(manifest.target);
  const Manifest &first = manifests.front();
  return fmt::format("{}: {} the network on clips [{}], {} classes. Code for {}.", first.name,
                     first.train ? "trains, evaluates and runs" : "evaluates and runs",
                     fmt::join(first.input().shape, ", "), first.classes, fmt::join(targets, ", "));
}

std::string carriedPackage() {
  std::string self = ownFile();
  if (!std::filesystem::is_regular_file(self))
    fail("cannot find this program's own file, which may carry a package: mount /proc");
  ArchivePlace place;
  return findArchive(self, place) ? self : "";
}

} // namespace

int main(int argc, char **argv) {
  std::string name = std::filesystem::path(argv[0]).filename().string();
  try {
    std::string carried = carriedPackage();
    CLI::App app(carried.empty() ? "Trains, evaluates and runs networks that kinema has compiled."
                                 : describe(carried),
                 name);
    app.require_subcommand(1);
    addCommand(app, "train", "train on videos", carried, &train);
    addCommand(app, "eval", "clip and video accuracy on a list of videos", carried, &eval);
    addCommand(app, "predict", "the most probable classes of videos", carried, &predict);
    addCommand(app, "run", "tensors in, tensors out, for comparison with other frameworks", carried, &run);
    addCommand(app, "info", "what the package holds", carried, &info);
    addCommand(app, "bench", "time the network's entries and their launches", carried, &bench);
    addCommand(app, "verify", "run each launch beside its plain twin and name those that differ", carried,
               &verify);
    CLI::App *data =
        app.add_subcommand("data", "check and time lists of videos, and compute their optical flow");
    data->require_subcommand(1);
    addDataCheck(*data);
    addDataBench(*data);
    addDataFlow(*data, carried,
                [](const std::string &package) { return readManifests(Package(package)).front().recipe; });
    addReport(app);
    addDoctor(app);
    addCompletion(app);
    addManual(app);
    addWeights(app, networkOption(carried));
    return runCommandLine(app, argc, argv, name);
  } catch (const Error &error) { // the package that the program carries is damaged
    std::fputs(fmt::format("{}: error: {}\n", name, error.what()).c_str(), stderr);
    return error.status;
  }
}

// Implements `kinema weights`: the runtime's commands on files of weights, for the network of a spec or
// package.
#include "runtime/Commands/WeightsCommands.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/Outline.h"
#include "tools/kinema/SpecOptions.h"

#include <memory>
#include <optional>

namespace kinema {
namespace {

/// Returns what the commands need to know of the network; nothing where none is named.
std::optional<Manifest> networkOf(const SpecOptions &spec) {
  if (spec.spec.empty())
    return std::nullopt;
  if (isPackage(spec.spec)) {
    refuseChanges(spec, {});
    return readManifests(Package(spec.spec)).front();
  }
  Compilation compilation({}, frontendOptions(spec), spec.threads, llvm::errs());
  require(compilation.fromSpec(spec.spec, Phase::Clip));
  return outlineOf(compilation.module(), /*train=*/false);
}

} // namespace

void addWeights(CLI::App &app) {
  addWeights(app, [](CLI::App &command, bool required) {
    auto spec = std::make_shared<SpecOptions>();
    addSpecOptions(command, *spec, "the network, a .arch file, or a package that was compiled of one");
    addSettings(command, *spec);
    command.get_option("SPEC")->required(required);
    return [spec] { return networkOf(*spec); };
  });
}

} // namespace kinema

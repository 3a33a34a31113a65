// kinema inspect: layers, shapes, parameters, multiply-adds, memory and launches of a spec.
#include "compiler/Inspect/LayerTable.h"
#include "compiler/Inspect/Plan.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/SpecOptions.h"

#include <fmt/format.h>

namespace kinema {

namespace {
struct Options {
  SpecOptions spec;
  bool json = false;
  bool launches = false;
};

inspect::PlanSummary plan(mlir::ModuleOp network, bool train) {
  mlir::OwningOpRef<mlir::ModuleOp> module = network.clone();
  CompileOptions compile;
  compile.train = train;
  bool planned = mlir::succeeded(advance(*module, Phase::Clip, Phase::Planned, compile));
  require(planned ? Outcome::Done : Outcome::Failed);
  return inspect::summarise(*module);
}

void inspectSpec(const Options &options) {
  Compilation compilation({}, frontendOptions(options.spec), options.spec.threads, llvm::errs());
  require(compilation.fromSpec(options.spec.spec, Phase::Clip));
  auto table = inspect::describeNetwork(compilation.module());
  require(mlir::failed(table) ? Outcome::Failed : Outcome::Done);
  inspect::PlanSummary training = plan(compilation.module(), true),
                       inference = plan(compilation.module(), false);
  if (options.json) {
    nlohmann::json object = inspect::toJson(*table);
    object["memory"] = inspect::memoryJson(training, inference);
    object["launches"] = inspect::launchesJson(training, inference);
    fmt::print("{}\n", object.dump(1));
    return;
  }
  fmt::print("{}\n{}", inspect::toText(*table), inspect::toText(training, inference, table->batch));
  if (options.launches)
    fmt::print("\n{}", inspect::launchTable(training));
}
} // namespace

void addInspect(CLI::App &app) {
  auto options = std::make_shared<Options>();
  CLI::App *command =
      app.add_subcommand("inspect", "show layers, shapes, parameters, multiply-adds, memory and launches");
  addSpecOptions(*command, options->spec);
  addSettings(*command, options->spec);
  addThreads(*command, options->spec);
  command->add_flag("--json", options->json, "as JSON");
  command->add_flag("--launches", options->launches, "list the launches of a training step");
  command->callback([options] { inspectSpec(*options); });
}

} // namespace kinema

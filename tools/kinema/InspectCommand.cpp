// Implements `kinema inspect`: layers, shapes, parameters, multiply-adds, memory and launches of a spec, and
// what is in a package.
#include "compiler/Inspect/Kernels.h"
#include "compiler/Inspect/LayerTable.h"
#include "compiler/Inspect/Plan.h"
#include "compiler/Inspect/Schedules.h"
#include "compiler/Package/PackageBuilder.h"
#include "compiler/Pipelines/Step.h"
#include "runtime/Commands/ScaleReport.h"
#include "runtime/Ranks/Ranks.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/InspectPackage.h"
#include "tools/kinema/LayerPage.h"
#include "tools/kinema/LayerStory.h"
#include "tools/kinema/Picture.h"
#include "tools/kinema/SpecOptions.h"

#include <fmt/format.h>

namespace kinema {

namespace {
struct InspectCommandOptions {
  SpecOptions spec;
  TargetChoice choice;
  std::string target = "cpu";
  bool json = false;
  bool launches = false;
  bool schedules = false;
  bool layers = false;
  std::string svg;    // a file for a picture
  std::string kernel; // a kernel of the package
  std::string layer;  // the one layer to tell about; empty: all
  std::string code;   // the form of its kernels' code: "llvm", "asm"; empty: none
  std::string html;   // a file for a page about it
  ScaleOptions scale; // of a training by several ranks; none: 0 ranks
};

CompileOptions compileOptions(const InspectCommandOptions &options, bool train) {
  CompileOptions compile;
  compile.train = train;
  applyTarget(options.choice, chosenTarget(options.target), compile);
  return compile;
}

mlir::OwningOpRef<mlir::ModuleOp> plan(mlir::ModuleOp network, const CompileOptions &compile) {
  mlir::OwningOpRef<mlir::ModuleOp> module = network.clone();
  noteTraining(*module, compile);
  require(advance(*module, Phase::Clip, Phase::Planned, compile));
  return module;
}

/// Returns what a package of the network would say, by which several ranks can train it.
Manifest distributedManifest(mlir::ModuleOp network, const InspectCommandOptions &options) {
  CompileOptions distributed = compileOptions(options, true);
  distributed.distributed = true;
  mlir::OwningOpRef<mlir::ModuleOp> planned = plan(network, distributed);
  const MachineCode none{.loaded = {{"code/none", ""}}, .beside = {}}; // a manifest names some
  auto manifest = buildManifest(*planned, *chosenTarget(options.target), none);
  require(mlir::failed(manifest) ? Outcome::Failed : Outcome::Done);
  return parseManifest(*manifest, options.spec.spec);
}

/// Reports how much of the machine the kernels' machine code takes; nothing where the target does not report
/// on it.
std::optional<CodeReport> reportCode(mlir::ModuleOp planned, const Target &target,
                                     const InspectCommandOptions &options) {
  if (!target.reportsCode())
    return std::nullopt;
  CompileOptions compile;
  compile.target = &target;
  compile.targetOptions.toolkit = options.choice.toolkit;
  mlir::OwningOpRef<mlir::ModuleOp> lowered = planned.clone();
  require(advance(*lowered, Phase::Planned, Phase::Target, compile));
  auto report = target.reportCode(*lowered, compile.targetOptions);
  require(mlir::failed(report) ? Outcome::Failed : Outcome::Done);
  return std::move(*report);
}

/// Prints layers and memory and, as asked for, launches and their schedules.
void printPlans(const InspectCommandOptions &options, const inspect::LayerTable &table,
                mlir::ModuleOp trainingModule, mlir::ModuleOp inferenceModule) {
  inspect::PlanSummary training = inspect::summarise(trainingModule),
                       inference = inspect::summarise(inferenceModule);
  fmt::print("{}\n{}", inspect::toText(table), inspect::toText(training, inference, table.batch));
  if (options.launches)
    fmt::print("\n{}", inspect::launchTable(training));
  if (options.schedules)
    for (auto &[module, entry] : {std::pair{trainingModule, "train_step"}, {inferenceModule, "infer"}})
      fmt::print("\n{}", inspect::scheduleTable(entry, inspect::scheduledLaunches(
                                                           module, entry, *chosenTarget(options.target))));
}

nlohmann::json plansJson(const InspectCommandOptions &options, const inspect::LayerTable &table,
                         mlir::ModuleOp trainingModule, mlir::ModuleOp inferenceModule) {
  inspect::PlanSummary training = inspect::summarise(trainingModule),
                       inference = inspect::summarise(inferenceModule);
  nlohmann::json object = inspect::toJson(table);
  object["memory"] = inspect::memoryJson(training, inference);
  object["launches"] = inspect::launchesJson(training, inference);
  if (options.schedules)
    object["schedules"] = {{"train", inspect::schedulesJson(inspect::scheduledLaunches(
                                         trainingModule, "train_step", *chosenTarget(options.target)))},
                           {"infer", inspect::schedulesJson(inspect::scheduledLaunches(
                                         inferenceModule, "infer", *chosenTarget(options.target)))}};
  return object;
}

/// Shows what is known before anything is planned.
void showLayers(const InspectCommandOptions &options, const inspect::LayerTable &table) {
  if (options.json)
    fmt::print("{}\n", inspect::toJson(table).dump(1));
  else
    fmt::print("{}", inspect::toText(table));
}

/// Shows one layer on its whole road.
void showStory(const InspectCommandOptions &options, Compilation &compilation,
               const inspect::LayerTable &table) {
  std::vector<CodeForm> forms;
  if (options.code == "llvm" || !options.html.empty())
    forms.push_back(CodeForm::LLVM);
  if (options.code == "asm" || !options.html.empty())
    forms.push_back(CodeForm::Assembly);
  const inspect::LayerStory story =
      tellStory(compilation, table, options.layer, compileOptions(options, true), forms);
  if (!options.html.empty())
    writeFile(options.html, layerPage(story));
  else if (options.json)
    fmt::print("{}\n", inspect::toJson(story).dump(1));
  else
    fmt::print("{}", inspect::toText(story));
}

void inspectSpec(const InspectCommandOptions &options) {
  for (const std::string &file : {options.svg, options.html})
    if (!file.empty())
      checkWritable(file);
  Compilation compilation({}, frontendOptions(options.spec), options.spec.threads, llvm::errs());
  require(compilation.fromSpec(options.spec.spec, Phase::Clip));
  auto table = inspect::describeNetwork(compilation.module());
  require(mlir::failed(table) ? Outcome::Failed : Outcome::Done);
  if (!options.svg.empty())
    return writeFile(options.svg, pictureOf(*table));
  if (!options.layer.empty())
    return showStory(options, compilation, *table);
  if (options.layers)
    return showLayers(options, *table);
  if (options.scale.ranks > 0)
    return printScale(distributedManifest(compilation.module(), options), options.scale, options.json);
  auto training = plan(compilation.module(), compileOptions(options, true)),
       inference = plan(compilation.module(), compileOptions(options, false));
  // Schedules are known before there is code.
  const Target &target = *chosenTarget(options.target);
  auto report = options.schedules ? std::nullopt : reportCode(*training, target, options);
  if (options.json) {
    nlohmann::json object = plansJson(options, *table, *training, *inference);
    if (report) {
      object["kernels"] = inspect::kernelsJson(inspect::summariseKernels(*training, target, *report));
      object["assembled"] = !report->kernels.empty();
      object["assembler_warnings"] = report->warnings;
    }
    fmt::print("{}\n", object.dump(1));
    return;
  }
  printPlans(options, *table, *training, *inference);
  if (!report)
    return;
  fmt::print("\n{}", inspect::kernelTable(inspect::summariseKernels(*training, target, *report)));
  if (report->kernels.empty())
    fmt::print(
        "registers and spills are ptxas's to tell, which was not found; --cuda-path says where it is\n");
  for (const std::string &warning : report->warnings)
    fmt::print("ptxas: {}\n", warning);
}

void inspectEither(const InspectCommandOptions &options) {
  if (isPackage(options.spec.spec)) {
    refuseChanges(options.spec, options.choice);
    if (!options.svg.empty() || options.layers || !options.layer.empty())
      refuse(
          "{} is compiled, and has kernels in place of layers: --svg, --layer and --layers-only show those "
          "of its spec",
          options.spec.spec);
    if (options.scale.ranks > 0)
      return printScale(readManifests(Package(options.spec.spec)).front(), options.scale, options.json);
    return inspectPackage(
        {options.spec.spec, options.kernel, options.choice.toolkit, options.launches, options.json});
  }
  if (!options.kernel.empty())
    refuse("--kernel shows a kernel of a package: compile {} first", options.spec.spec);
  inspectSpec(options);
}

} // namespace

void addInspect(CLI::App &app) {
  auto options = std::make_shared<InspectCommandOptions>();
  CLI::App *command =
      app.add_subcommand("inspect", "show layers, shapes, parameters, multiply-adds, memory and launches of "
                                    "a spec, or what is in a package");
  addSpecOptions(*command, options->spec, "the network, a .arch file, or a package that was compiled of one");
  addSettings(*command, options->spec);
  addThreads(*command, options->spec);
  addTarget(*command, options->choice, options->target);
  command->add_flag("--json", options->json, "as JSON");
  command->add_flag("--launches", options->launches, "list the launches of a training step");
  command->add_flag(
      "--schedules", options->schedules,
      "how each launch is carried out, how long it took when it was measured and how long it takes by "
      "the model of a GPU, beside the least that its work allows; instead of the kernels' machine "
      "code");
  auto *svg =
      command->add_option("--svg", options->svg, "draw the network's blocks to this file, and no more");
  command->add_flag("--layers-only", options->layers, "without memory, launches and kernels: at once")
      ->excludes(svg);
  for (const char *option : {"--json", "--launches", "--schedules"})
    svg->excludes(command->get_option(option));
  auto *layer =
      command->add_option("--layer", options->layer,
                          "this layer alone, on its whole road: its line of the spec, its operations "
                          "in each phase, its kernels and launches, and their schedules");
  for (const char *option : {"--launches", "--schedules", "--svg", "--layers-only"})
    layer->excludes(command->get_option(option));
  auto *code =
      command
          ->add_option("--code", options->code,
                       "with the code of its kernels: llvm (LLVM IR) or asm (assembly, or a GPU's PTX), of "
                       "which the busiest block is printed and --json has all")
          ->needs(layer)
          ->check(CLI::IsMember({"llvm", "asm"}));
  command->add_option("--html", options->html, "write all this, code included, as a page to this file")
      ->needs(layer)
      ->excludes(code)
      ->excludes(command->get_option("--json"));
  command->add_option("--kernel", options->kernel, "of a package: this kernel, with its code");
  auto *ranks =
      command
          ->add_option("--ranks", options->scale.ranks,
                       "how long a step of so many processes takes, by a model, and with which --bucket")
          ->check(CLI::Range(2, 1000000));
  for (const char *option : {"--launches", "--schedules", "--kernel", "--svg", "--layer", "--layers-only"})
    ranks->excludes(command->get_option(option));
  command
      ->add_option(
          "--network", options->scale.network,
          "between them: nvlink, infiniband, ethernet100, ethernet10, or LATENCY:BANDWIDTH in microseconds "
          "and GB a second (default: nvlink)")
      ->needs(ranks);
  command
      ->add_option("--compress", options->scale.compress,
                   "bf16: they send gradients in half as many bytes, rounded (default: none)")
      ->needs(ranks)
      ->check(CLI::IsMember(wireWords));
  command
      ->add_option("--step-ms", options->scale.stepMilliseconds,
                   "of one process by itself, where the plan does not know the times of its launches")
      ->needs(ranks)
      ->check(CLI::Range(1e-6, 1e9));
  command->callback([options] { inspectEither(*options); });
}

} // namespace kinema

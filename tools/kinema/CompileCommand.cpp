// Implements `kinema compile`: a spec becomes a package, or shows itself in any phase on the way.
#include "runtime/Commands/CommandLine.h"
#include "runtime/Package/Manifest.h"
#include "runtime/Program/Program.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/SpecOptions.h"

#include "dsl/Print.h"

#include <cstdio>
#include <filesystem>

namespace kinema {

namespace {
struct CompileCommandOptions {
  SpecOptions spec;
  TargetChoice choice;
  std::vector<std::string> targets; // empty: a module's own, or else "cpu"
  std::string output, mode = "train", emit = "package", from, dump, fuse = "all";
  std::string dumpPasses; // a folder for the module around each pass
  bool printPasses = false;
  bool locations = false;
  bool keepGradients = false;
  bool distributed = false;
  PackedWeights weights;
};

std::vector<std::string> namesOf(llvm::ArrayRef<PhaseInfo> phases) {
  std::vector<std::string> names;
  for (const PhaseInfo &phase : phases)
    names.push_back(phase.name.str());
  return names;
}

/// Leads the network to the phase `stop`, for the target of `compile`.
void lead(Compilation &compilation, const CompileCommandOptions &options, Phase stop) {
  if (options.from.empty())
    return require(compilation.fromSpec(options.spec.spec, stop));
  Phase from = *phaseNamed(options.from), wanted = *phaseNamed(options.emit);
  if (from >= wanted)
    refuse("compile: --from {} does not lead to {}", options.from, options.emit);
  if (options.choice.twins && from >= Phase::Planned)
    refuse("compile: --twins come with the plan: a module in phase {} has them or not", options.from);
  const SpecOptions &spec = options.spec;
  if (spec.batch || spec.frames || spec.classes || !spec.size.empty() || !spec.settings.empty() ||
      !spec.layers.empty())
    refuse("compile: --batch, --frames, --size, --classes, --layers and --set change a spec; with --from, "
           "change the "
           "module's text");
  require(compilation.fromModule(options.spec.spec, from, stop));
}

/// Returns the targets that were asked for; null stands for the one that the module was made for.
std::vector<const Target *> targetsOf(const CompileCommandOptions &options) {
  if (!options.targets.empty())
    return chosenTargets(options.targets);
  bool isMade = !options.from.empty() && *phaseNamed(options.from) >= Phase::Fused;
  return {isMade ? nullptr : chosenTarget("cpu")};
}

/// Returns the code of a module's kernels, which is in phase `target`.
std::string codeOf(mlir::ModuleOp lowered, CodeForm form) {
  auto target = targetOf(lowered);
  require(mlir::failed(target) ? Outcome::Failed : Outcome::Done);
  auto text = (*target)->codeText(lowered, form);
  require(mlir::failed(text) ? Outcome::Failed : Outcome::Done);
  return std::move(*text);
}

std::string textIn(Phase phase, Compilation &compilation, const CompileCommandOptions &options) {
  switch (phase) {
  case Phase::Ast:
    return dsl::print(*compilation.program().files.front());
  case Phase::LLVM:
    return codeOf(compilation.module(), CodeForm::LLVM);
  case Phase::Assembly:
    return codeOf(compilation.module(), CodeForm::Assembly);
  default:
    return printed(compilation.module(), options.locations);
  }
}

void show(Compilation &compilation, const CompileCommandOptions &options) {
  const std::string text = textIn(*phaseNamed(options.emit), compilation, options);
  if (options.output.empty())
    std::fwrite(text.data(), 1, text.size(), stdout);
  else
    writeFile(options.output, text);
}

/// Reads what was written as the runtime does, since a module determines much of what is in a package, and
/// may have been changed by hand. A package that cannot be run is not left behind.
void requireReadable(const CompileCommandOptions &options) {
  try {
    readManifests(Package(options.output));
  } catch (const Error &error) {
    std::filesystem::remove(options.output);
    refuse("compile: no package can be made of {}, whose attributes do not fit together: {}",
           options.spec.spec, error.what());
  }
}

void makeFolder(const std::string &folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    refuse("cannot write {}: {}", folder, error.message());
}

/// Returns the options of each target that was asked for.
std::vector<CompileOptions> compileOptions(const CompileCommandOptions &options) {
  CompileOptions common;
  common.train = options.mode == "train";
  common.keepGradients = options.keepGradients;
  common.distributed = options.distributed && common.train;
  common.dumpDirectory = options.dump;
  common.passDirectory = options.dumpPasses;
  common.passList = options.printPasses ? &llvm::errs() : nullptr;
  common.fuse = options.fuse == "all"        ? FusionScope::All
                : options.fuse == "epilogue" ? FusionScope::Epilogue
                                             : FusionScope::None;
  return optionsOf(options.choice, targetsOf(options), common);
}

/// The phase up to which the network is led before its weights are checked and its targets are known.
Phase sharedPhase(const CompileCommandOptions &options) {
  return options.from.empty() ? Phase::Clip : std::max(Phase::Step, *phaseNamed(options.from));
}

void compile(const CompileCommandOptions &options) {
  bool toPackage = *phaseNamed(options.emit) == Phase::Package;
  if (toPackage && options.output.empty())
    refuse("compile: where should the package go? add -o FILE, or --emit PHASE to look at the network on its "
           "way");
  if (options.targets.size() > 1 &&
      (!toPackage || !options.from.empty() || !options.dump.empty() || !options.dumpPasses.empty()))
    refuse("compile: a package holds several targets, a module one: with --emit, --from, --dump-phases and "
           "--dump-passes, name one --target");
  if (!options.weights.file.empty() && (!toPackage || !options.from.empty()))
    refuse("compile: --weights go into the package of a spec: leave --emit and --from out");
  if (!options.output.empty())
    checkWritable(options.output);
  if (!options.dumpPasses.empty())
    makeFolder(options.dumpPasses);
  std::vector<CompileOptions> targets = compileOptions(options);
  Compilation compilation(targets.front(), frontendOptions(options.spec), options.spec.threads, llvm::errs());
  if (!toPackage) {
    lead(compilation, options, std::min(*phaseNamed(options.emit), Phase::Target));
    return show(compilation, options);
  }
  sayCompiling(options.spec.spec, targets.front().target);
  lead(compilation, options, sharedPhase(options));
  const std::string weights = contentOf(options.weights, compilation.module());
  PackageWriter package;
  addAll(package, compilation, options.spec.spec, targets);
  if (!weights.empty())
    package.add(weightsEntry, weights);
  package.write(options.output);
  if (!options.from.empty())
    requireReadable(options);
}
} // namespace

void addCompile(CLI::App &app) {
  auto options = std::make_shared<CompileCommandOptions>();
  CLI::App *command =
      app.add_subcommand("compile", "make a package of a spec, or show it in a phase on the way");
  addSpecOptions(*command, options->spec);
  addSettings(*command, options->spec);
  addThreads(*command, options->spec);
  command->add_option("-o,--output", options->output, "the package, or the text of the phase");
  addTargets(*command, options->targets)
      ->default_str("cpu; with --from fused and the phases behind it, the one that the module was made for");
  addCode(*command, options->choice);
  addSchedules(*command, options->choice);
  command->add_flag("--emulator", options->choice.emulator,
                    "with code for --device emulator, which runs a GPU's kernels on the CPU and checks them");
  command->add_flag("--twins", options->choice.twins,
                    "with a plain twin of each launch, which `kinema-runtime verify` runs it beside");
  command->add_flag("--watchdog", options->choice.watchdog,
                    "a GPU's kernel that waits for ever says where, and ends; slower, to find a hang");
  command->add_option("--mode", options->mode, "train (which can infer too) or infer")
      ->check(CLI::IsMember({"train", "infer"}))
      ->capture_default_str();
  command->add_option("--emit", options->emit, "stop at a phase and show it")
      ->check(CLI::IsMember(namesOf(phases())))
      ->capture_default_str();
  command->add_option("--from", options->from, "SPEC is a module in this phase")
      ->check(CLI::IsMember(namesOf(startingPhases())));
  command->add_flag(
      "--locations", options->locations,
      "with --emit: each operation's layer and place in the spec, as --from needs them to name layers");
  command->add_option("--dump-phases", options->dump, "a folder for the module in each phase");
  command->add_option("--dump-passes", options->dumpPasses,
                      "a folder for the module before and after each pass");
  command->add_flag("--print-passes", options->printPasses,
                    "say on the way which passes run, with their options");
  command->add_option("--fuse", options->fuse, "what rides with what")
      ->check(CLI::IsMember({"none", "epilogue", "all"}))
      ->capture_default_str();
  command->add_flag("--keep-gradients", options->keepGradients, "the training step gives the gradients too");
  command->add_flag("--distributed", options->distributed,
                    "several processes may train it together (mpirun): a step stops at its gradients, which "
                    "they add up");
  addLayers(*command, options->spec.layers, "`eval` and `predict` may ask the package for");
  addPackedWeights(*command, options->weights);
  command->callback([options] { compile(*options); });
}

} // namespace kinema

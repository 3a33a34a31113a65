#include "tools/kinema/SpecOptions.h"

#include "compiler/Support/MeasuredSchedules.h"
#include "runtime/Commands/CommandLine.h"
#include "runtime/Device/CpuLevel.h"
#include "runtime/Device/CudaTargets.h"
#include "runtime/Device/Device.h"
#include "runtime/Package/Recipe.h"
#include "runtime/Program/Program.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Progress.h"
#include "tools/kinema/Exit.h"
#include "tools/kinema/Outline.h"

#include <filesystem>
#include <regex>

namespace kinema {

void addSpecOptions(CLI::App &command, SpecOptions &options, const char *meaning) {
  command.add_option("SPEC", options.spec, meaning)->required();
  command.add_option("--batch", options.batch, "clips that are computed together")
      ->check(CLI::Range(1, 65536));
  addSizes(command, options);
}

void addSizes(CLI::App &command, SpecOptions &options) {
  command.add_option("--models", options.models, "folders in which `use` looks for files");
  command.add_option("--frames", options.frames, "frames of a clip")->check(CLI::Range(1, 65536));
  command.add_option("--size", options.size, "height and width of a clip: 112 or 128x171");
  command.add_option("--classes", options.classes, "classes to tell apart")->check(CLI::Range(1, 10000000));
}

void addRepeated(CLI::App &command, const char *name, std::vector<std::string> &values,
                 const std::string &meaning) {
  command.add_option(name, values, meaning)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void addSettings(CLI::App &command, SpecOptions &options) {
  addRepeated(command, "--set", options.settings,
              "a parameter of the network (frames=32) or a setting of the recipe (train.rate=0.1); may be "
              "repeated");
  command.footer(settingsHelp());
}

void addThreads(CLI::App &command, SpecOptions &options) {
  command.add_option("--threads", options.threads, "threads to use (default: all)")
      ->check(CLI::Range(0, maxThreads));
}

const Target *chosenTarget(const std::string &name) {
  if (name != "cpu")
    return targetNamed(name);
  std::string_view level = bestCpuLevel();
  return targetNamed(level.empty() ? cpuLevels().front().target : level);
}

std::vector<const Target *> chosenTargets(const std::vector<std::string> &names) {
  std::vector<const Target *> chosen;
  for (const std::string &name : names)
    if (const Target *target = chosenTarget(name); !llvm::is_contained(chosen, target))
      chosen.push_back(target);
  return chosen;
}

std::vector<std::string> targetNames() {
  std::vector<std::string> names = {"cpu"};
  for (const Target *target : targets())
    names.push_back(target->name.str());
  return names;
}

CLI::Option *addTargets(CLI::App &command, std::vector<std::string> &targets) {
  return command
      .add_option("--target", targets,
                  "the machines, separated by commas; cpu: the best level of this machine's processor")
      ->delimiter(',')
      ->check(CLI::IsMember(targetNames()));
}

void addTarget(CLI::App &command, TargetChoice &choice, std::string &target) {
  command.add_option("--target", target, "the machine; cpu: the best level of this machine's processor")
      ->check(CLI::IsMember(targetNames()))
      ->capture_default_str();
  addCode(command, choice);
  addSchedules(command, choice);
}

void addPrecision(CLI::App &command, TargetChoice &choice) {
  // Of the recipe's words, `auto` is what leaving the option out means.
  const std::vector<std::string> words(std::next(std::begin(recipe_words::precisions)),
                                       std::end(recipe_words::precisions));
  command
      .add_option(
          "--precision", choice.precision,
          "how activations are stored and multiplied, in place of the spec's compute.precision; sums, "
          "parameters and updates are fp32 in any case (default: fp32 on CPUs, else bf16)")
      ->check(CLI::IsMember(words));
}

void applyPrecision(const TargetChoice &choice, CompileOptions &options) {
  if (!choice.precision.empty())
    options.precision = kernel::symbolizePrecision(choice.precision);
}

void addReference(CLI::App &command, TargetChoice &choice) {
  command.add_flag("--reference", choice.reference, "the plain lowering for every kernel");
}

void addCode(CLI::App &command, TargetChoice &choice) {
  addPrecision(command, choice);
  addReference(command, choice);
  command.add_option("--cuda-path", choice.toolkit,
                     "the folder of the CUDA toolkit, whose ptxas makes machine code");
}

void addMeasurements(CLI::App &command, TargetChoice &choice) {
  command.add_option(
      "--measurements", choice.measurements,
      "a file of schedules that were measured (kinema tune), which then come before the model's");
}

void addSchedules(CLI::App &command, TargetChoice &choice) {
  addMeasurements(command, choice);
  command
      .add_option("--choice", choice.choice,
                  "of each kernel's schedules the one of this rank by the model, from 0, to measure it "
                  "(default: the best that is known)")
      ->check(CLI::NonNegativeNumber);
}

void applyMeasurements(const TargetChoice &choice, CompileOptions &options,
                       llvm::ArrayRef<const Target *> others) {
  options.targetOptions.measurements.clear();
  if (choice.measurements.empty())
    return;
  auto measured = MeasuredSchedules::read(choice.measurements);
  if (!measured)
    refuse("{}", llvm::toString(measured.takeError()));
  auto isMeasured = [&](const Target *other) { return other->name == measured->getTarget(); };
  if (!options.target || isMeasured(options.target)) // without a target, the module's passes look again
    options.targetOptions.measurements = choice.measurements;
  else if (!llvm::any_of(others, isMeasured))
    refuse("{}", llvm::toString(measured->checkTarget(options.target->name, choice.measurements)));
}

void applyTarget(const TargetChoice &choice, const Target *target, CompileOptions &options,
                 llvm::ArrayRef<const Target *> others) {
  options.target = target;
  options.targetOptions.reference = choice.reference;
  options.targetOptions.toolkit = choice.toolkit;
  applyMeasurements(choice, options, others);
  options.targetOptions.choice = choice.choice;
  options.targetOptions.emulator = choice.emulator ? EmulatorCode::Beside : EmulatorCode::None;
  if (!target && (choice.twins || choice.watchdog))
    refuse("--twins and --watchdog depend on the machine: name the module's with --target");
  if (choice.twins && !target->hasTwins())
    refuse("--twins: {} has no kernels with twins; a GPU's have them (--target sm_90a)", target->name.str());
  options.targetOptions.twins = choice.twins;
  if (choice.watchdog && !target->hasWatchdog())
    refuse("--watchdog: kernels for {} wait for nothing; it is for a GPU's (--target sm_90a)",
           target->name.str());
  options.targetOptions.watchdog = choice.watchdog;
  applyPrecision(choice, options);
}

std::vector<CompileOptions> optionsOf(const TargetChoice &choice, llvm::ArrayRef<const Target *> targets,
                                      const CompileOptions &common) {
  std::vector<CompileOptions> all(targets.size(), common);
  std::vector<std::string> names;
  for (const Target *target : targets)
    names.push_back(target ? target->name.str() : "");
  for (size_t i = 0; i < targets.size(); ++i) {
    applyTarget(choice, targets[i], all[i], targets);
    all[i].targetOptions.text = targets.size() == 1 || isTextOfUse(names[i], names);
  }
  return all;
}

void addAll(PackageWriter &package, Compilation &compilation, llvm::StringRef spec,
            llvm::ArrayRef<CompileOptions> targets) {
  for (const CompileOptions &target : targets) {
    sayCompiling(spec, target.target);
    require(compilation.addTo(package, target));
  }
}

void addPackedWeights(CLI::App &command, PackedWeights &weights) {
  command.add_option("--weights", weights.file,
                     "put these weights into it (safetensors), with which it evaluates and predicts");
  command.add_option("--names", weights.names, namesMeaning("that file"));
}

std::string contentOf(const PackedWeights &weights, mlir::ModuleOp network) {
  if (weights.file.empty())
    return "";
  return weightsForPackage(outlineOf(network, /*train=*/false), weights.file, findNaming(weights.names));
}

void chooseTarget(const std::string &device, CompileOptions &compile) {
  checkDeviceName(device);
  compile.target = chosenTarget("cpu");
  if (device == emulatorTarget) {
    compile.target = targetNamed("sm_90a");
    compile.targetOptions.emulator = EmulatorCode::Alone;
    return;
  }
  bool automatic = device.empty() || device == "auto";
  int number = automatic ? 0 : cudaNumber(device);
  if (number < 0)
    return;
  const auto gpu = findCudaGpu(number);
  std::vector<CudaCode> codes;
  for (const Target *target : targets())
    codes.push_back({target->name.str()});
  const size_t best = gpu ? chooseCudaCode(codes, gpu->architecture) : codes.size();
  if (best < codes.size())
    compile.target = targets()[best];
  else if (!automatic)
    fail("{}: {}", device,
         gpu ? fmt::format("kinema has no target for {} ({})", gpu->name, gpu->architecture)
             : "there is no such GPU, or no NVIDIA driver, on this machine");
}

bool isPackage(const std::string &path) {
  ArchivePlace place;
  return std::filesystem::is_regular_file(path) && !path.ends_with(".arch") && findArchive(path, place);
}

void refuseChanges(const SpecOptions &options, const TargetChoice &choice) {
  const std::pair<const char *, bool> changes[] = {
      {"--precision", !choice.precision.empty()}, {"--measurements", !choice.measurements.empty()},
      {"--reference", choice.reference},          {"--batch", options.batch != 0},
      {"--frames", options.frames != 0},          {"--size", !options.size.empty()},
      {"--classes", options.classes != 0},        {"--models", !options.models.empty()},
      {"--set", !options.settings.empty()}};
  for (const auto &[option, isGiven] : changes)
    if (isGiven)
      refuse("{0} is compiled already, and its code and sizes stay as they are: name its spec with {1}, or "
             "leave {1} out",
             options.spec, option);
}

FrontendOptions frontendOptions(const SpecOptions &options) {
  FrontendOptions frontend;
  frontend.batch = options.batch;
  frontend.frames = options.frames;
  frontend.classes = options.classes;
  frontend.layers = options.layers;
  frontend.libraryPaths = options.models;
  frontend.overrides = options.settings;
  frontend.fromVideos = options.fromVideos;
  if (options.size.empty())
    return frontend;
  std::smatch match;
  if (!std::regex_match(options.size, match, std::regex("([1-9][0-9]{0,4})(x([1-9][0-9]{0,4}))?")))
    refuse("--size {}: expected one or two sizes, such as 112 or 128x171", options.size);
  frontend.height = std::stoll(match[1]);
  frontend.width = match[3].matched ? std::stoll(match[3]) : frontend.height;
  return frontend;
}

void sayCompiling(llvm::StringRef what, const Target *target) {
  std::string machine = target ? fmt::format(" for {}", target->name.str()) : "";
  Progress().begin(fmt::format("compiling {}{}", what.str(), machine));
}

void require(Outcome outcome) {
  if (outcome != Outcome::Done)
    throw Exit{outcome == Outcome::SpecWrong ? Error::argumentsWrong : Error::workFailed};
}

} // namespace kinema

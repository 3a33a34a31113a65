// kinema tune: measures the schedules of a network's kernels and keeps the quickest in a file.
#include "compiler/Inspect/Schedules.h"
#include "compiler/Pipelines/EditedSchedules.h"
#include "compiler/Pipelines/TunableKernels.h"
#include "compiler/Support/MeasuredSchedules.h"
#include "runtime/Program/Contest.h"
#include "runtime/Support/Clock.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Progress.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/SpecOptions.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace kinema {

namespace {
using nlohmann::json;

struct TuneCommandOptions {
  SpecOptions spec;
  TargetChoice choice;
  std::string target; // empty: what the device is
  std::string device, output, mode = "train";
  std::vector<std::string> times;    // in place of a spec: what kinema bench has printed
  std::string pin, from = "planned"; // a module with schedules that were made by hand, and its phase
  int64_t choices = 8;
  double seconds = 0; // 0: until all is measured
};

/// The file of measured schedules, written anew with each kernel: what was measured is kept whenever the
/// command ends.
class MeasuredFile {
public:
  MeasuredFile(const std::string &path, const std::string &target) : path(path), measured(target) {
    removeLeftovers(path);
    if (std::filesystem::exists(path)) {
      auto before = MeasuredSchedules::read(path);
      if (!before)
        refuse("{}", llvm::toString(before.takeError()));
      if (before->getTarget() != target)
        refuse("{}: was measured for {}, not for {}: a file has kernels of one target", path,
               before->getTarget().str(), target);
      measured = std::move(*before);
    }
    writeFile(path, measured.text()); // a file that cannot be written is better known now
  }

  void keep(const std::string &signature, MeasuredSchedule schedule) {
    measured.keep(signature, std::move(schedule));
    writeFile(path, measured.text());
  }
  size_t size() const { return measured.size(); }
  bool isPinned(const std::string &signature) const { return measured.isPinned(signature); }

private:
  std::string path;
  MeasuredSchedules measured;
};

/// "Intel(R) Xeon(R) ...", or nothing.
std::string processorName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      return line.substr(std::min(line.find(": ") + 2, line.size()));
  return "";
}

std::string describeMachine(const Device &device, bool isCpu) {
  return device.describe() + (isCpu ? ", " + processorName() : "");
}

TargetKind runtimeKind(const Target &target) {
  return target.kind == kernel::TargetKind::CPU ? TargetKind::Cpu : TargetKind::Cuda;
}

struct Measured {
  std::string machine;
  std::vector<ContestTimes> times; // of each alternative
  size_t best;

  double modelSeconds() const { return times.front().median; }
  double bestSeconds() const { return times[best].median; }
};

Measured measure(const TunableKernel &kernel, const CompileOptions &compile,
                 const TuneCommandOptions &options) {
  SoloKernel solo = soloKernel(kernel);
  require(advance(*solo.module, Phase::Planned, Phase::Target, compile));
  auto code = compile.target->makeCode(*solo.module, compile.targetOptions);
  require(mlir::failed(code) ? Outcome::Failed : Outcome::Done);
  auto device = makeDevice(options.device, runtimeKind(*compile.target), compile.target->name.str(),
                           options.spec.threads);
  device->allocate(solo.bytes);
  fillWithNumbers(*device, 0, solo.operandBytes);
  for (const MachineCode::File &file : code->loaded)
    device->loadCode(file.bytes, file.name);
  std::vector<SequenceId> sequences;
  for (const auto &alternative : solo.alternatives) {
    std::vector<LaunchId> launches;
    for (const SoloLaunch &launch : alternative.launches)
      launches.push_back(device->prepare({launch.symbol,
                                          kernel.layers.front(),
                                          launch.grid,
                                          launch.threads,
                                          launch.scratch,
                                          {launch.args.data(), launch.args.size()},
                                          code->maps[launch.symbol]}));
    sequences.push_back(device->prepareSequence(kernel.layers.front(), launches,
                                                {alternative.countersAt, alternative.counterBytes}));
  }
  std::vector<ContestTimes> times = timeSequences(*device, sequences);
  size_t best = quickest(times);
  if (best > 0) { // of many, one may win by chance: it has to win again
    auto again = timeSequences(*device, std::vector{sequences.front(), sequences[best]});
    times.front() = again.front();
    times[best] = again.back();
    best = quickest(again) * best;
  }
  return {describeMachine(*device, compile.target->kind == kernel::TargetKind::CPU), std::move(times), best};
}

MeasuredSchedule entryOf(const TunableKernel &kernel, const Measured &measured) {
  auto schedule = kernel.alternatives[measured.best].schedule();
  return {schedule.getName().str(), schedule.getNumbers(), measured.bestSeconds(), measured.modelSeconds(),
          measured.machine};
}

void printHeader() {
  fmt::print("{:<34} {:<16} {:<10} {:>10} {:>10} {:>5}  {}\n", "kernel", "op", "entry", "model", "best",
             "gain", "the model's choice -> the best");
}

void printRow(const TunableKernel &kernel, const Measured &measured) {
  std::string layers = kernel.layers.front();
  if (kernel.layers.size() > 1)
    layers += fmt::format(" and {} more", kernel.layers.size() - 1);
  double model = measured.modelSeconds(), best = measured.bestSeconds();
  std::string choice = inspect::parametersText(kernel.alternatives.front().schedule().getNumbers());
  if (measured.best > 0)
    choice += " -> " + inspect::parametersText(kernel.alternatives[measured.best].schedule().getNumbers());
  fmt::print("{:<34} {:<16} {:<10} {:>7.3f} ms {:>7.3f} ms {:>4.0f}%  {}\n", layers, kernel.op,
             kernel.launches.size() > 1 ? "both" : kernel.launches.begin()->first, 1e3 * model, 1e3 * best,
             100 * (1 - best / model), choice);
  std::fflush(stdout);
}

/// The launches of an entry together, by the model's choices and by the best.
struct Sum {
  double model = 0, best = 0;
};

void printSums(const std::map<std::string, Sum> &sums) {
  for (const auto &[entry, sum] : sums)
    fmt::print("{}: these launches take {:.2f} ms by the model's choices, {:.2f} ms by the best\n", entry,
               1e3 * sum.model, 1e3 * sum.best);
}

CompileOptions compileOptions(const TuneCommandOptions &options) {
  CompileOptions compile;
  applyTarget(options.choice, chosenTarget("cpu"), compile);
  compile.train = options.mode == "train";
  chooseTarget(options.device, compile);
  if (!options.target.empty())
    compile.target = chosenTarget(options.target);
  return compile;
}

/// The network by each rank of the model's choices.
std::vector<mlir::OwningOpRef<mlir::ModuleOp>> planAll(mlir::ModuleOp network, CompileOptions compile,
                                                       int64_t choices) {
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> planned;
  for (int64_t choice = 0; choice < choices; ++choice) {
    compile.targetOptions.choice = choice;
    planned.push_back(network.clone());
    require(advance(**planned.rbegin(), Phase::Clip, Phase::Planned, compile));
  }
  return planned;
}

void tune(const TuneCommandOptions &options) {
  CompileOptions compile = compileOptions(options);
  Compilation compilation(compile, frontendOptions(options.spec), options.spec.threads, llvm::errs());
  require(compilation.fromSpec(options.spec.spec, Phase::Clip));
  MeasuredFile file(options.output, compile.target->name.str());
  auto planned = planAll(compilation.module(), compile, options.choices);
  auto kernels =
      tunableKernels(llvm::map_to_vector(planned, [](const auto &module) { return module.get(); }));
  double start = now();
  size_t done = 0, gained = 0, pinned = 0;
  std::map<std::string, Sum> sums;
  for (const TunableKernel &kernel : kernels) {
    if (done > 0 && options.seconds > 0 && now() - start >= options.seconds)
      break;
    if (file.isPinned(kernel.signature)) {
      ++pinned;
      continue;
    }
    if (done == 0)
      printHeader();
    Measured measured = measure(kernel, compile, options);
    file.keep(kernel.signature, entryOf(kernel, measured));
    printRow(kernel, measured);
    ++done;
    gained += measured.best > 0;
    for (const auto &[entry, launches] : kernel.launches) {
      sums[entry].model += static_cast<double>(launches) * measured.modelSeconds();
      sums[entry].best += static_cast<double>(launches) * measured.bestSeconds();
    }
  }
  printSums(sums);
  fmt::print(
      "{} of {} kernels measured in {}, {} have a better schedule than the model's choice; {} are in {}\n",
      done, kernels.size(), formatDuration(now() - start), gained, file.size(), options.output);
  if (pinned > 0)
    fmt::print("{} have pinned schedules and were not measured\n", pinned);
}

//===-- Schedules that were made by hand ----------------------------------===//

/// Keeps the schedules of a module that are not the model's choices, after they were verified.
void pinEdited(const TuneCommandOptions &options) {
  CompileOptions compile;
  applyTarget(options.choice, nullptr, compile);
  compile.train = options.mode == "train";
  Compilation edited(compile, {}, options.spec.threads, llvm::errs());
  require(edited.fromModule(options.pin, *phaseNamed(options.from), Phase::Planned));
  compile.target = *targetOf(edited.module());
  if (!options.target.empty() && options.target != compile.target->name)
    refuse("{}: was made for {}, not for {}", options.pin, compile.target->name.str(), options.target);
  require(mlir::failed(compile.target->verifySchedules(edited.module())) ? Outcome::SpecWrong
                                                                         : Outcome::Done);
  Compilation byModel(compile, frontendOptions(options.spec), options.spec.threads, llvm::errs());
  require(byModel.fromSpec(options.spec.spec, Phase::Planned));
  auto schedules = editedSchedules(edited.module(), byModel.module());
  if (!schedules)
    refuse("{}: {}", options.pin, llvm::toString(schedules.takeError()));
  if (schedules->empty())
    refuse("{}: all of its schedules are the model's choices: nothing is pinned", options.pin);
  MeasuredFile file(options.output, compile.target->name.str());
  for (const EditedSchedule &kernel : *schedules) {
    kernel::ScheduleAttr schedule = kernel.schedule;
    file.keep(kernel.signature, {.schedule = schedule.getName().str(),
                                 .parameters = schedule.getNumbers(),
                                 .pinnedGrid = schedule.getGrid()});
    fmt::print("pinned: {} {} of {}\n", schedule.getName().str(),
               inspect::parametersText(schedule.getNumbers()), fmt::join(kernel.layers, ", "));
  }
  fmt::print("{} kernels pinned; {} are in {}\n", schedules->size(), file.size(), options.output);
}

//===-- Times of packages -------------------------------------------------===//

/// The launches of packages that `kinema bench --per-kernel --json` has timed on one device.
class TimedPackages {
public:
  /// Those of the first file are by the model's choices.
  explicit TimedPackages(const std::vector<std::string> &files) {
    for (const std::string &file : files)
      try {
        add(json::parse(readFile(file)), file);
      } catch (const json::exception &error) {
        refuse("{}: is not what kinema bench --per-kernel --json prints: {}", file, error.what());
      }
  }

  const std::string &getTarget() const { return target; }
  /// Keeps the quickest schedule of each kernel that has several; returns the number of these, and of those
  /// whose best one is not the model's.
  std::pair<size_t, size_t> keepIn(MeasuredFile &file) const;

private:
  using Parameters = std::map<std::string, int64_t>;
  struct Alternatives {
    std::vector<std::pair<std::string, Parameters>> schedules;
    std::vector<ContestTimes> times;
  };

  void add(const json &document, const std::string &file);
  void addLaunch(const json &launch);
  /// It is the same in every file.
  static void require(std::string &known, const std::string &found, const std::string &file) {
    if (known.empty())
      known = found;
    if (found != known)
      refuse("{}: was measured on {}, other files on {}: times of one device alone can be compared", file,
             found, known);
  }

  std::string target, device;
  std::map<std::string, Alternatives> kernels; // by signature
};

void TimedPackages::add(const json &document, const std::string &file) {
  require(target, document.at("target").get<std::string>(), file);
  require(device, document.at("device").get<std::string>(), file);
  size_t launches = 0;
  for (const json &entry : document.at("entries"))
    for (const json &launch : entry.value("launches", json::array())) {
      addLaunch(launch);
      ++launches;
    }
  if (launches == 0)
    refuse("{}: has no times of launches; kinema bench writes them with --per-kernel", file);
}

void TimedPackages::addLaunch(const json &launch) {
  Alternatives &kernel = kernels[launch.at("signature").get<std::string>()];
  std::pair<std::string, Parameters> schedule = {launch.at("schedule").get<std::string>(),
                                                 launch.at("parameters").get<Parameters>()};
  ContestTimes times = {launch.at("seconds").get<double>(), launch.at("least").get<double>()};
  auto known = std::find(kernel.schedules.begin(), kernel.schedules.end(), schedule);
  if (known == kernel.schedules.end()) {
    kernel.schedules.push_back(std::move(schedule));
    kernel.times.push_back(times);
    return;
  }
  ContestTimes &before = kernel.times[known - kernel.schedules.begin()];
  before = {std::min(before.median, times.median), std::min(before.least, times.least)};
}

std::pair<size_t, size_t> TimedPackages::keepIn(MeasuredFile &file) const {
  size_t measured = 0, gained = 0;
  for (const auto &[signature, kernel] : kernels) {
    if (kernel.schedules.size() < 2 || file.isPinned(signature))
      continue; // there was nothing to choose
    size_t best = quickest(kernel.times);
    const auto &[schedule, parameters] = kernel.schedules[best];
    file.keep(signature,
              {schedule, parameters, kernel.times[best].median, kernel.times.front().median, device});
    ++measured;
    gained += best > 0;
  }
  return {measured, gained};
}

void chooseFromTimes(const TuneCommandOptions &options) {
  TimedPackages packages(options.times);
  MeasuredFile file(options.output, packages.getTarget());
  auto [measured, gained] = packages.keepIn(file);
  fmt::print("{} kernels measured, {} have a better schedule than the model's choice; {} are in {}\n",
             measured, gained, file.size(), options.output);
}
} // namespace

void addTune(CLI::App &app) {
  auto options = std::make_shared<TuneCommandOptions>();
  CLI::App *command = app.add_subcommand(
      "tune",
      "measure each kernel of a network by the best schedules of the model, and keep the quickest in a "
      "file for --measurements");
  addSpecOptions(*command, options->spec);
  CLI::Option *spec = command->get_option("SPEC")->required(false);
  addSettings(*command, options->spec);
  addThreads(*command, options->spec);
  addCode(*command, options->choice);
  command->add_option("--target", options->target, "the machine (default: what the device is)")
      ->check(CLI::IsMember(targetNames()));
  command
      ->add_option("-o,--output", options->output,
                   "the file; what it has of other kernels stays, and each kernel is kept as soon as it is "
                   "measured")
      ->required();
  CLI::Option *device = command->add_option(
      "--device", options->device,
      "auto (default: a GPU if there is one, else the CPU), cpu, cuda, cuda:N, or emulator, "
      "whose times mean nothing");
  command->add_option("--mode", options->mode, "the kernels of train (which can infer too) or of infer")
      ->check(CLI::IsMember({"train", "infer"}))
      ->capture_default_str();
  CLI::Option *choices =
      command->add_option("--choices", options->choices, "schedules that are tried of each kernel")
          ->check(CLI::Range(2, 24))
          ->capture_default_str();
  CLI::Option *seconds =
      command
          ->add_option("--seconds", options->seconds,
                       "begin no further kernel after so long; those with most multiply-adds come first")
          ->check(CLI::PositiveNumber);
  command
      ->add_option(
          "--times", options->times,
          "in place of SPEC, times of its packages with --choice 0, 1, ... on another machine: files of "
          "what kinema bench --per-kernel --json printed there, that of choice 0 first")
      ->check(CLI::ExistingFile)
      ->excludes(spec);
  command
      ->add_option("--pin", options->pin,
                   "a module of SPEC, made with the same options by kinema compile --emit, whose schedules "
                   "were changed by hand: these are verified and kept, measurements do not replace them")
      ->check(CLI::ExistingFile)
      ->needs(spec)
      ->excludes(device)
      ->excludes(choices)
      ->excludes(seconds);
  command->add_option("--from", options->from, "with --pin: the phase of its module")
      ->check(CLI::IsMember({"fused", "planned"}))
      ->capture_default_str();
  command->callback([options] {
    if (!options->times.empty())
      return chooseFromTimes(*options);
    if (!options->pin.empty())
      return pinEdited(*options);
    if (options->spec.spec.empty())
      refuse("tune needs a SPEC to measure, or --times FILE... of packages that were measured");
    if (options->device.empty() && !options->target.empty())
      options->device = kernel::stringifyTargetKind(chosenTarget(options->target)->kind).str();
    tune(*options);
  });
}

} // namespace kinema

// kinema tune: measures the schedules of a network's kernels and keeps the quickest in a file.
#include "compiler/Pipelines/TunableKernels.h"
#include "runtime/Program/Contest.h"
#include "runtime/Support/Clock.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Progress.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/SpecOptions.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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
  int64_t choices = 8;
  double seconds = 0; // 0: until all is measured
};

/// The file of measurements, written anew with each kernel: what was measured is kept whenever the command
/// ends.
class MeasurementsFile {
public:
  explicit MeasurementsFile(const std::string &path) : path(path), entries(json::object()) {
    removeLeftovers(path);
    if (std::filesystem::exists(path)) {
      if (llvm::Error error = checkMeasurements(path))
        refuse("{}", llvm::toString(std::move(error)));
      entries = json::parse(readFile(path));
    }
    writeFile(path, text()); // a file that cannot be written is better known now
  }

  void keep(const std::string &signature, json entry) {
    entries[signature] = std::move(entry);
    writeFile(path, text());
  }
  size_t size() const { return entries.size(); }

private:
  std::string text() const { return entries.dump(1) + "\n"; }

  std::string path;
  json entries; // by signature; sorted
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
                                          {launch.args.data(), launch.args.size()}}));
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

json parametersOf(kernel::ScheduleAttr schedule) {
  json parameters = json::object();
  for (mlir::NamedAttribute parameter : schedule.getParameters())
    if (auto value = llvm::dyn_cast<mlir::IntegerAttr>(parameter.getValue()))
      parameters[parameter.getName().str()] = value.getInt();
  return parameters;
}

json entryOf(const TunableKernel &kernel, const Measured &measured) {
  auto schedule = kernel.alternatives[measured.best].schedule();
  return {{"schedule", schedule.getName().str()},
          {"parameters", parametersOf(schedule)},
          {"seconds", measured.bestSeconds()},
          {"first_choice_seconds", measured.modelSeconds()},
          {"machine", measured.machine}};
}

std::string describe(kernel::ScheduleAttr schedule) {
  std::string text;
  json parameters = parametersOf(schedule);
  for (const auto &[name, value] : parameters.items())
    if (name != "partials" && name != "threads")
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, value.get<int64_t>());
  return text;
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
  std::string choice = describe(kernel.alternatives.front().schedule());
  if (measured.best > 0)
    choice += " -> " + describe(kernel.alternatives[measured.best].schedule());
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
  MeasurementsFile file(options.output);
  auto planned = planAll(compilation.module(), compile, options.choices);
  auto kernels =
      tunableKernels(llvm::map_to_vector(planned, [](const auto &module) { return module.get(); }));
  double start = now();
  size_t done = 0, gained = 0;
  std::map<std::string, Sum> sums;
  for (const TunableKernel &kernel : kernels) {
    if (done > 0 && options.seconds > 0 && now() - start >= options.seconds)
      break;
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
}
} // namespace

void addTune(CLI::App &app) {
  auto options = std::make_shared<TuneCommandOptions>();
  CLI::App *command = app.add_subcommand(
      "tune",
      "measure each kernel of a network by the best schedules of the model, and keep the quickest in a "
      "file for --measurements");
  addSpecOptions(*command, options->spec);
  addSettings(*command, options->spec);
  addThreads(*command, options->spec);
  addPrecision(*command, options->choice);
  command->add_option("--target", options->target, "the machine (default: what the device is)")
      ->check(CLI::IsMember(targetNames()));
  command
      ->add_option("-o,--output", options->output,
                   "the file; what it has of other kernels stays, and each kernel is kept as soon as it is "
                   "measured")
      ->required();
  command->add_option("--device", options->device,
                      "auto (default: a GPU if there is one, else the CPU), cpu, cuda, cuda:N, or emulator, "
                      "whose times mean nothing");
  command->add_option("--mode", options->mode, "the kernels of train (which can infer too) or of infer")
      ->check(CLI::IsMember({"train", "infer"}))
      ->capture_default_str();
  command->add_option("--choices", options->choices, "schedules that are tried of each kernel")
      ->check(CLI::Range(2, 24))
      ->capture_default_str();
  command
      ->add_option("--seconds", options->seconds,
                   "begin no further kernel after so long; those with most multiply-adds come first")
      ->check(CLI::PositiveNumber);
  command->callback([options] {
    if (options->device.empty() && !options->target.empty())
      options->device = kernel::stringifyTargetKind(chosenTarget(options->target)->kind).str();
    tune(*options);
  });
}

} // namespace kinema

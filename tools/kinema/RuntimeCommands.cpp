// Runs the runtime's commands on specs: a spec is compiled to a package first. A package is taken as it is.
#include "runtime/Commands/CommandLine.h"
#include "runtime/Device/Device.h"
#include "runtime/Package/Package.h"
#include "runtime/Package/Safetensors.h"
#include "runtime/Ranks/Ranks.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/Outline.h"
#include "tools/kinema/PackageCache.h"
#include "tools/kinema/SpecOptions.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <unistd.h>

namespace kinema {
namespace {

/// A TemporaryPackage is a package made for one command, and removed with it.
class TemporaryPackage {
public:
  TemporaryPackage() {
    std::error_code none; // mkstemp says what is wrong with the folder
    path = (std::filesystem::temp_directory_path(none) / "kinema-XXXXXX").string();
    int file = mkstemp(path.data());
    if (file < 0)
      fail("cannot create {} for the compiled network ({}): set TMPDIR to a folder that can be written", path,
           std::strerror(errno));
    close(file);
  }
  ~TemporaryPackage() { std::remove(path.c_str()); }
  TemporaryPackage(const TemporaryPackage &) = delete;
  TemporaryPackage &operator=(const TemporaryPackage &) = delete;

  std::string path;
};

/// Throws Error where a spec is given without weights: a package may carry weights, but a spec does not.
void requireWeights(const std::string &weights, const SpecOptions &spec,
                    const std::string &option = "--weights") {
  if (weights.empty())
    refuse("which weights? {} is a spec: name a file with {}", spec.spec, option);
}

// Each of these functions says what its command wants of the compiler.

CompileOptions prepare(const TrainOptions &, SpecOptions &) {
  return {.distributed = ranksOfProcess() != nullptr};
}

CompileOptions prepare(const EvalOptions &options, SpecOptions &spec) {
  requireWeights(options.weights, spec, options.weightsOption);
  spec.layers = options.layers;
  return {.train = false};
}

CompileOptions prepare(const PredictOptions &options, SpecOptions &spec) {
  requireWeights(options.weights, spec);
  spec.layers = options.layers;
  constexpr int64_t usualClips = 10; // clips of a video; they make one batch then
  if (spec.batch == 0)
    spec.batch = usualClips;
  return {.train = false};
}

/// Makes a package without a training step where inference alone is measured.
CompileOptions prepare(const BenchCommandOptions &options, SpecOptions &) {
  const auto &entries = options.entries;
  return {.train = entries.empty() || std::ranges::find(entries, "train_step") != entries.end()};
}

CompileOptions prepare(const VerifyCommandOptions &, SpecOptions &) {
  CompileOptions compile;
  compile.targetOptions.twins = true;
  return compile;
}

/// Makes the sizes of `input` replace the spec's; for a network with several inputs, only the batch does.
CompileOptions prepare(const RunCommandOptions &options, SpecOptions &spec) {
  spec.layers = options.layers;
  TensorFile file = readTensors(options.input);
  const FileTensor *input = file.find("input");
  for (const FileTensor &tensor : file.tensors)
    if (tensor.shape.size() == 5)
      spec.batch = tensor.shape[0];
  if (spec.batch == 0 || (input && input->shape.size() != 5))
    fail("{}: expected a tensor 'input' [N, C, T, H, W], found {}", options.input,
         input ? describe(input->type, input->shape) : "none");
  if (input) {
    spec.frames = input->shape[2];
    spec.size = fmt::format("{}x{}", input->shape[3], input->shape[4]);
  }
  return {.train = options.steps > 0, .keepGradients = options.steps > 0};
}

/// Gives all settings to the spec, and those of the recipe (SECTION.FIELD=VALUE) to the runtime too, since a
/// run that goes on has the recipe of its checkpoint.
void splitSettings(std::vector<std::string> &runtime, std::vector<std::string> &spec) {
  spec = runtime;
  std::erase_if(runtime, [](const std::string &setting) {
    return setting.substr(0, setting.find('=')).find('.') == std::string::npos;
  });
}

/// Checks the options as soon as it is known what they should go with; a training holds its folder from then
/// on.
template <typename Options> void checkEarly(Options &options, const Manifest &network) {
  if constexpr (requires { check(options, network); })
    check(options, network);
  if constexpr (std::is_same_v<Options, TrainOptions>) {
    if (isFirstRank())
      options.lock = std::make_shared<FolderLock>(options.out);
    options.keepPackage = true;
  }
}

/// Returns the file of the network's package: one that was compiled before, or a new one.
std::string packageOf(Compilation &compilation, const CompileOptions &compile, const SpecOptions &spec,
                      std::optional<TemporaryPackage> &temporary) {
  const std::optional<PackageCache> cache = spec.cache ? std::make_optional<PackageCache>() : std::nullopt;
  const std::string key = cache ? packageKey(compilation, compile) : "";
  if (cache)
    if (auto file = cache->find(key))
      return *file;
  PackageWriter writer;
  sayCompiling(spec.spec, compile.target);
  require(compilation.addTo(writer));
  if (cache)
    if (auto file = cache->add(key, writer))
      return *file;
  temporary.emplace();
  writer.write(temporary->path);
  return temporary->path;
}

/// A PreparedNetwork is what a command is given in place of a package: a spec that is read and checked, with
/// the command's options, and then compiled; or a package as it is.
class PreparedNetwork {
public:
  /// Takes the recipe's settings out of `options.settings` that are the compiler's alone.
  template <typename Options>
  PreparedNetwork(Options &options, const SpecOptions &given, const TargetChoice &choice) : spec(given) {
    if (isPackage(spec.spec)) {
      refuseChanges(spec, choice);
      return;
    }
    if constexpr (requires { options.settings; })
      splitSettings(options.settings, spec.settings);
    spec.threads = options.threads;
    spec.fromVideos = requires { options.loaders; };
    compile = prepare(options, spec);
    chooseTarget(options.device, compile);
    if (compile.targetOptions.twins && !compile.target->hasTwins())
      refuse("{}: only a GPU's kernels are compared with plain ones; --device emulator runs them on the CPU",
             compile.target->name.str());
    applyPrecision(choice, compile);
    compile.targetOptions.reference = choice.reference;
    applyMeasurements(choice, compile);
    compilation.emplace(compile, frontendOptions(spec), spec.threads, llvm::errs());
    require(compilation->fromSpec(spec.spec, Phase::Clip));
    checkEarly(options, outlineOf(compilation->module(), compile.train));
  }

  /// Returns the file of the package, which lives at least as long as this.
  std::string package() {
    if (!compilation)
      return spec.spec;
    // The first rank compiles, and the others on its machine find what it has kept.
    Ranks *const ranks = joinedRanks();
    if (ranks && !ranks->isFirst())
      ranks->gather("");
    std::string file = packageOf(*compilation, compile, spec, temporary);
    if (ranks && ranks->isFirst())
      ranks->gather("");
    return file;
  }

private:
  SpecOptions spec;
  CompileOptions compile;
  std::optional<Compilation> compilation;    // none: it is a package
  std::optional<TemporaryPackage> temporary; // where the package is not kept
};

template <typename Options>
void compileAndCall(Options options, SpecOptions spec, const TargetChoice &choice,
                    void (*command)(const Options &)) {
  std::optional<PreparedNetwork> second;
  if constexpr (std::is_same_v<Options, EvalOptions>)
    if (!options.with.empty()) {
      EvalOptions alone = options.ofSecond();
      SpecOptions other = spec;
      other.spec = options.with;
      second.emplace(alone, other, choice);
    }
  PreparedNetwork network(options, spec, choice);
  options.package = network.package();
  if constexpr (std::is_same_v<Options, EvalOptions>)
    if (second)
      options.with = second->package();
  command(options);
}

template <typename Options>
void addCommand(CLI::App &app, const char *name, const char *description, void (*command)(const Options &)) {
  CLI::App *sub = app.add_subcommand(name, description);
  auto spec = std::make_shared<SpecOptions>();
  auto choice = std::make_shared<TargetChoice>();
  auto options = std::make_shared<Options>();
  addSpecOptions(*sub, *spec, "the network, a .arch file, or a package that was compiled of one");
  addPrecision(*sub, *choice);
  if constexpr (!std::is_same_v<Options, VerifyCommandOptions>) // which compares both lowerings
    addReference(*sub, *choice);
  addMeasurements(*sub, *choice);
  sub->add_flag_callback(
      "--no-cache", [spec] { spec->cache = false; },
      "compile the spec even if its package is kept from before, and do not keep it");
  addFlags(*sub, *options);
  if constexpr (!requires { options->settings; })
    addSettings(*sub, *spec);
  sub->callback([=] { compileAndCall(*options, *spec, *choice, command); });
}

} // namespace

void addRuntimeCommands(CLI::App &app) {
  addCommand(app, "train", "train on videos", &train);
  addCommand(app, "eval", "clip and video accuracy on a list of videos", &eval);
  addCommand(app, "predict", "the most probable classes of videos", &predict);
  addCommand(app, "run", "tensors in, tensors out, for comparison with other frameworks", &run);
  addCommand(app, "bench", "time a step, an inference and their launches", &bench);
  addCommand(app, "verify", "run each launch beside its plain twin and name those that differ", &verify);
}

} // namespace kinema

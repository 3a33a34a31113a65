// Implements `kinema build`, which makes a program that trains, evaluates and predicts one network: the
// runtime with the package behind it.
#include "runtime/Commands/CommandLine.h"
#include "runtime/Package/Package.h"
#include "runtime/Program/Program.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/ElfMachine.h"
#include "tools/kinema/SpecOptions.h"

#include "llvm/ADT/StringExtras.h"

#include <filesystem>

namespace kinema {

namespace {
struct BuildCommandOptions {
  SpecOptions spec;
  TargetChoice choice;              // all of it but the target
  std::vector<std::string> targets; // empty: the targets of most machines
  std::string output, mode = "train";
  std::string program; // of the runtime; empty: the one beside this program
  bool distributed = false;
  PackedWeights weights;
};

/// Returns the runtime's program, which stands beside this one.
std::string runtimeProgram() {
  std::error_code code;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", code);
  std::string program = self.replace_filename("kinema-runtime").string();
  if (code || !std::filesystem::is_regular_file(program))
    fail("cannot find {}, which a trainer is made of: it belongs beside kinema", program);
  return program;
}

/// Returns the processor that a program is for. Throws Error where the file is no program.
uint16_t machineOf(const std::string &program) {
  const auto machine =
      std::filesystem::is_regular_file(program) ? elfMachine(readFile(program)) : std::nullopt;
  if (!machine)
    refuse("--program: {} is no program of 64 bits", program);
  return *machine;
}

std::vector<std::string> usualTargets(std::string_view precision, uint16_t machine = elfX86) {
  std::vector<std::string> targets = {"x86-64-v3", "x86-64-v4"};
  if (machine == elfArm)
    targets = {"aarch64"};
  else if (precision == "bf16") // in fp32, these levels have the code of the level before
    targets.insert(targets.end(), {"x86-64-v4-bf16", "x86-64-v4-amx"});
  // Those of a generation have other shared memory and rates, so that code for one is no good code for
  // another.
  targets.insert(targets.end(), {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120"});
  return targets;
}

void build(const BuildCommandOptions &options) {
  const bool isOwn = options.program.empty();
  const std::string program = isOwn ? runtimeProgram() : options.program;
  const uint16_t machine = isOwn ? elfX86 : machineOf(program);
  checkWritable(options.output);
  CompileOptions common;
  common.train = options.mode == "train";
  common.distributed = options.distributed && common.train;
  auto targetsIn = [&](std::string_view precision) {
    return optionsOf(
        options.choice,
        chosenTargets(options.targets.empty() ? usualTargets(precision, machine) : options.targets), common);
  };
  std::vector<CompileOptions> targets = targetsIn(options.choice.precision);
  Compilation compilation(targets.front(), frontendOptions(options.spec), options.spec.threads, llvm::errs());
  sayCompiling(options.spec.spec, targets.front().target);
  require(compilation.fromSpec(options.spec.spec, Phase::Clip));
  if (options.choice.precision.empty())
    targets = targetsIn(compilation.program().recipe.compute.precision);
  const std::string weights = contentOf(options.weights, compilation.module());
  PackageWriter package;
  addAll(package, compilation, options.spec.spec, targets);
  if (!weights.empty())
    package.add(weightsEntry, weights);
  package.writeBehind(program, options.output);
}
} // namespace

void addBuild(CLI::App &app) {
  auto options = std::make_shared<BuildCommandOptions>();
  CLI::App *command = app.add_subcommand("build", "make a program that trains, evaluates and predicts a "
                                                  "network, on machines that have nothing of Kinema");
  addSpecOptions(*command, options->spec);
  addSettings(*command, options->spec);
  addThreads(*command, options->spec);
  command->add_option("-o,--output", options->output, "the program")->required();
  command->add_option("--program", options->program,
                      "the runtime that it is made of, which may be one for another processor (default: the "
                      "kinema-runtime beside this program)");
  addTargets(*command, options->targets)->default_str(llvm::join(usualTargets(/*precision=*/"fp32"), ","));
  addCode(*command, options->choice);
  addSchedules(*command, options->choice);
  command->add_option("--mode", options->mode, "train (which can infer too) or infer")
      ->check(CLI::IsMember({"train", "infer"}))
      ->capture_default_str();
  command->add_flag("--distributed", options->distributed,
                    "several processes may train it together (mpirun): a step stops at its gradients, which "
                    "they add up");
  addLayers(*command, options->spec.layers, "`eval` and `predict` may ask the program for");
  addPackedWeights(*command, options->weights);
  command->callback([options] { build(*options); });
}

} // namespace kinema

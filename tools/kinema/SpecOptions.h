// Declares what every command that starts from a spec accepts.
#pragma once

#include "compiler/Pipelines/Compile.h"
#include "runtime/Package/Package.h"

#include <CLI/CLI.hpp>

namespace kinema {

struct SpecOptions {
  std::string spec;
  std::vector<std::string> settings; // --set
  std::vector<std::string> models;   // --models
  int64_t batch = 0;                 // 0: the command's own choice
  int64_t frames = 0, classes = 0;   // 0: as written
  std::string size;                  // "112" or "112x112"; empty: as written
  std::vector<std::string> layers;   // whose features inference gives
  int threads = 0;                   // 0: all
  bool fromVideos = false;           // FrontendOptions::fromVideos
  bool cache = true;                 // a package that was compiled before will do (PackageCache)
};

/// Adds the spec and what replaces its sizes.
void addSpecOptions(CLI::App &command, SpecOptions &options,
                    const char *meaning = "the network, a .arch file");
/// Adds what replaces a spec's sizes alone, and where its files are looked for.
void addSizes(CLI::App &command, SpecOptions &options);
/// Adds an option that takes one value each time that it is given.
void addRepeated(CLI::App &command, const char *name, std::vector<std::string> &values,
                 const std::string &meaning);
/// Adds --set, for commands whose own options lack it.
void addSettings(CLI::App &command, SpecOptions &options);
/// Adds --threads, likewise.
void addThreads(CLI::App &command, SpecOptions &options);

/// Holds what every command that makes kernels accepts.
struct TargetChoice {
  std::string precision, toolkit, measurements;
  int64_t choice = -1; // TargetOptions::choice
  bool reference = false;
  bool emulator = false; // make code for the emulator too
  bool twins = false;    // TargetOptions::twins
  bool watchdog = false; // TargetOptions::watchdog
};
/// Returns the target of this name; "cpu" is the best level of this machine's processor.
const Target *chosenTarget(const std::string &name);
/// Returns the targets of several names, each once.
std::vector<const Target *> chosenTargets(const std::vector<std::string> &names);
/// Returns "cpu" and the names of all targets.
std::vector<std::string> targetNames();
/// Adds --target alone, for one or several.
CLI::Option *addTargets(CLI::App &command, std::vector<std::string> &targets);
/// Adds --target, and what the three functions below add.
void addTarget(CLI::App &command, TargetChoice &choice, std::string &target);
/// Adds --precision alone.
void addPrecision(CLI::App &command, TargetChoice &choice);
/// Adds --reference alone.
void addReference(CLI::App &command, TargetChoice &choice);
/// Adds --precision, --reference and --cuda-path.
void addCode(CLI::App &command, TargetChoice &choice);
/// Applies --precision.
void applyPrecision(const TargetChoice &choice, CompileOptions &options);
/// Adds --measurements and --choice.
void addSchedules(CLI::App &command, TargetChoice &choice);
/// Adds --measurements.
void addMeasurements(CLI::App &command, TargetChoice &choice);
/// Applies --measurements. Throws Error if its file holds no measurements, or is neither for the options'
/// target nor for one of the `others` that the command makes code for.
void applyMeasurements(const TargetChoice &choice, CompileOptions &options,
                       llvm::ArrayRef<const Target *> others = {});
/// Applies all that `addTarget` adds.
void applyTarget(const TargetChoice &choice, const Target *target, CompileOptions &options,
                 llvm::ArrayRef<const Target *> others = {});

/// Returns the options of each target: the common ones with all that `addTarget` adds.
std::vector<CompileOptions> optionsOf(const TargetChoice &choice, llvm::ArrayRef<const Target *> targets,
                                      const CompileOptions &common);
/// Leads the network on for each target and adds their code to the package. Throws Error, as `require`.
void addAll(PackageWriter &package, Compilation &compilation, llvm::StringRef spec,
            llvm::ArrayRef<CompileOptions> targets);

/// Holds weights that a package carries.
struct PackedWeights {
  std::string file, names; // an empty file: none
};
/// Adds --weights and --names.
void addPackedWeights(CLI::App &command, PackedWeights &weights);
/// Returns what a package of the network, which is in phase `clip`, carries of them; empty for none. Throws
/// Error where they are not the network's.
std::string contentOf(const PackedWeights &weights, mlir::ModuleOp network);

/// Chooses the target that the device runs: a spec is compiled for a GPU if there is one that runs the code
/// of some target (runtime/Device/CudaTargets.h), unless the CPU is asked for.
void chooseTarget(const std::string &device, CompileOptions &options);

/// Returns whether the file is a package, or a program that carries one, rather than a spec.
bool isPackage(const std::string &path);

/// Throws Error where options are given that change a spec, though what is named is a package.
void refuseChanges(const SpecOptions &options, const TargetChoice &choice);

/// Converts the options. Throws Error if the size is not one.
FrontendOptions frontendOptions(const SpecOptions &options);

/// Says on a terminal that code is made now, which takes a while. `target` is null where a module determines
/// it.
void sayCompiling(llvm::StringRef what, const Target *target);

/// Throws Error with the exit status that the outcome deserves; what was wrong has been printed.
void require(Outcome outcome);

} // namespace kinema

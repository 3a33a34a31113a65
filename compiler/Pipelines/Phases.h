// Declares the phases from a spec's text to a package, once. Their table drives --emit, --from and
// --dump-phases.
#ifndef KINEMA_COMPILER_PIPELINES_PHASES_H
#define KINEMA_COMPILER_PIPELINES_PHASES_H

#include "compiler/Conversion/Passes.h"
#include "compiler/Pipelines/Targets.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <optional>
#include <string>

namespace kinema {

/// `LLVM` and `Assembly` are the code of the kernels as text: nothing goes on from there, and a package is
/// made from `Target`.
enum class Phase { Ast, Clip, Step, Fused, Planned, Target, LLVM, Assembly, Package };

struct PhaseInfo {
  Phase phase;
  llvm::StringRef name;
  llvm::StringRef form;
  llvm::StringRef what; // what has happened when the phase is reached
};
llvm::ArrayRef<PhaseInfo> phases();
const PhaseInfo &info(Phase phase);
/// Returns the phases whose text can be read again, so that a compilation can start from there.
llvm::ArrayRef<PhaseInfo> startingPhases();
std::optional<Phase> phaseNamed(llvm::StringRef name);

/// Returns the phase that a module is in, told by the operations that it holds; nothing where it holds none
/// that tell.
std::optional<Phase> phaseOf(mlir::ModuleOp module);

/// Holds what the phases after `clip` need to know.
struct CompileOptions {
  bool train = true;          // else inference alone
  bool keepGradients = false; // the training step returns them
  bool distributed = false;   // ranks add up their gradients in the middle of a step (clip.distributed)
  FusionScope fuse = FusionScope::All;
  const Target *target = targets().front();
  TargetOptions targetOptions = {};
  /// How activations are stored and multiplied; nothing: the recipe says it, or the target.
  std::optional<kernel::Precision> precision = {};
  std::string dumpDirectory = {}; // folder that each phase is written to; empty: none
  /// A folder for the module before and after each pass, a folder of which for each phase; empty: none. The
  /// context then works on one thread.
  std::string passDirectory = {};
  /// Gets the name of each phase and its passes, with their options as --pass-pipeline takes them; or null.
  llvm::raw_ostream *passList = nullptr;
};

/// Adds the passes that lead from the phase before `phase` to it.
void buildPhase(mlir::OpPassManager &passes, Phase phase, const CompileOptions &options);

/// Writes DIRECTORY/N-phase.mlir (N-phase.arch in phase ast) unless `directory` is empty. An error is
/// reported at `location`.
mlir::LogicalResult dumpPhase(mlir::Location location, Phase phase, llvm::StringRef directory,
                              llvm::function_ref<std::string()> text);

/// Says how a compilation ended, which decides the exit status. All errors have been reported by then.
enum class Outcome { Done, SpecWrong, Failed };

/// Writes into `clip.network` of a module in phase `clip` the digest of what is computed, which is the same
/// for every machine and recipe; the later phases keep it.
void noteDigest(mlir::ModuleOp module);

/// Writes into a module in phase `clip` what the options say of its training step: whether ranks train it
/// together, and whether its loss is scaled, as the narrow exponents of fp16 need.
void noteTraining(mlir::ModuleOp module, const CompileOptions &options);

/// Leads `module` from phase `from` to phase `to`, both between clip and target. A module that is already in
/// phase `fused` or later must have been made for the options' target, with schedules that this target can
/// carry out. Errors go to the context's diagnostics; an internal one names the phase, the pass and a file
/// that reproduces it.
Outcome advance(mlir::ModuleOp module, Phase from, Phase to, const CompileOptions &options);

/// Returns the module as text, with values named after the author's layers. With `locations` the text also
/// says which layer and which place in the spec each operation comes from, which a module that is read again
/// needs.
std::string printed(mlir::ModuleOp module, bool locations = false);

} // namespace kinema

#endif

// The road from a text to a package: the phases, declared once. The table drives --emit, --from and
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

enum class Phase { Ast, Clip, Step, Fused, Planned, Target, Package };

struct PhaseInfo {
  Phase phase;
  llvm::StringRef name;
  llvm::StringRef form;
  llvm::StringRef what; // has happened when it is reached
};
llvm::ArrayRef<PhaseInfo> phases();
const PhaseInfo &info(Phase phase);
/// The phases whose text can be read again, to go on from there.
llvm::ArrayRef<PhaseInfo> startingPhases();
std::optional<Phase> phaseNamed(llvm::StringRef name);

/// The phase that a module is in, by what it is made of; nothing where it has none of that.
std::optional<Phase> phaseOf(mlir::ModuleOp module);

/// What the phases after `clip` need to know.
struct CompileOptions {
  bool train = true;          // else inference alone
  bool keepGradients = false; // the training step returns them
  FusionScope fuse = FusionScope::All;
  const Target *target = targets().front();
  TargetOptions targetOptions = {};
  std::optional<bool> bfloat16 = {}; // how activations are stored; nothing: as the target likes
  std::string dumpDirectory = {};    // where each phase is written; empty: nowhere
};

/// The passes that lead from the phase before `phase` to it.
void buildPhase(mlir::OpPassManager &passes, Phase phase, const CompileOptions &options);

/// Writes DIRECTORY/N-phase.mlir (of phase ast: .arch) where there is a directory; an error is reported at
/// `location`.
mlir::LogicalResult dumpPhase(mlir::Location location, Phase phase, llvm::StringRef directory,
                              llvm::function_ref<std::string()> text);

/// How a compilation ended: which exit status it deserves. What was wrong has been told.
enum class Outcome { Done, SpecWrong, Failed };

/// Writes into `clip.network` of a module in phase `clip` the digest of what is computed, which is the same
/// for every machine and recipe; the later phases keep it.
void noteDigest(mlir::ModuleOp module);

/// Leads `module` from `from` to `to` (both between clip and target). A module that is in phase `fused`
/// already must have been made for the options' target, and have schedules that this one can carry out.
/// Errors go to the context's diagnostics; an internal one names the phase, the pass and a file that
/// reproduces it.
Outcome advance(mlir::ModuleOp module, Phase from, Phase to, const CompileOptions &options);

/// The module as text, values named after the author's layers. With `locations` it also says which layer and
/// which place in the spec each operation comes from, as a module that is read again needs it.
std::string printed(mlir::ModuleOp module, bool locations = false);

} // namespace kinema

#endif

// Gathers what `kinema explore` shows: a network's operations in each phase, its launches and what lives in
// the arena meanwhile, all of them linked with each other.
#ifndef KINEMA_COMPILER_INSPECT_EXPLORATION_H
#define KINEMA_COMPILER_INSPECT_EXPLORATION_H

#include "compiler/Inspect/LayerTable.h"
#include "compiler/Inspect/Lives.h"
#include "compiler/Inspect/Marks.h"
#include "compiler/Inspect/Plan.h"
#include "compiler/Inspect/Schedules.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <map>
#include <optional>

namespace kinema::inspect {

/// Which part of a step an operation or a launch belongs to; of a launch that is merged of several, the
/// first.
enum class StepPart { Forward, Backward, Update };
llvm::StringRef nameOf(StepPart part);

/// A SourcePlace is a line of a file that the spec was read from; line 0: nobody wrote what it is of.
struct SourcePlace {
  unsigned file = 0, line = 0;
  bool known() const { return line != 0; }
};

/// An ExploredOperation is an operation of phase `clip` or `step`, known by its number there.
struct ExploredOperation {
  std::string function, op, text;
  std::optional<size_t> layer; // its row in the table; nothing: it is of none
  StepPart part = StepPart::Forward;
  SourcePlace place;         // in phase `clip`: where in the spec it was written
  std::vector<int64_t> from; // in phase `step`: the operations of `clip` that it was made of
};

/// An ExploredKernel is a launchable operation of phase `fused`, known by its number there.
struct ExploredKernel {
  std::string function, op, text;
  MarkedLines lines;             // of its text, with operations of `step`
  std::vector<int64_t> from;     // those of the whole kernel
  std::optional<size_t> carrier; // the kernel in whose launch it merges partials; nothing: it has its own
};

/// An ExploredLaunch is a launch of an entry, known by its number there.
struct ExploredLaunch {
  LaunchSummary work;
  ScheduledLaunch schedule;
  std::string kernel;          // "k12"
  int64_t threads = 1;         // of a block
  int64_t products = 1;        // that each multiply-add takes
  std::optional<size_t> layer; // its row in the table
  StepPart part = StepPart::Forward;
  std::vector<int64_t> kernels; // of phase `fused`: its own first, then those that it carries
};

struct ExploredEntry {
  std::string name;
  std::vector<ExploredLaunch> launches;
  EntryLives lives;
};

/// An ExploredCode is the code of a kernel in one form.
struct ExploredCode {
  std::string text;
  /// Lines with the operations of `step` that they compute something of, each until the next one that is
  /// listed.
  MarkedLines lines;
};

struct ExploredSegment {
  std::string kind;
  int64_t offset, bytes;
};

/// An Exploration is one network on one target.
struct Exploration {
  LayerTable table;
  std::string target, precision;
  std::optional<Peaks> peaks;
  std::vector<ExploredOperation> clip, step;
  std::vector<ExploredKernel> kernels;
  std::vector<ExploredEntry> entries;
  std::vector<ExploredSegment> segments; // of the arena
  PlanSummary plan;
  /// The code of each kernel by form: "kernel" and "target", as these phases have it, then those of `nameOf`.
  std::map<std::string, std::map<std::string, ExploredCode>> code;
  /// The operation of `fused` that each of them was made of. Launches of others that are equal to it run it
  /// too.
  std::map<std::string, int64_t> madeOf;
};

/// These note what a module in a phase holds and mark its operations for the phases behind it. `placeOf`
/// finds an operation in the spec.
void exploreClip(mlir::ModuleOp clip, llvm::function_ref<SourcePlace(mlir::Operation &)> placeOf,
                 Exploration &exploration);
void exploreStep(mlir::ModuleOp step, Exploration &exploration);
void exploreFused(mlir::ModuleOp fused, Exploration &exploration);
/// Notes launches, lives and kernels of a module in phase `planned`.
void explorePlanned(mlir::ModuleOp planned, const Target &target, Exploration &exploration);
/// Adds the code of all kernels, from a module in phase `target`.
mlir::LogicalResult exploreCode(mlir::ModuleOp lowered, const Target &target, Exploration &exploration);

/// Returns {network, target, precision, peaks, acceptable, layers, clip, step, kernels, entries, arena,
/// codes}, which a page can read at once: texts and code are not in it. A layer has the fields of
/// `toJson(LayerTable)`, a launch those of `schedulesJson` and {kernel, threads, products, reads, writes,
/// macs, layer_number, part, kernels}. What is known by a number stands at that number in its list.
nlohmann::json factsJson(const Exploration &exploration);
/// Returns the code of a kernel: {FORM: {text, lines: [[LINE, [NUMBER]]]}}.
nlohmann::json codeJson(const std::map<std::string, ExploredCode> &code);
/// Returns the texts of phase `clip`, `step` or `fused`, a list by number.
nlohmann::json textsJson(const Exploration &exploration, llvm::StringRef phase);

} // namespace kinema::inspect

#endif

// Computes what `kinema inspect --layer` tells: one layer on its whole road, from its line in the spec to the
// launches that compute it.
#ifndef KINEMA_COMPILER_INSPECT_STORY_H
#define KINEMA_COMPILER_INSPECT_STORY_H

#include "compiler/Inspect/LayerTable.h"
#include "compiler/Inspect/Plan.h"
#include "compiler/Inspect/Schedules.h"
#include "dialects/Clip/Layers.h"

#include <map>
#include <set>

namespace kinema::inspect {

/// A StoryOperation is an operation of the layer in a phase before `fused`.
struct StoryOperation {
  std::string function; // "forward", "train_step"
  std::string text;     // one line
  bool moves = false;   // it reads or writes a parameter, and computes nothing
};

/// A StoryKernel is a kernel of phase `fused` that computes the layer or something of it.
struct StoryKernel {
  std::string function, op;
  std::string schedule;                   // its name; empty: attached to the kernel whose partials it merges
  std::string layer;                      // whose kernel it is, a part's name; of several merged: "weights"
  std::string note;                       // why it is not carried out in a better way
  std::map<std::string, int64_t> scalars; // operations in its regions, by the layer's part that they are of
  std::string text;                       // the whole operation
};

/// A StoryCandidate is a schedule that the model takes into account.
struct StoryCandidate {
  std::string schedule;
  std::map<std::string, int64_t> parameters;
  double seconds;      // by the model
  bool chosen = false; // it is the launch's own
};

/// A StoryLaunch is a launch that computes something of the layer.
struct StoryLaunch {
  std::string entry, kernel; // "infer", "k2"
  LaunchSummary work;
  ScheduledLaunch schedule;
  int64_t threads = 0; // of a block
  size_t layers = 1;   // parts and parameters that it was merged of, the layer's with others'
  std::vector<StoryCandidate> candidates; // the quickest first
};

/// A StoryCode is what a kernel became.
struct StoryCode {
  std::map<std::string, std::string> texts;    // by form: "LLVM IR", "assembly", "PTX"
  std::optional<CodeReport::Kernel> resources; // nothing where there was no tool to report them
};

struct LayerStory {
  Layer layer;
  std::string place, line; // "net.arch:4:3" and what stands there; empty where nobody wrote it
  std::string target;
  std::vector<StoryOperation> clip, step;
  std::vector<StoryKernel> kernels;
  std::vector<StoryLaunch> launches;
  std::map<std::string, StoryCode> code; // by kernel; empty where nobody asked
};

/// Returns the operations of a layer in a module in phase `clip` or `step`. `layer` is the number of its row
/// in the module's `clip.layers`, as for the functions below.
std::vector<StoryOperation> storyOperations(mlir::ModuleOp module, size_t layer);
/// Returns the kernels that compute something of a layer in a module in phase `fused`.
std::vector<StoryKernel> storyKernels(mlir::ModuleOp fused, size_t layer);
/// Returns the launches that do in a module in phase `planned`, with the candidates that its kernels have
/// noted (TargetOptions::noteCandidates).
std::vector<StoryLaunch> storyLaunches(mlir::ModuleOp planned, size_t layer, const Target &target);

/// Adds the code of the launches' kernels in some forms, and what tools report on it. `lowered` is the module
/// in phase `target`, which is used up.
mlir::LogicalResult addCode(LayerStory &story, mlir::ModuleOp lowered, const Target &target,
                            const TargetOptions &options, llvm::ArrayRef<CodeForm> forms);

/// Returns the block of a kernel's code with the most multiply-adds; without any, the longest.
std::string busiestBlock(llvm::StringRef code);
/// Returns a kernel as "conv of stage1.0.conv1.spatial".
std::string kernelName(const StoryKernel &kernel);

/// Returns the story for people. Of each kernel's code it has the busiest block.
std::string toText(const LayerStory &story);
/// Returns {name, kind, place, line, in, out, mid, parameters, macs, target, clip: [{function, text}], step,
/// kernels: [{function, op, layer, schedule, note, scalars, text}], launches: [{entry, kernel, ..., threads,
/// reads, writes, macs, candidates: [{schedule, parameters, predicted_us, chosen}]}], code: {KERNEL: {FORM:
/// text, registers, spills, stack, occupancy}}}. A launch has the fields of `schedulesJson` too.
nlohmann::json toJson(const LayerStory &story);

} // namespace kinema::inspect

#endif

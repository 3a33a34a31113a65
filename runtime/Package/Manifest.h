// Reads and checks the package's table of contents (docs/package.md, "manifest.json"). What `parseManifest`
// returns can be run without further checks: every place lies in the arena and every name resolves.
#pragma once

#include "runtime/Package/ElementType.h"
#include "runtime/Package/Hyper.h"
#include "runtime/Package/InputKinds.h"
#include "runtime/Package/Package.h"
#include "runtime/Package/Recipe.h"
#include "runtime/Package/TargetKind.h"
#include "runtime/Package/TensorStorage.h"
#include "runtime/Support/BoxMap.h"
#include "runtime/Support/Difference.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kinema {

// Describes a tensor in the arena.
struct ArenaTensor {
  std::string name;
  ElementType type = ElementType::F32; // F32 or I32
  std::vector<int64_t> shape;          // logical
  std::vector<int64_t> fileShape;      // shape in files; the same elements in the same order
  Order order;
  int64_t offset = 0; // bytes from the arena's start
  int64_t bytes = 0;  // padding included

  int64_t elements() const { return elementsOf(shape); }
};

struct InputTensor : ArenaTensor { // [N, C, T, H, W]
  std::string kind;                // one of inputKinds
  int64_t every = 1;               // of a clip's frames it takes the first, and each that is so many behind

  InputForm form() const { return {kind, shape[1], shape[2], every}; }
};

struct OutputTensor : ArenaTensor {
  std::string layer; // of which it is the features, [N, C]; empty: it is scores, a loss or a gradient
};

// Returns which parts of a clip the inputs are.
std::vector<InputForm> formsOf(const std::vector<InputTensor> &inputs);

enum class Role { Weight, Bias, Gamma, Beta, RunningMean, RunningVariance };

struct Initialisation {
  // Later, Earlier: a conv that passes on the frame behind or before.
  enum class Kind { HeNormal, Normal, Constant, Identity, Later, Earlier };
  Kind kind = Kind::Constant;
  bool fanOut = true; // HeNormal: fan-out or fan-in
  double value = 0;   // Normal: its standard deviation; Constant: the value
};

struct Parameter : ArenaTensor {
  Role role = Role::Weight;
  // Holds the offsets of what updates keep about the parameter, in the same order, by names such as
  // "momentum".
  std::map<std::string, int64_t> states;
  Initialisation init;

  bool trained() const { return role != Role::RunningMean && role != Role::RunningVariance; }
  // Returns a state, which must be there, as a tensor whose name in files is "momentum.NAME" or the like.
  ArenaTensor stateTensor(const std::string &state) const;
  std::vector<ArenaTensor> stateTensors() const;
};

// Reads how a tensor of so many axes is initialised. Throws Error, beginning with `origin`.
Initialisation parseInitialisation(const nlohmann::json &json, const std::string &origin, size_t axes);

// Names what updates keep about parameters.
inline constexpr std::string_view stateNames[] = {"momentum", "mean", "square", "gradient", "average"};
inline constexpr std::string_view gradientState = "gradient";
// Returns whether a tensor of a checkpoint has the name of such a state.
bool isStateName(std::string_view name);

enum class StoredType { F32, BF16, F16, I32 };

// Describes a result of a kernel, which is compared with that of a twin.
struct KernelResult {
  StoredType type = StoredType::F32;
  std::vector<int64_t> shape; // logical; of partials, their number comes first
  Order order;
  Form form = Form::Whole;
};

struct Kernel {
  std::string symbol;
  int64_t grid = 0;             // blocks
  std::vector<int64_t> buffers; // bytes of each argument
  int64_t scratch = 0;          // bytes: of a thread on a CPU, of a block (dynamic shared memory) on a GPU
  int64_t block = 0;            // threads, on a GPU
  std::vector<BoxMap> maps;     // which it takes behind its buffers, on a GPU
  std::string schedule;
  std::map<std::string, int64_t> parameters; // of the schedule
  std::string signature;                     // the kernel without its schedule, on one line
  std::string op;
  std::vector<std::string> layers;
  // Only a package with twins has these; the results come last among the arguments.
  std::vector<KernelResult> results;
  int64_t depth = 1;
  bool narrow = false;
};

// A TwinLaunch is one of the launches that together compute what another launch does, and leave it elsewhere.
struct TwinLaunch {
  std::string kernel;
  std::vector<int64_t> args;
};

struct Launch {
  std::string kernel;        // key of Manifest::kernels
  std::vector<int64_t> args; // offsets
  int64_t reads = 0, writes = 0, macs = 0;
  double predicted = 0, floor = 0; // seconds by the compiler's model, and the floor; 0: not known
  std::string layer;
  std::vector<TwinLaunch> twins; // their results, in order, correspond to this launch's
};

// A RankSum is what the ranks that train together add up, in place, between two launches of an entry.
struct RankSum {
  int64_t behind = 0;    // launches of the entry that come before it
  bool weighted = false; // each rank's values have the factor of its share of the step's clips
  std::vector<ArenaTensor> tensors;
};

struct Segment {
  std::string name;
  int64_t offset = 0, bytes = 0;
};

struct Manifest {
  std::string name;
  bool train = false;  // mode
  std::string network; // digest of what is computed, the same for every target; empty: not known
  TargetKind kind = TargetKind::Cpu;
  std::string target;    // target of that kind: "x86-64-v3", "sm_90a"
  std::string precision; // how activations are stored and multiplied: "fp32", "bf16", "fp16" or "bf16x3"
  std::vector<std::string> code;                 // entries of the package, which together have all kernels
  std::optional<std::vector<std::string>> sites; // present if kernels have a watchdog (docs/package.md)
  bool waitsForLaunches = false;                 // kernels wait by themselves for the launches before theirs
  int64_t batch = 0;
  int64_t classes = 0;
  int64_t arenaBytes = 0;
  std::vector<Segment> segments;
  std::vector<InputTensor> inputs;
  // What a step is told of its clips; mode train always has labels, or targets and shares.
  std::optional<ArenaTensor> labels;  // [N], I32
  std::optional<ArenaTensor> targets; // [N, classes], F32
  std::optional<ArenaTensor> shares;  // [N], F32
  std::optional<int64_t> hyper;       // offset; always there in mode train
  std::optional<Segment> counters;    // zeroed at the start of an entry in which launches count
  std::vector<const HyperField *> hyperFields;
  std::vector<Parameter> parameters;
  std::map<std::string, std::vector<OutputTensor>> outputs; // by entry
  std::map<std::string, Kernel> kernels;
  std::map<std::string, std::vector<Launch>> entries;
  std::map<std::string, std::vector<RankSum>> rankSums; // by entry, in the order of the launches
  Recipe recipe;
  // Returns whether a step leaves its gradients in states, for ranks to add up (runtime/Ranks), and the entry
  // "update" goes on from there.
  bool distributed() const { return entries.contains("update"); }
  // Returns the states of a parameter that a run needs to go on: a gradient is one of them where it is the
  // sum of several batches'.
  std::vector<ArenaTensor> keptStates(const Parameter &parameter) const;

  const InputTensor &input() const { return inputs.front(); }
  // Returns whether a launch of the entry counts its blocks.
  bool hasCounters(const std::string &entry) const;
  const Parameter *findParameter(std::string_view name) const;
  const ArenaTensor *findOutput(const std::string &entry, std::string_view name) const;
  // Returns the losses of a step, whose sum is what it lowers: `loss`, or `loss.NAME` of each value of
  // `train.of`.
  std::vector<const ArenaTensor *> losses() const;
  // Returns whether a step scales its loss's gradient, as Hyper::lossScale says; there is a gradientNorm()
  // then.
  bool scalesLoss() const;
  // Returns the norm of the gradients of an update, which says whether it has changed any parameter.
  const ArenaTensor &gradientNorm() const;
  // Throws Error where the entry has no such output.
  const ArenaTensor &output(const std::string &entry, std::string_view name) const;
};

// Reads all manifests of a package, that of `manifestEntry` first. Throws Error.
std::vector<Manifest> readManifests(const Package &package);

// Reads a manifest. Throws Error with one clear sentence, beginning with `origin`, where something in it
// contradicts the rest.
Manifest parseManifest(std::string_view text, const std::string &origin);

} // namespace kinema

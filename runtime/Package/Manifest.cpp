#include "runtime/Package/Manifest.h"

#include "runtime/Package/ManifestLaunches.h"
#include "runtime/Package/ManifestNode.h"
#include "runtime/Support/Error.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <set>

using nlohmann::json;

namespace kinema {
namespace {

using Node = ManifestNode;

Role parseRole(const Node &node) {
  static const std::pair<const char *, Role> roles[] = {{"weight", Role::Weight},
                                                        {"bias", Role::Bias},
                                                        {"gamma", Role::Gamma},
                                                        {"beta", Role::Beta},
                                                        {"running_mean", Role::RunningMean},
                                                        {"running_var", Role::RunningVariance}};
  std::string name = node.text();
  for (const auto &[text, role] : roles)
    if (name == text)
      return role;
  node.fault("expected weight, bias, gamma, beta, running_mean or running_var, found {}", name);
}

Initialisation parseInitialisation(const Node &node, size_t rank) {
  Initialisation init;
  std::string kind = node.at("kind").text();
  if (kind == "he_normal") {
    init.kind = Initialisation::Kind::HeNormal;
    std::string fan = node.has("fan") ? node.at("fan").text() : "out";
    if (fan != "out" && fan != "in")
      node.at("fan").fault("expected out or in, found {}", fan);
    init.fanOut = fan == "out";
  } else if (kind == "normal") {
    init.kind = Initialisation::Kind::Normal;
    init.value = node.at("std").number();
  } else if (kind == "constant") {
    init.value = node.at("value").number();
  } else if (kind == "identity") {
    init.kind = Initialisation::Kind::Identity;
  } else if (kind == "later") {
    init.kind = Initialisation::Kind::Later;
  } else if (kind == "earlier") {
    init.kind = Initialisation::Kind::Earlier;
  } else {
    node.fault("expected he_normal, normal, constant, identity, later or earlier, found {}", kind);
  }
  bool needsChannels =
      init.kind != Initialisation::Kind::Normal && init.kind != Initialisation::Kind::Constant;
  if (needsChannels && rank < 2)
    node.fault("{} needs a weight with output and input channels", kind);
  return init;
}

Parameter parseParameter(const Node &node, int64_t arenaBytes) {
  Parameter parameter;
  parseTensor(node, arenaBytes, parameter);
  if (parameter.type != ElementType::F32)
    node.fault("parameter {} is {}, not f32", parameter.name, nameOf(parameter.type));
  parameter.role = parseRole(node.at("role"));
  if (node.has("states"))
    for (const auto &[name, place] : node.at("states").members()) {
      if (std::ranges::find(stateNames, name) == std::end(stateNames))
        node.at("states").fault("expected some of {}, found {}", fmt::join(stateNames, ", "), name);
      parameter.states[name] = parsePlace(place, parameter.bytes, arenaBytes);
    }
  parameter.init = parseInitialisation(node.at("init"), parameter.shape.size());
  return parameter;
}

void parseArena(const Node &node, Manifest &manifest) {
  manifest.arenaBytes = node.at("bytes").integer(0, largestArena);
  if (!node.has("segments"))
    return;
  for (const Node &item : node.at("segments").list()) {
    std::vector<Node> fields = item.list();
    if (fields.size() != 3)
      item.fault("expected [name, offset, bytes], found {} items", fields.size());
    Segment segment{fields[0].text(), 0, fields[2].integer(0, manifest.arenaBytes)};
    segment.offset = parsePlace(fields[1], segment.bytes, manifest.arenaBytes);
    manifest.segments.push_back(segment);
  }
}

void parseInputs(const Node &root, Manifest &manifest) {
  for (const Node &node : root.at("inputs").list()) {
    InputTensor &input = manifest.inputs.emplace_back();
    parseTensor(node, manifest.arenaBytes, input);
    input.kind = node.has("kind") ? node.at("kind").text() : input.name;
    if (node.has("every"))
      input.every = node.at("every").integer(1, static_cast<int64_t>(maxRecipeExtent));
    if (input.type != ElementType::F32 || input.shape.size() != 5 || input.shape[0] != manifest.batch)
      node.fault("expected f32 [{}, C, T, H, W], found {} [{}]", manifest.batch, nameOf(input.type),
                 fmt::join(input.shape, ", "));
  }
  if (manifest.inputs.empty())
    root.fault("there is no input");
}

TargetKind parseKind(const Node &node) {
  for (TargetKind kind : {TargetKind::Cpu, TargetKind::Cuda})
    if (node.text() == nameOf(kind))
      return kind;
  node.fault("expected cpu or cuda, found {}", node.text());
}

const HyperField &parseHyperField(const Node &node) {
  std::string name = node.text();
  std::vector<std::string_view> names;
  for (const HyperField &field : hyperFields) {
    if (field.name == name)
      return field;
    names.push_back(field.name);
  }
  node.fault("expected one of {}, found {}", fmt::join(names, ", "), name);
}

bool isThere(const Node &root, const char *name) { return root.has(name) && !root.at(name).raw().is_null(); }

// Reads what a step is told of its clips under this name, if anything.
void parseTold(const Node &root, const char *name, ElementType type, const std::vector<int64_t> &shape,
               const Manifest &manifest, std::optional<ArenaTensor> &tensor) {
  if (!isThere(root, name))
    return;
  Node node = root.at(name);
  parseTensor(node, manifest.arenaBytes, tensor.emplace());
  if (tensor->type != type || tensor->shape != shape)
    node.fault("expected {} [{}], found {} [{}]", type == ElementType::I32 ? "i32" : "f32",
               fmt::join(shape, ", "), nameOf(tensor->type), fmt::join(tensor->shape, ", "));
}

void parseLabelsAndHyper(const Node &root, Manifest &manifest) {
  parseTold(root, "labels", ElementType::I32, {manifest.batch}, manifest, manifest.labels);
  parseTold(root, "targets", ElementType::F32, {manifest.batch, manifest.classes}, manifest,
            manifest.targets);
  parseTold(root, "shares", ElementType::F32, {manifest.batch}, manifest, manifest.shares);
  if (manifest.targets.has_value() != manifest.shares.has_value() || (manifest.targets && manifest.labels))
    root.fault("a step has labels, or targets and shares");
  if (manifest.train && !manifest.targets && !manifest.labels)
    root.fault("'labels' is missing");
  if (manifest.train || isThere(root, "hyper")) {
    Node node = root.at("hyper");
    for (const Node &field : node.at("fields").list())
      manifest.hyperFields.push_back(&parseHyperField(field));
    if (manifest.hyperFields.size() > std::size(hyperFields))
      node.fault("there are {} fields", manifest.hyperFields.size());
    int64_t bytes =
        node.at("bytes").integer(4 * static_cast<int64_t>(manifest.hyperFields.size()), manifest.arenaBytes);
    manifest.hyper = parsePlace(node.at("offset"), bytes, manifest.arenaBytes);
  }
}

// Checks that nothing with a name lies where counters are zeroed.
void expectApart(const Node &node, const Segment &counters, const Manifest &manifest) {
  auto expect = [&](const std::string &name, int64_t offset, int64_t bytes) {
    if (overlap(offset, bytes, counters))
      node.fault("{} lies where the counters do", name);
  };
  for (const InputTensor &input : manifest.inputs)
    expect(input.name, input.offset, input.bytes);
  for (const std::optional<ArenaTensor> *told : {&manifest.labels, &manifest.targets, &manifest.shares})
    if (*told)
      expect((*told)->name, (*told)->offset, (*told)->bytes);
  if (manifest.hyper)
    expect("hyper", *manifest.hyper, 4 * static_cast<int64_t>(manifest.hyperFields.size()));
  for (const Parameter &parameter : manifest.parameters) {
    expect(parameter.name, parameter.offset, parameter.bytes);
    for (const ArenaTensor &state : parameter.stateTensors())
      expect(state.name, state.offset, state.bytes);
  }
  for (const auto &[entry, outputs] : manifest.outputs)
    for (const ArenaTensor &output : outputs)
      expect(output.name, output.offset, output.bytes);
}

void parseCounters(const Node &root, Manifest &manifest) {
  if (!root.has("counters"))
    return;
  Node node = root.at("counters");
  Segment counters{"counters", 0, node.at("bytes").integer(4, manifest.arenaBytes)};
  if (counters.bytes % 4 != 0)
    node.at("bytes").fault("{} bytes are no whole number of counters", counters.bytes);
  counters.offset = parsePlace(node.at("offset"), counters.bytes, manifest.arenaBytes);
  expectApart(node, counters, manifest);
  manifest.counters = counters;
}

void parseParameters(const Node &root, Manifest &manifest) {
  std::set<std::string> seen;
  for (const Node &node : root.at("parameters").list()) {
    manifest.parameters.push_back(parseParameter(node, manifest.arenaBytes));
    if (!seen.insert(manifest.parameters.back().name).second)
      node.fault("parameter {} occurs twice", manifest.parameters.back().name);
  }
}

void parseOutputs(const Node &root, Manifest &manifest) {
  for (const auto &[entry, list] : root.at("outputs").members())
    for (const Node &node : list.list()) {
      OutputTensor &output = manifest.outputs[entry].emplace_back();
      parseTensor(node, manifest.arenaBytes, output);
      if (!node.has("layer"))
        continue;
      output.layer = node.at("layer").text();
      if (output.layer.empty() || output.type != ElementType::F32 || output.shape.size() != 2 ||
          output.shape[0] != manifest.batch)
        node.fault("features of layer '{}' should be float32 [{}, C], found {} [{}]", output.layer,
                   manifest.batch, nameOf(output.type), fmt::join(output.shape, ", "));
    }
}

constexpr char gradientNormName[] = "gradient_norm";

// Returns the entry that has the norm of an update's gradients.
const char *entryOfNorm(const Manifest &manifest) { return manifest.distributed() ? "update" : "train_step"; }

void expectOutput(const Node &root, const Manifest &manifest, const char *entry, const char *name,
                  const std::vector<int64_t> &shape) {
  const ArenaTensor *output = manifest.findOutput(entry, name);
  if (!output)
    root.fault("entry {} has no output {}", entry, name);
  if (output->shape != shape || output->type != ElementType::F32)
    root.fault("output {} of entry {} should be float32 [{}], found {} [{}]", name, entry,
               fmt::join(shape, ", "), nameOf(output->type), fmt::join(output->shape, ", "));
}

void parseEntries(const Node &root, Manifest &manifest) {
  parseLaunches(root, manifest);
  for (const char *name : {"prepare", "infer", "train_step"})
    if ((manifest.train || name != std::string_view("train_step")) && !manifest.entries.contains(name))
      root.fault("there is no entry {}", name);
  if (manifest.distributed())
    for (const Parameter &parameter : manifest.parameters)
      if (!parameter.states.empty() && !parameter.states.contains(std::string(gradientState)))
        root.fault("there is an entry update, but parameter {} has no state {}", parameter.name,
                   gradientState);
  const char *scores = manifest.findOutput("infer", "probabilities") ? "probabilities" : "logits";
  expectOutput(root, manifest, "infer", scores, {manifest.batch, manifest.classes});
  if (manifest.train) {
    if (manifest.losses().empty())
      root.fault("entry train_step has no output loss");
    for (const ArenaTensor *loss : manifest.losses())
      expectOutput(root, manifest, "train_step", loss->name.c_str(), {});
    expectOutput(root, manifest, "train_step", "logits", {manifest.batch, manifest.classes});
    if (manifest.scalesLoss())
      expectOutput(root, manifest, entryOfNorm(manifest), gradientNormName, {1});
  }
}

// Reads the recipe and fills in the sizes that it leaves to the inputs.
Recipe parseRecipeFor(const Node &node, const std::vector<InputTensor> &inputs) {
  try {
    Recipe recipe = parseRecipe(node.raw());
    const std::vector<int64_t> &shape = inputs.front().shape; // [N, C, T, H, W]
    followInput(recipe, clipFrames(formsOf(inputs)), shape[3], shape[4]);
    return recipe;
  } catch (const Error &error) {
    node.fault("{}", error.what());
  }
}

Manifest parse(const Node &root) {
  Manifest manifest;
  if (int64_t format = root.at("format").integer(0, INT32_MAX); format != 5 && format != 6)
    root.at("format").fault("this runtime reads formats 5 and 6, the package has format {}", format);
  else if (root.has("rank_sums") != (format == 6))
    root.at("format").fault("packages with rank_sums have format 6, and no others have");
  manifest.name = root.at("name").text();
  std::string mode = root.at("mode").text();
  if (mode != "train" && mode != "infer")
    root.at("mode").fault("expected train or infer, found {}", mode);
  manifest.train = mode == "train";
  if (root.has("network"))
    manifest.network = root.at("network").text();
  manifest.kind = parseKind(root.at("kind"));
  manifest.target = root.at("target").text();
  if (root.has("precision"))
    manifest.precision = root.at("precision").text();
  for (const Node &entry : root.at("code").list())
    manifest.code.push_back(entry.text());
  if (manifest.code.empty())
    root.at("code").fault("there is no code");
  if (root.has("sites")) {
    manifest.sites.emplace();
    for (const Node &site : root.at("sites").list())
      manifest.sites->push_back(site.text());
  }
  if (root.has("waits_for_launches"))
    manifest.waitsForLaunches = root.at("waits_for_launches").flag();
  manifest.batch = root.at("batch").integer(1, INT32_MAX);
  manifest.classes = root.at("classes").integer(1, INT32_MAX);
  parseArena(root.at("arena"), manifest);
  parseInputs(root, manifest);
  parseLabelsAndHyper(root, manifest);
  parseParameters(root, manifest);
  parseOutputs(root, manifest);
  parseCounters(root, manifest);
  parseEntries(root, manifest);
  manifest.recipe = parseRecipeFor(root.at("recipe"), manifest.inputs);
  return manifest;
}

} // namespace

std::vector<InputForm> formsOf(const std::vector<InputTensor> &inputs) {
  std::vector<InputForm> forms;
  for (const InputTensor &input : inputs)
    forms.push_back(input.form());
  return forms;
}

ArenaTensor Parameter::stateTensor(const std::string &state) const {
  ArenaTensor tensor = *this;
  tensor.name = state + "." + name;
  tensor.offset = states.at(state);
  return tensor;
}

std::vector<ArenaTensor> Parameter::stateTensors() const {
  std::vector<ArenaTensor> tensors;
  for (const auto &[state, offset] : states)
    tensors.push_back(stateTensor(state));
  return tensors;
}

bool isStateName(std::string_view name) {
  return std::ranges::any_of(
      stateNames, [&](std::string_view state) { return name.starts_with(std::string(state) + "."); });
}

std::vector<ArenaTensor> Manifest::keptStates(const Parameter &parameter) const {
  std::vector<ArenaTensor> kept;
  for (const auto &[state, offset] : parameter.states)
    if (state != gradientState || recipe.train.accumulate > 1)
      kept.push_back(parameter.stateTensor(state));
  return kept;
}

bool Manifest::hasCounters(const std::string &entry) const {
  auto counts = [&](const Launch &launch) {
    return std::find(launch.args.begin(), launch.args.end(), counters->offset) != launch.args.end();
  };
  const std::vector<Launch> &launches = entries.at(entry);
  return counters && std::any_of(launches.begin(), launches.end(), counts);
}

const Parameter *Manifest::findParameter(std::string_view name) const {
  auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const Parameter &p) { return p.name == name; });
  return found == parameters.end() ? nullptr : &*found;
}

const ArenaTensor *Manifest::findOutput(const std::string &entry, std::string_view name) const {
  auto list = outputs.find(entry);
  if (list == outputs.end())
    return nullptr;
  auto found = std::find_if(list->second.begin(), list->second.end(),
                            [&](const ArenaTensor &t) { return t.name == name; });
  return found == list->second.end() ? nullptr : &*found;
}

std::vector<const ArenaTensor *> Manifest::losses() const {
  std::vector<const ArenaTensor *> losses;
  if (auto list = outputs.find("train_step"); list != outputs.end())
    for (const ArenaTensor &output : list->second)
      if (output.name == "loss" || output.name.starts_with("loss."))
        losses.push_back(&output);
  return losses;
}

bool Manifest::scalesLoss() const {
  return std::any_of(hyperFields.begin(), hyperFields.end(),
                     [](const HyperField *field) { return field->value == &Hyper::lossScale; });
}

const ArenaTensor &Manifest::gradientNorm() const { return output(entryOfNorm(*this), gradientNormName); }

const ArenaTensor &Manifest::output(const std::string &entry, std::string_view name) const {
  if (const ArenaTensor *tensor = findOutput(entry, name))
    return *tensor;
  fail("package {}: entry {} has no output {}", this->name, entry, name);
}

Initialisation parseInitialisation(const json &json, const std::string &origin, size_t axes) {
  return parseInitialisation(Node(json, origin), axes);
}

Manifest parseManifest(std::string_view text, const std::string &origin) {
  json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded())
    fail("{}: manifest.json is not valid JSON", origin);
  return parse(Node(document, origin + ": manifest.json"));
}

std::vector<Manifest> readManifests(const Package &package) {
  std::vector<Manifest> manifests = {parseManifest(package.read(manifestEntry), package.path())};
  for (const std::string &entry : package.entries())
    if (entry != manifestEntry && isManifest(entry))
      manifests.push_back(parseManifest(package.read(entry), fmt::format("{}, {}", package.path(), entry)));
  return manifests;
}

} // namespace kinema

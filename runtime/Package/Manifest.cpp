#include "runtime/Package/Manifest.h"

#include "runtime/Support/Error.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <set>

using nlohmann::json;

namespace kinema {
namespace {

constexpr int64_t alignment = 64;
constexpr int64_t largestArena = int64_t{1} << 46;
constexpr int64_t largestScratch = int64_t{1} << 34;
constexpr int64_t largestCount = int64_t{1} << 62;

// A Node is a JSON value with its place in the manifest. Its functions throw Error with that place.
class Node {
public:
  Node(const json &value, std::string place) : value(value), place(std::move(place)) {}

  template <typename... Args>
  [[noreturn]] void fault(fmt::format_string<Args...> format, Args &&...args) const {
    fail("{}: {}", place, fmt::format(format, std::forward<Args>(args)...));
  }

  bool has(const char *name) const { return value.is_object() && value.contains(name); }

  Node at(const char *name) const {
    if (!value.is_object())
      fault("expected an object, found {}", value.type_name());
    auto found = value.find(name);
    if (found == value.end())
      fault("'{}' is missing", name);
    return Node(*found, place + "." + name);
  }

  int64_t integer(int64_t least, int64_t most) const {
    if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX))
      fault("expected an integer, found {}", shown());
    int64_t number = value.get<int64_t>();
    if (number < least || number > most)
      fault("expected an integer between {} and {}, found {}", least, most, number);
    return number;
  }

  double number() const {
    if (!value.is_number())
      fault("expected a number, found {}", shown());
    return value.get<double>();
  }

  std::string text() const {
    if (!value.is_string())
      fault("expected a string, found {}", shown());
    return value.get<std::string>();
  }

  bool flag() const {
    if (!value.is_boolean())
      fault("expected true or false");
    return value.get<bool>();
  }

  std::vector<Node> list() const {
    if (!value.is_array())
      fault("expected a list, found {}", shown());
    std::vector<Node> items;
    for (size_t i = 0; i < value.size(); ++i)
      items.emplace_back(value[i], fmt::format("{}[{}]", place, i));
    return items;
  }

  std::vector<std::pair<std::string, Node>> members() const {
    if (!value.is_object())
      fault("expected an object, found {}", shown());
    std::vector<std::pair<std::string, Node>> items;
    for (const auto &[name, item] : value.items())
      items.emplace_back(name, Node(item, place + "." + name));
    return items;
  }

  const json &raw() const { return value; }

private:
  const json &value;
  std::string place;

  std::string shown() const {
    std::string dump = value.dump(-1, ' ', false, json::error_handler_t::replace);
    return dump.size() > 60 ? dump.substr(0, 60) + "..." : dump;
  }
};

int64_t parsePlace(const Node &node, int64_t bytes, int64_t arenaBytes) {
  int64_t offset = node.integer(0, arenaBytes);
  if (offset % alignment != 0)
    node.fault("{} is no multiple of {}", offset, alignment);
  if (bytes > arenaBytes - offset)
    node.fault("{} bytes at {} reach beyond the arena of {}", bytes, offset, arenaBytes);
  return offset;
}

Order parseOrder(const Node &node) {
  Order order;
  for (const Node &item : node.list()) {
    std::vector<Node> loop = item.list();
    if (loop.size() != 3)
      item.fault("expected [axis, size, step], found {} numbers", loop.size());
    order.push_back({loop[0].integer(0, 63), loop[1].integer(1, INT32_MAX), loop[2].integer(1, INT32_MAX)});
  }
  return order;
}

// Returns the bytes of a tensor whose elements are the product of some sizes, or nothing where it would
// exceed every arena.
template <typename Sizes, typename SizeOf>
std::optional<int64_t> storageBytes(const Sizes &sizes, SizeOf sizeOf) {
  int64_t bytes = 4;
  for (const auto &item : sizes)
    if (bytes > largestArena / std::max<int64_t>(sizeOf(item), 1))
      return std::nullopt;
    else
      bytes *= sizeOf(item);
  return bytes;
}

std::vector<int64_t> parseShape(const Node &node) {
  std::vector<int64_t> shape;
  for (const Node &size : node.list())
    shape.push_back(size.integer(1, INT32_MAX));
  return shape;
}

void parseTensor(const Node &node, int64_t arenaBytes, ArenaTensor &tensor) {
  tensor.name = node.at("name").text();
  std::string type = node.at("type").text();
  if (type != "f32" && type != "i32")
    node.at("type").fault("expected f32 or i32, found {}", type);
  tensor.type = type == "f32" ? ElementType::F32 : ElementType::I32;
  tensor.shape = parseShape(node.at("shape"));
  tensor.fileShape = node.has("file_shape") ? parseShape(node.at("file_shape")) : tensor.shape;
  tensor.order = parseOrder(node.at("order"));
  if (std::string fault = findFault(tensor.shape, tensor.order); !fault.empty())
    node.fault("tensor {}: {}", tensor.name, fault);

  auto logical = storageBytes(tensor.shape, [](int64_t size) { return size; });
  if (storageBytes(tensor.fileShape, [](int64_t size) { return size; }) != logical)
    node.fault("tensor {} has shape [{}] but [{}] in files", tensor.name, fmt::join(tensor.shape, ", "),
               fmt::join(tensor.fileShape, ", "));
  auto stored =
      tensor.order.empty() ? logical : storageBytes(tensor.order, [](const Loop &loop) { return loop.size; });
  tensor.bytes = node.at("bytes").integer(0, largestArena);
  if (!logical || !stored || tensor.bytes != *stored)
    node.fault("tensor {} has {} bytes, its order takes {}", tensor.name, tensor.bytes,
               logical && stored ? fmt::to_string(*stored) : "more than any arena");
  tensor.offset = parsePlace(node.at("offset"), tensor.bytes, arenaBytes);
}

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

std::map<std::string, int64_t> parseParameters(const Node &node) {
  constexpr auto most = std::numeric_limits<int64_t>::max();
  std::map<std::string, int64_t> parameters;
  for (const auto &[name, value] : node.members())
    parameters[name] = value.integer(-most, most);
  return parameters;
}

KernelResult parseResult(const Node &node, int64_t bytes) {
  static const std::map<std::string, std::pair<StoredType, int64_t>> types = {
      {"f32", {StoredType::F32, 4}}, {"bf16", {StoredType::BF16, 2}}, {"i32", {StoredType::I32, 4}}};
  static const std::map<std::string, Form> forms = {
      {"whole", Form::Whole}, {"sums", Form::Sums}, {"moments", Form::Moments}};
  KernelResult result;
  auto type = types.find(node.at("type").text());
  if (type == types.end())
    node.at("type").fault("expected f32, bf16 or i32, found {}", node.at("type").text());
  auto form = forms.find(node.at("form").text());
  if (form == forms.end())
    node.at("form").fault("expected whole, sums or moments, found {}", node.at("form").text());
  result.type = type->second.first;
  result.form = form->second;
  result.shape = parseShape(node.at("shape"));
  result.order = parseOrder(node.at("order"));
  auto logical = storageBytes(result.shape, [](int64_t size) { return size; });
  auto stored =
      result.order.empty() ? logical : storageBytes(result.order, [](const Loop &loop) { return loop.size; });
  if (std::string fault = findFault(result.shape, result.order); !fault.empty())
    node.fault("{}", fault);
  if (!logical || !stored || *stored / 4 * type->second.second != bytes)
    node.fault("the result takes another number of bytes than its buffer of {}", bytes);
  if ((result.form == Form::Sums && result.shape.empty()) ||
      (result.form == Form::Moments && (result.shape.size() < 2 || result.shape[1] != 3)))
    node.at("shape").fault("[{}] are no {}", fmt::join(result.shape, ", "), node.at("form").text());
  return result;
}

void parseResults(const Node &node, Kernel &kernel) {
  std::vector<Node> results = node.at("results").list();
  if (results.size() > kernel.buffers.size())
    node.at("results").fault("a kernel of {} arguments has {} results", kernel.buffers.size(),
                             results.size());
  size_t operands = kernel.buffers.size() - results.size();
  for (size_t i = 0; i < results.size(); ++i)
    kernel.results.push_back(parseResult(results[i], kernel.buffers[operands + i]));
  kernel.depth = node.at("depth").integer(1, largestCount);
  kernel.narrow = node.at("narrow").flag();
}

// Reads a map of a kernel with these buffers, and refuses what the driver would.
BoxMap parseMap(const Node &node, const std::vector<int64_t> &buffers) {
  BoxMap map;
  map.buffer = node.at("buffer").integer(0, static_cast<int64_t>(buffers.size()) - 1);
  auto parse = [&](const char *name, int64_t most) {
    std::vector<int64_t> numbers;
    for (const Node &number : node.at(name).list())
      numbers.push_back(number.integer(1, most));
    return numbers;
  };
  map.sizes = parse("sizes", INT32_MAX);
  map.box = parse("box", BoxMap::mostPositions);
  map.steps = parse("steps", BoxMap::mostStep);
  size_t axes = map.sizes.size();
  if (axes < 1 || axes > BoxMap::mostAxes || map.box.size() != axes || map.steps.size() != axes)
    node.fault("expected 1 to {} sizes, as many of a box, and as many steps, found {}, {} and {}",
               BoxMap::mostAxes, axes, map.box.size(), map.steps.size());
  if (map.sizes.back() % 2 || map.box.back() % 2 || map.steps.back() != 1)
    node.fault("expected rows of an even number of words, also in a box, and steps of 1, found {}, {} and {}",
               map.sizes.back(), map.box.back(), map.steps.back());
  int64_t bytes = buffers[static_cast<size_t>(map.buffer)], words = bytes / BoxMap::wordBytes;
  for (int64_t size : map.sizes)
    words /= size;
  if (words == 0)
    node.fault("the map reaches beyond the {} bytes of its buffer", bytes);
  return map;
}

Kernel parseKernel(const Node &node) {
  Kernel kernel;
  kernel.symbol = node.at("symbol").text();
  if (kernel.symbol.find('\0') != std::string::npos || kernel.symbol.empty())
    node.at("symbol").fault("expected a symbol");
  kernel.grid = node.at("grid").integer(0, INT32_MAX);
  for (const Node &bytes : node.at("buffers").list())
    kernel.buffers.push_back(bytes.integer(0, largestArena));
  kernel.scratch = node.at("scratch").integer(0, largestScratch);
  if (node.has("block"))
    kernel.block = node.at("block").integer(1, 1024);
  if (node.has("maps"))
    for (const Node &map : node.at("maps").list())
      kernel.maps.push_back(parseMap(map, kernel.buffers));
  if (node.has("schedule"))
    kernel.schedule = node.at("schedule").text();
  if (node.has("op"))
    kernel.op = node.at("op").text();
  if (node.has("layers"))
    for (const Node &layer : node.at("layers").list())
      kernel.layers.push_back(layer.text());
  if (node.has("parameters"))
    kernel.parameters = parseParameters(node.at("parameters"));
  if (node.has("signature"))
    kernel.signature = node.at("signature").text();
  if (node.has("results"))
    parseResults(node, kernel);
  return kernel;
}

bool overlap(int64_t offset, int64_t bytes, const Segment &segment) {
  return offset < segment.offset + segment.bytes && segment.offset < offset + bytes;
}

// Reads the arguments of the kernel that the node names.
std::vector<int64_t> parseArguments(const Node &node, const Manifest &manifest) {
  std::string name = node.at("kernel").text();
  if (!manifest.kernels.contains(name))
    node.fault("there is no kernel {}", name);
  const std::vector<int64_t> &buffers = manifest.kernels.at(name).buffers;
  std::vector<Node> offsets = node.at("args").list();
  if (offsets.size() != buffers.size())
    node.fault("kernel {} takes {} arguments, found {}", name, buffers.size(), offsets.size());
  std::vector<int64_t> args;
  for (size_t i = 0; i < buffers.size(); ++i) {
    int64_t offset = parsePlace(offsets[i], buffers[i], manifest.arenaBytes);
    args.push_back(offset);
    if (const auto &counters = manifest.counters;
        counters && overlap(offset, buffers[i], *counters) &&
        (offset != counters->offset || buffers[i] != counters->bytes))
      offsets[i].fault("{} bytes at {} lie partly where the {} bytes of counters at {} do", buffers[i],
                       offset, counters->bytes, counters->offset);
  }
  return args;
}

// Reads the twins of a launch, which together must have as many results as the launch, of the same kind.
void parseTwins(const Node &node, const Manifest &manifest, Launch &launch) {
  std::vector<const KernelResult *> results;
  for (const Node &item : node.list()) {
    TwinLaunch &twin = launch.twins.emplace_back();
    twin.args = parseArguments(item, manifest);
    twin.kernel = item.at("kernel").text();
    for (const KernelResult &result : manifest.kernels.at(twin.kernel).results)
      results.push_back(&result);
  }
  auto agree = [](const KernelResult &own, const KernelResult *other) {
    size_t parts = own.form != Form::Whole;
    return own.type == other->type && own.form == other->form && own.shape.size() == other->shape.size() &&
           std::equal(own.shape.begin() + parts, own.shape.end(), other->shape.begin() + parts);
  };
  const std::vector<KernelResult> &own = manifest.kernels.at(launch.kernel).results;
  if (own.empty() || !std::equal(own.begin(), own.end(), results.begin(), results.end(), agree))
    node.fault("the results are not those of kernel {}", launch.kernel);
}

Launch parseLaunch(const Node &node, const Manifest &manifest) {
  Launch launch;
  launch.args = parseArguments(node, manifest);
  launch.kernel = node.at("kernel").text();
  auto count = [&](const char *name) { return node.has(name) ? node.at(name).integer(0, largestCount) : 0; };
  launch.reads = count("reads");
  launch.writes = count("writes");
  launch.macs = count("macs");
  auto seconds = [&](const char *name) { return node.has(name) ? 1e-6 * node.at(name).number() : 0; };
  launch.predicted = seconds("predicted_us");
  launch.floor = seconds("floor_us");
  if (node.has("layer"))
    launch.layer = node.at("layer").text();
  if (node.has("twins"))
    parseTwins(node.at("twins"), manifest, launch);
  return launch;
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
  for (const auto &[name, node] : root.at("kernels").members())
    manifest.kernels[name] = parseKernel(node);
  for (const auto &[name, list] : root.at("entries").members()) {
    auto &launches = manifest.entries[name];
    for (const Node &node : list.list())
      launches.push_back(parseLaunch(node, manifest));
  }
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
  if (int64_t format = root.at("format").integer(0, INT32_MAX); format != 5)
    root.at("format").fault("this runtime reads format 5, the package has format {}", format);
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

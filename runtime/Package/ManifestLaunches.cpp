#include "runtime/Package/ManifestLaunches.h"

#include <fmt/ranges.h>

#include <limits>

namespace kinema {
namespace {

using Node = ManifestNode;

constexpr int64_t largestScratch = int64_t{1} << 34; // bytes

//===-- Kernels -----------------------------------------------------------===//

std::map<std::string, int64_t> parseParameters(const Node &node) {
  constexpr auto most = std::numeric_limits<int64_t>::max();
  std::map<std::string, int64_t> parameters;
  for (const auto &[name, value] : node.members())
    parameters[name] = value.integer(-most, most);
  return parameters;
}

KernelResult parseResult(const Node &node, int64_t bytes) {
  static const std::map<std::string, std::pair<StoredType, int64_t>> types = {{"f32", {StoredType::F32, 4}},
                                                                              {"bf16", {StoredType::BF16, 2}},
                                                                              {"f16", {StoredType::F16, 2}},
                                                                              {"i32", {StoredType::I32, 4}}};
  static const std::map<std::string, Form> forms = {
      {"whole", Form::Whole}, {"sums", Form::Sums}, {"moments", Form::Moments}};
  KernelResult result;
  auto type = types.find(node.at("type").text());
  if (type == types.end())
    node.at("type").fault("expected f32, bf16, f16 or i32, found {}", node.at("type").text());
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

//===-- Launches ----------------------------------------------------------===//

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

//===-- Sums over ranks ---------------------------------------------------===//

RankSum parseRankSum(const Node &node, int64_t launches, const Manifest &manifest) {
  RankSum sum;
  sum.behind = node.at("behind").integer(1, launches);
  sum.weighted = node.at("weighted").flag();
  for (const Node &item : node.at("tensors").list()) {
    ArenaTensor tensor;
    parseTensor(item, manifest.arenaBytes, tensor);
    if (tensor.type != ElementType::F32)
      item.fault("ranks add up f32, found {}", nameOf(tensor.type));
    for (const ArenaTensor &other : sum.tensors)
      if (overlap(tensor.offset, tensor.bytes, {other.name, other.offset, other.bytes}))
        item.fault("it lies where another one does, at {}", other.offset);
    sum.tensors.push_back(std::move(tensor));
  }
  if (sum.tensors.empty())
    node.at("tensors").fault("there is nothing to add up");
  return sum;
}

void parseRankSums(const Node &root, Manifest &manifest) {
  for (const auto &[name, list] : root.at("rank_sums").members()) {
    auto entry = manifest.entries.find(name);
    if (entry == manifest.entries.end() || name != "train_step" || !manifest.distributed())
      list.fault("ranks add up in the entry train_step of a package that has an entry update");
    std::vector<RankSum> &sums = manifest.rankSums[name];
    for (const Node &node : list.list()) {
      sums.push_back(parseRankSum(node, static_cast<int64_t>(entry->second.size()), manifest));
      if (sums.size() > 1 && sums.back().behind < sums[sums.size() - 2].behind)
        node.at("behind").fault("{} comes after {}", sums.back().behind, sums[sums.size() - 2].behind);
    }
  }
}

} // namespace

void parseLaunches(const Node &root, Manifest &manifest) {
  for (const auto &[name, node] : root.at("kernels").members())
    manifest.kernels[name] = parseKernel(node);
  for (const auto &[name, list] : root.at("entries").members()) {
    auto &launches = manifest.entries[name];
    for (const Node &node : list.list())
      launches.push_back(parseLaunch(node, manifest));
  }
  if (root.has("rank_sums"))
    parseRankSums(root, manifest);
}

} // namespace kinema

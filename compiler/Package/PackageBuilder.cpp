#include "compiler/Package/PackageBuilder.h"
#include "dialects/Clip/Attributes.h"

#include "dialects/Kernel/Attributes.h"
#include "dialects/Kernel/Partials.h"
#include "dialects/Kernel/Signature.h"
#include "dialects/Kernel/Terms.h"
#include "dialects/Kernel/Twins.h"
#include "dialects/Recipe.h"
#include "runtime/Package/Recipe.h"

#include "llvm/ADT/TypeSwitch.h"
#include <nlohmann/json.hpp>

#include <cmath>
#include <exception>

using namespace mlir;
using namespace kinema;
using json = nlohmann::ordered_json;

//===-- Attributes as JSON ------------------------------------------------===//

/// Returns an attribute as JSON; nothing where JSON has no counterpart.
static std::optional<json> attributeJson(Attribute attribute) {
  auto list = [](auto values, auto convert) -> std::optional<json> {
    json result = json::array();
    for (auto value : values) {
      std::optional<json> item = convert(value);
      if (!item)
        return std::nullopt;
      result.push_back(std::move(*item));
    }
    return result;
  };
  auto same = [](auto value) { return std::optional<json>(value); };
  return TypeSwitch<Attribute, std::optional<json>>(attribute)
      .Case([](BoolAttr a) { return json(a.getValue()); })
      .Case([](IntegerAttr a) { return json(a.getInt()); })
      .Case([](FloatAttr a) { return json(a.getValueAsDouble()); })
      .Case([](StringAttr a) { return json(a.str()); })
      .Case([&](ArrayAttr a) { return list(a, attributeJson); })
      .Case([&](DenseI64ArrayAttr a) { return list(a.asArrayRef(), same); })
      .Case([&](DenseF64ArrayAttr a) { return list(a.asArrayRef(), same); })
      .Case([](DictionaryAttr a) -> std::optional<json> {
        json result = json::object();
        for (NamedAttribute entry : a) {
          auto value = attributeJson(entry.getValue());
          if (!value)
            return std::nullopt;
          result[entry.getName().str()] = std::move(*value);
        }
        return result;
      })
      .Default([](Attribute) { return std::nullopt; });
}

namespace {
/// Collects the manifest. Each error is reported once.
class Manifest {
public:
  Manifest(ModuleOp module, const Target &target, const MachineCode &code)
      : module(module), symbols(module), target(target), code(code) {}

  LogicalResult build();
  std::string text() const { return root.dump(1, ' ', false, json::error_handler_t::replace); }

private:
  LogicalResult addHeader();
  LogicalResult addPlan();
  void addArena(kernel::ArenaOp arena);
  void addInputs(kernel::ArenaOp arena);
  void addParameters(kernel::ArenaOp arena);
  LogicalResult addKernels();
  void addEntries();
  void addRankSums();

  ModuleOp module;
  SymbolTable symbols;
  const Target &target;
  const MachineCode &code;
  json root;
};
} // namespace

static FailureOr<json> dictionary(ModuleOp module, StringRef name) {
  auto attribute = module->getAttrOfType<DictionaryAttr>(name);
  if (!attribute)
    return module.emitError("the module has no ") << name << ", which a package needs";
  auto value = attributeJson(attribute);
  if (!value)
    return module.emitError("the module has a ") << name << " that JSON cannot say: " << attribute;
  return std::move(*value);
}

static FailureOr<json> networkOf(ModuleOp module) {
  auto network = dictionary(module, clip::networkAttribute);
  if (failed(network))
    return failure();
  if (!network->contains("digest")) // only a module that was written by hand has none
    (*network)["digest"] = "";
  auto isText = [&](const char *key) { return network->contains(key) && network->at(key).is_string(); };
  auto isSize = [&](const char *key) {
    return network->contains(key) && network->at(key).is_number_integer() && network->at(key) > 0;
  };
  if (!isText("name") || !isText("digest") || !isSize("batch") || !isSize("classes"))
    return module.emitError("the module's clip.network needs a name and a digest, which are strings, and "
                            "batch and classes, which are integers from 1");
  return network;
}

static FailureOr<json> recipeOf(ModuleOp module) {
  auto recipe = dictionary(module, clip::recipeAttribute);
  if (failed(recipe))
    return failure();
  try {
    parseRecipe(nlohmann::json(*recipe));
  } catch (const std::exception &error) {
    return module.emitError("the module's ")
           << clip::recipeAttribute << " would be refused: " << error.what();
  }
  return recipe;
}

LogicalResult kinema::verifyDescription(ModuleOp module) {
  return success(succeeded(networkOf(module)) && succeeded(recipeOf(module)));
}

LogicalResult Manifest::addHeader() {
  auto network = networkOf(module);
  if (failed(network))
    return failure();
  bool train = module.lookupSymbol<kernel::EntryOp>("train_step") != nullptr;
  json files = json::array();
  for (const MachineCode::File &file : code.loaded)
    files.push_back(file.name);
  root = {{"format", 5},
          {"name", (*network)["name"]},
          {"mode", train ? "train" : "infer"},
          {"network", (*network)["digest"]},
          {"kind", kernel::stringifyTargetKind(target.kind).str()},
          {"target", target.name.str()},
          {"code", files},
          {"batch", (*network)["batch"]},
          {"classes", (*network)["classes"]}};
  if (auto precision = module->getAttrOfType<kernel::PrecisionAttr>(kernel::precisionAttribute))
    root["precision"] = kernel::stringifyPrecision(precision.getValue()).str();
  if (code.sites)
    root["sites"] = *code.sites;
  if (code.waitsForLaunches)
    root["waits_for_launches"] = true;
  return success();
}

//===-- The arena ---------------------------------------------------------===//

/// A Description is a JSON object whose keys are in alphabetical order.
using Description = nlohmann::json;

/// Returns the loops of a tensor's storage along its first `axes` axes.
static Description orderOf(RankedTensorType type, int64_t axes) {
  Description order = Description::array();
  if (kernel::LayoutAttr layout = kernel::layoutOf(type); !layout.isRowMajor())
    for (const kernel::StorageLoop &loop : layout.order(type.getShape()))
      if (loop.axis < axes)
        order.push_back({loop.axis, loop.size, loop.step});
  return order;
}

/// Returns the name of an element type, such as "f32".
static std::string nameOf(Type element) {
  std::string name;
  llvm::raw_string_ostream(name) << element;
  return name;
}

/// Describes a tensor at its offset by its first `axes` axes; all others have a size of 1.
static Description describe(StringRef name, int64_t offset, RankedTensorType type, int64_t axes) {
  return {{"name", name.str()},
          {"type", nameOf(type.getElementType())},
          {"shape", type.getShape().take_front(axes).vec()},
          {"order", orderOf(type, axes)},
          {"offset", offset},
          {"bytes", kernel::storedBytes(type)}};
}

static Description describe(kernel::BufferOp buffer) {
  auto type = buffer.getTensorType();
  return describe(buffer.getSymName(), buffer.getOffset(), type, type.getRank());
}

static void addFileShape(Description &description, clip::ParamOp param) {
  if (auto shape = param.getFileShape())
    description["file_shape"] = shape->vec();
}

static Description describeParameter(kernel::BufferOp buffer, clip::ParamOp param) {
  Description description = describe(buffer);
  description["role"] = param.getRole().str();
  if (param.getInit())
    description["init"] = *attributeJson(*param.getInit());
  addFileShape(description, param);
  return description;
}

/// Returns the number of axes of an output. For scores, axes of size 1 behind the channels do not count:
/// [N, C, 1, 1, 1] is [N, C].
static int64_t scoreAxes(RankedTensorType type) {
  bool isScores = type.getRank() == 5 && shape::product(clip::spatialSize(type)) == 1;
  return isScores ? 2 : type.getRank();
}

static Description describeOutputs(kernel::EntryOp entry, SymbolTable &symbols) {
  Description outputs = Description::array();
  for (auto output : entry.getOps<kernel::OutputOp>()) {
    auto type = output.getTensorType();
    int64_t axes = output.getOf() ? type.getRank() : scoreAxes(type);
    outputs.push_back(describe(output.getName(), output.getOffset(), type, axes));
    if (output.getOf())
      addFileShape(outputs.back(), symbols.lookup<clip::ParamOp>(*output.getOf()));
    if (output.getLayer())
      outputs.back()["layer"] = output.getLayer()->str();
  }
  return outputs;
}

void Manifest::addArena(kernel::ArenaOp arena) {
  json segments = json::array();
  for (auto segment : arena.getOps<kernel::SegmentOp>())
    segments.push_back({kernel::stringifySegmentKind(segment.getKind()).str(), int64_t(segment.getOffset()),
                        int64_t(segment.getBytes())});
  root["arena"] = {{"bytes", int64_t(arena.getBytes())},
                   {"segments", segments},
                   {"activations", int64_t(arena.getActivations())},
                   {"separate_activations", int64_t(arena.getSeparateActivations())}};
}

/// Returns what the network says of which frames of a clip an input takes; null where these are all.
static IntegerAttr everyOf(ModuleOp module, StringRef input) {
  auto inputs = module->getAttrOfType<DictionaryAttr>(clip::networkAttribute).getAs<ArrayAttr>("inputs");
  for (Attribute item : inputs ? inputs.getValue() : ArrayRef<Attribute>())
    if (auto facts = dyn_cast<DictionaryAttr>(item))
      if (auto name = facts.getAs<StringAttr>("name"); name && name.getValue() == input)
        return facts.getAs<IntegerAttr>("every");
  return {};
}

void Manifest::addInputs(kernel::ArenaOp arena) {
  Description inputs = Description::array();
  for (auto buffer : arena.getOps<kernel::BufferOp>())
    if (buffer.getRole() == kernel::BufferRole::Input) {
      inputs.push_back(describe(buffer));
      inputs.back()["kind"] = buffer.getKind()->str();
      if (IntegerAttr every = everyOf(arena->getParentOfType<ModuleOp>(), buffer.getSymName()))
        inputs.back()["every"] = every.getInt();
    }
  root["inputs"] = inputs;
  for (auto role : {kernel::BufferRole::Labels, kernel::BufferRole::Targets, kernel::BufferRole::Shares})
    if (auto buffer = arena.buffer(role))
      root[kernel::stringifyBufferRole(role).str()] = describe(buffer);
  if (auto hyper = arena.buffer(kernel::BufferRole::Hyper)) {
    Description description = describe(hyper);
    for (clip::HyperField field : clip::HyperAttr::of(hyper.getType()).getFields())
      description["fields"].push_back(clip::stringifyHyperField(field).str());
    root["hyper"] = description;
  }
  if (auto counters = arena.buffer(kernel::BufferRole::Counters))
    root["counters"] = Description{{"offset", int64_t(counters.getOffset())}, {"bytes", counters.getBytes()}};
}

void Manifest::addParameters(kernel::ArenaOp arena) {
  llvm::StringMap<Description> states; // by the parameter's name: offsets by roles
  for (auto buffer : arena.getOps<kernel::BufferOp>())
    if (buffer.getRole() == kernel::BufferRole::State) {
      auto param = symbols.lookup<clip::ParamOp>(buffer.getSymName());
      states[*buffer.getOf()][param.getRole().str()] = int64_t(buffer.getOffset());
    }
  Description parameters = Description::array();
  for (auto buffer : arena.getOps<kernel::BufferOp>()) {
    if (buffer.getRole() != kernel::BufferRole::Parameter)
      continue;
    parameters.push_back(describeParameter(buffer, symbols.lookup<clip::ParamOp>(buffer.getSymName())));
    if (auto found = states.find(buffer.getSymName()); found != states.end())
      parameters.back()["states"] = found->second;
  }
  root["parameters"] = parameters;
}

LogicalResult Manifest::addPlan() {
  auto arena = kernel::ArenaOp::of(module);
  if (failed(arena))
    return failure();
  addArena(*arena);
  addInputs(*arena);
  addParameters(*arena);
  Description outputs = Description::object();
  for (auto entry : module.getOps<kernel::EntryOp>())
    outputs[entry.getSymName().str()] = describeOutputs(entry, symbols);
  root["outputs"] = outputs;
  return success();
}

//===-- Kernels and entries -----------------------------------------------===//

/// Describes the results of a kernel that has a twin, or is one, as `verify` needs it.
static json describeResults(kernel::DefOp def) {
  constexpr const char *forms[] = {"whole", "sums", "moments"};
  Operation *op = def.getKernel();
  json results = json::array();
  for (auto [number, item] : llvm::enumerate(def.getResultTypes())) {
    auto type = cast<RankedTensorType>(item);
    bool isOwn = number < op->getNumResults(); // of the kernel, not of what is attached to it
    auto form = isOwn ? cast<kernel::LaunchableOp>(op).getForm(number) : kernel::Form::Whole;
    results.push_back({{"type", nameOf(type.getElementType())},
                       {"shape", type.getShape().vec()},
                       {"order", orderOf(type, type.getRank())},
                       {"form", forms[static_cast<size_t>(form)]}});
  }
  return results;
}

static bool hasTwins(ModuleOp module) {
  return module
      .walk([](kernel::LaunchOp launch) {
        return kernel::hasTwins(launch) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

LogicalResult Manifest::addKernels() {
  bool compared = hasTwins(module);
  json kernels = json::object();
  for (auto def : module.getOps<kernel::DefOp>()) {
    Operation *op = def.getKernel();
    auto schedule = kernel::scheduleOf(op);
    if (!schedule)
      return op->emitOpError("has no schedule");
    json layers = *attributeJson(def.getLayers());
    std::vector<int64_t> buffers;
    for (Type type : llvm::concat<const Type>(def.getOperandTypes(), def.getResultTypes()))
      buffers.push_back(kernel::storedBytes(cast<RankedTensorType>(type)));
    kernels[def.getSymName().str()] = {{"symbol", def.getSymName().str()},
                                       {"grid", schedule.getGrid()},
                                       {"buffers", buffers},
                                       {"scratch", schedule.getScratch()},
                                       {"schedule", schedule.getName().str()},
                                       {"parameters", *attributeJson(schedule.getParameters())},
                                       {"signature", kernel::signatureOf(op)},
                                       {"op", op->getName().stripDialect().str()},
                                       {"layers", layers}};
    if (auto maps = code.maps.find(def.getSymName().str()); maps != code.maps.end())
      for (const BoxMap &map : maps->second)
        kernels[def.getSymName().str()]["maps"].push_back(
            {{"buffer", map.buffer}, {"sizes", map.sizes}, {"box", map.box}, {"steps", map.steps}});
    if (auto threads = schedule.getThreads())
      kernels[def.getSymName().str()]["block"] = *threads;
    if (compared) {
      bool narrow = kernel::readsNarrow(op);
      kernels[def.getSymName().str()]["depth"] = cast<kernel::LaunchableOp>(op).getDepth();
      kernels[def.getSymName().str()]["narrow"] = narrow;
      kernels[def.getSymName().str()]["results"] = describeResults(def);
    }
  }
  root["kernels"] = kernels;
  return success();
}

static json describe(kernel::LaunchOp launch, const std::optional<LaunchEstimate> &estimate) {
  json described = {{"kernel", launch.getKernel().str()},
                    {"args", std::vector<int64_t>(launch.getArgs())},
                    {"reads", launch.getReads()},
                    {"writes", launch.getWrites()},
                    {"macs", launch.getMacs()}};
  auto microseconds = [](double seconds) { return std::round(seconds * 1e12) * 1e-6; };
  // Without a floor, the predicted seconds are not those of one particular machine, so the runtime could not
  // compare them with what it measures.
  if (estimate && estimate->floor) {
    described["predicted_us"] = microseconds(estimate->predicted);
    described["floor_us"] = microseconds(*estimate->floor);
  }
  described["layer"] = launch.getLayer().str();
  return described;
}

void Manifest::addEntries() {
  json entries = json::object();
  for (auto entry : module.getOps<kernel::EntryOp>()) {
    json launches = json::array();
    for (auto launch : entry.getBody().getOps<kernel::LaunchOp>()) {
      auto def = symbols.lookup<kernel::DefOp>(launch.getKernel());
      launches.push_back(describe(launch, target.estimate(launch, def.getKernel())));
      for (const kernel::TwinLaunch &twin : kernel::twinsOf(launch))
        launches.back()["twins"].push_back(
            {{"kernel", twin.kernel.str()},
             {"args", std::vector<int64_t>(twin.args.begin(), twin.args.end())}});
    }
    entries[entry.getSymName().str()] = launches;
  }
  root["entries"] = entries;
}

/// Adds what ranks add up between the launches of an entry.
void Manifest::addRankSums() {
  Description sums = Description::object();
  for (auto entry : module.getOps<kernel::EntryOp>()) {
    int64_t launches = 0;
    for (Operation &op : entry.getBody().front()) {
      launches += isa<kernel::LaunchOp>(op);
      auto sum = dyn_cast<kernel::AddUpOp>(op);
      if (!sum)
        continue;
      Description tensors = Description::array();
      for (auto [type, offset] :
           llvm::zip_equal(sum.getTypes().getAsValueRange<TypeAttr>(), sum.getOffsets()))
        tensors.push_back(describe(sum.getLayer(), offset, cast<RankedTensorType>(type),
                                   cast<RankedTensorType>(type).getRank()));
      sums[entry.getSymName().str()].push_back(
          {{"behind", launches}, {"weighted", sum.getWeighted()}, {"tensors", tensors}});
    }
  }
  if (sums.empty())
    return;
  root["format"] = 6; // which runtimes that would leave them out refuse
  root["rank_sums"] = sums;
}

LogicalResult Manifest::build() {
  if (failed(addHeader()) || failed(addPlan()) || failed(addKernels()))
    return failure();
  addEntries();
  addRankSums();
  auto recipe = recipeOf(module);
  if (failed(recipe))
    return failure();
  root["recipe"] = *recipe;
  return success();
}

std::optional<std::string> kinema::recipeText(ModuleOp module) {
  auto attribute = module->getAttrOfType<DictionaryAttr>(clip::recipeAttribute);
  auto value = attribute ? attributeJson(attribute) : std::nullopt;
  return value ? std::optional(value->dump()) : std::nullopt;
}

std::optional<std::string> kinema::initialisationText(clip::ParamOp param) {
  auto value = param.getInit() ? attributeJson(*param.getInit()) : std::nullopt;
  return value ? std::optional(value->dump()) : std::nullopt;
}

FailureOr<std::string> kinema::buildManifest(ModuleOp lowered, const Target &target,
                                             const MachineCode &code) {
  Manifest manifest(lowered, target, code);
  if (failed(manifest.build()))
    return failure();
  return manifest.text();
}

LogicalResult kinema::addToPackage(PackageWriter &package, ModuleOp lowered, const Target &target,
                                   MachineCode code, std::string spec) {
  auto manifest = buildManifest(lowered, target, code);
  if (failed(manifest))
    return failure();
  bool isFirst = !package.has(manifestEntry);
  package.add(isFirst ? manifestEntry : manifestEntryOf(target.name.str()), std::move(*manifest));
  for (auto *files : {&code.loaded, &code.beside})
    for (MachineCode::File &file : *files)
      package.add(file.name, std::move(file.bytes));
  if (isFirst)
    package.add(specEntry, std::move(spec));
  return success();
}

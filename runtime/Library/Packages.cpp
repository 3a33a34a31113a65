// Opens packages for the library, and says what is in them.
#include "runtime/Library/Handles.h"
#include "runtime/Training/Schedule.h"

#include <algorithm>

using namespace kinema;
using namespace kinema::library;

namespace {

kinema_tensor described(const OpenPackage *package, kinema_kind kind, const ArenaTensor &tensor,
                        std::string inputKind = "") {
  const bool whole = tensor.type == ElementType::I32;
  return {package,          kind,
          tensor.name,      whole ? KINEMA_INT32 : KINEMA_FLOAT32,
          tensor.fileShape, std::move(inputKind)};
}

void describeOutputs(OpenPackage &package, kinema_kind kind, const char *entry) {
  if (auto found = package.network.outputs.find(entry); found != package.network.outputs.end())
    for (const OutputTensor &output : found->second)
      package.tensors[kind].push_back(described(&package, kind, output));
}

kinema_error *openWith(kinema_package **package, auto &&open) {
  return guarded([&] {
    require(package, "package");
    auto handle = std::make_unique<kinema_package>();
    handle->open = std::make_shared<OpenPackage>(open());
    *package = handle.release();
  });
}

const std::vector<kinema_tensor> *tensorsOf(const kinema_package *package, kinema_kind kind) {
  if (!package)
    return nullptr;
  auto found = package->open->tensors.find(kind);
  return found == package->open->tensors.end() ? nullptr : &found->second;
}

} // namespace

OpenPackage::OpenPackage(Package opened) : archive(std::move(opened)) {
  const std::vector<Manifest> manifests = readManifests(archive);
  for (const Manifest &manifest : manifests)
    targets.push_back(manifest.target);
  network = manifests.front();
  hasWeights = archive.has(weightsEntry);
  for (const std::string &setting : settingsOf(network.recipe)) {
    const size_t equals = setting.find('=');
    settings[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  for (const InputTensor &input : network.inputs)
    tensors[KINEMA_INPUT].push_back(described(this, KINEMA_INPUT, input, input.kind));
  for (const Parameter &parameter : network.parameters) {
    tensors[KINEMA_PARAMETER].push_back(described(this, KINEMA_PARAMETER, parameter));
    for (const ArenaTensor &state : parameter.stateTensors())
      tensors[KINEMA_STATE].push_back(described(this, KINEMA_STATE, state));
  }
  describeOutputs(*this, KINEMA_INFER_OUTPUT, "infer");
  describeOutputs(*this, KINEMA_STEP_OUTPUT, "train_step");
}

kinema_error *kinema_package_open(const char *path, kinema_package **package) {
  return openWith(package, [&] {
    require(path, "path");
    return Package(path);
  });
}

kinema_error *kinema_package_open_memory(const void *data, size_t bytes, kinema_package **package) {
  return openWith(package, [&] {
    require(data, "data");
    return Package(std::string(static_cast<const char *>(data), bytes), "the package in memory");
  });
}

void kinema_package_close(kinema_package *package) { delete package; }

const char *kinema_package_name(const kinema_package *package) {
  return package ? package->open->network.name.c_str() : nullptr;
}

int64_t kinema_package_batch(const kinema_package *package) {
  return package ? package->open->network.batch : 0;
}

int64_t kinema_package_classes(const kinema_package *package) {
  return package ? package->open->network.classes : 0;
}

int64_t kinema_package_target_count(const kinema_package *package) {
  return package ? static_cast<int64_t>(package->open->targets.size()) : 0;
}

const char *kinema_package_target(const kinema_package *package, int64_t number) {
  return number >= 0 && number < kinema_package_target_count(package) ? package->open->targets[number].c_str()
                                                                      : nullptr;
}

int kinema_package_has_entry(const kinema_package *package, const char *entry) {
  return valueOr(0,
                 [&]() -> int { return package && entry && package->open->network.entries.contains(entry); });
}

int kinema_package_has_weights(const kinema_package *package) { return package && package->open->hasWeights; }

const char *kinema_package_setting(const kinema_package *package, const char *setting) {
  if (!package || !setting)
    return nullptr;
  auto found = package->open->settings.find(std::string_view(setting));
  return found == package->open->settings.end() ? nullptr : found->second.c_str();
}

int64_t kinema_package_setting_count(const kinema_package *package) {
  return package ? static_cast<int64_t>(package->open->settings.size()) : 0;
}

const char *kinema_package_setting_name(const kinema_package *package, int64_t number) {
  if (number < 0 || number >= kinema_package_setting_count(package))
    return nullptr;
  return std::next(package->open->settings.begin(), number)->first.c_str();
}

kinema_error *kinema_package_rate(const kinema_package *package, int64_t epoch, int64_t batch,
                                  int64_t batches, double *rate) {
  return guarded([&] {
    require(package, "package");
    require(rate, "rate");
    if (epoch < 0 || batch < 0 || batch >= batches)
      refuse("there is no batch {} of epoch {}: an epoch has {}", batch, epoch, batches);
    *rate = learningRate(package->open->network.recipe.train, epoch, batch, batches);
  });
}

int64_t kinema_package_tensor_count(const kinema_package *package, kinema_kind kind) {
  const std::vector<kinema_tensor> *all = tensorsOf(package, kind);
  return all ? static_cast<int64_t>(all->size()) : 0;
}

const kinema_tensor *kinema_package_tensor(const kinema_package *package, kinema_kind kind, int64_t number) {
  return number >= 0 && number < kinema_package_tensor_count(package, kind)
             ? &(*tensorsOf(package, kind))[number]
             : nullptr;
}

const kinema_tensor *kinema_package_find(const kinema_package *package, kinema_kind kind, const char *name) {
  const std::vector<kinema_tensor> *all = name ? tensorsOf(package, kind) : nullptr;
  if (!all)
    return nullptr;
  auto found = std::ranges::find_if(*all, [&](const kinema_tensor &tensor) { return tensor.name == name; });
  return found == all->end() ? nullptr : &*found;
}

const char *kinema_tensor_name(const kinema_tensor *tensor) {
  return tensor ? tensor->name.c_str() : nullptr;
}

kinema_kind kinema_tensor_kind(const kinema_tensor *tensor) {
  return tensor ? tensor->kind : static_cast<kinema_kind>(0);
}

kinema_type kinema_tensor_type(const kinema_tensor *tensor) {
  return tensor ? tensor->type : static_cast<kinema_type>(0);
}

int64_t kinema_tensor_rank(const kinema_tensor *tensor) {
  return tensor ? static_cast<int64_t>(tensor->shape.size()) : 0;
}

const int64_t *kinema_tensor_shape(const kinema_tensor *tensor) {
  return tensor ? tensor->shape.data() : nullptr;
}

int64_t kinema_tensor_elements(const kinema_tensor *tensor) { return tensor ? elementsOf(tensor->shape) : 0; }

const char *kinema_tensor_input_kind(const kinema_tensor *tensor) {
  return tensor && tensor->kind == KINEMA_INPUT ? tensor->inputKind.c_str() : nullptr;
}

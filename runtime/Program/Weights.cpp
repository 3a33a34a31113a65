// Fills a program's parameters, from their initialisation or from files, and writes them to files.
#include "runtime/Package/Names.h"
#include "runtime/Program/Program.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Nearest.h"
#include "runtime/Support/Random.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace kinema {
namespace {

void fillNormal(std::vector<float> &values, double deviation, uint64_t seed, uint64_t index) {
  uint64_t stream = random::stream(random::Purpose::Weights, index);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(deviation * random::normals(seed, stream, i / 2)[i % 2]);
}

// Makes `values` a weight [O, I, T, H, W] (or of any rank from 2 on) that passes channels on unchanged.
void fillIdentity(std::vector<float> &values, const std::vector<int64_t> &shape) {
  int64_t middle = 0, window = 1;
  for (size_t axis = 2; axis < shape.size(); ++axis) {
    middle = middle * shape[axis] + shape[axis] / 2;
    window *= shape[axis];
  }
  for (int64_t channel = 0; channel < std::min(shape[0], shape[1]); ++channel)
    values[(channel * shape[1] + channel) * window + middle] = 1;
}

// Counts the connections of one output (fan-in) or one input (fan-out) channel of a weight [O, I, ...].
double fan(const Parameter &parameter) {
  int64_t dropped = parameter.shape[parameter.init.fanOut ? 1 : 0];
  int64_t connections = parameter.elements() / dropped;
  return static_cast<double>(connections);
}

// Returns whether a tensor may be in a file without being a parameter.
bool passedOver(const std::string &name, bool checkpoint) {
  return name.ends_with("num_batches_tracked") || (checkpoint && isStateName(name));
}

// Returns a hint where the file has the parameter under torchvision's name and no naming was asked for.
std::string otherNaming(const TensorFile &file, const std::string &parameter, const NameMap &names) {
  std::string other = names ? "" : findNames("torchvision")(parameter);
  if (other.empty() || !file.find(other))
    return "";
  return fmt::format("; it has {}, as torchvision calls it: say --names torchvision", other);
}

} // namespace

std::vector<float> initialValues(const Parameter &parameter, uint64_t seed, uint64_t index) {
  std::vector<float> values(parameter.elements(), 0.0f);
  switch (parameter.init.kind) {
  case Initialisation::Kind::HeNormal:
    fillNormal(values, std::sqrt(2.0 / fan(parameter)), seed, index);
    break;
  case Initialisation::Kind::Normal:
    fillNormal(values, parameter.init.value, seed, index);
    break;
  case Initialisation::Kind::Constant:
    std::fill(values.begin(), values.end(), static_cast<float>(parameter.init.value));
    break;
  case Initialisation::Kind::Identity:
    fillIdentity(values, parameter.shape);
    break;
  }
  return values;
}

void Program::initialise(uint64_t seed) {
  for (size_t index = 0; index < contents.parameters.size(); ++index) {
    const Parameter &parameter = contents.parameters[index];
    set(parameter, initialValues(parameter, seed, index));
    for (const auto &[state, offset] : parameter.states)
      device->fill(offset, parameter.bytes, 0);
  }
  run("prepare");
}

std::vector<const FileTensor *> matchWeights(const Manifest &contents, const TensorFile &file,
                                             const std::string &origin, const NameMap &names) {
  std::set<std::string> expected;
  std::vector<const FileTensor *> found;
  for (const Parameter &parameter : contents.parameters) {
    std::string name = nameInFile(names, parameter.name);
    expected.insert(name);
    const FileTensor *tensor = file.find(name);
    if (!tensor)
      fail("{} has no tensor {}, which {} needs{}", origin, name, contents.name,
           otherNaming(file, parameter.name, names));
    if (tensor->type != parameter.type || tensor->shape != parameter.fileShape)
      fail("{}: tensor {} is {}, {} needs {}; to fine-tune, `train --partial` takes what fits and "
           "initialises the rest",
           origin, name, describe(tensor->type, tensor->shape), contents.name,
           describe(parameter.type, parameter.fileShape));
    found.push_back(tensor);
  }
  for (const FileTensor &tensor : file.tensors)
    if (!expected.contains(tensor.name) && !passedOver(tensor.name, isCheckpoint(file)))
      fail("{}: tensor {} belongs to no parameter of {}{}", origin, tensor.name, contents.name,
           didYouMean(tensor.name, {expected.begin(), expected.end()}));
  return found;
}

std::string weightsForPackage(const Manifest &contents, const std::string &path, const NameMap &names) {
  TensorFile file = readTensors(path), packed;
  if (auto classes = file.metadata.find(classesKey); classes != file.metadata.end())
    packed.metadata.insert(*classes);
  for (size_t i = 0; const FileTensor *tensor : matchWeights(contents, file, path, names)) {
    packed.tensors.push_back(*tensor);
    packed.tensors.back().name = contents.parameters[i++].name;
  }
  return formatTensors(packed);
}

void Program::loadWeights(const TensorFile &file, const std::string &origin, const NameMap &names) {
  std::vector<const FileTensor *> found = matchWeights(contents, file, origin, names);
  for (size_t i = 0; i < found.size(); ++i)
    set(contents.parameters[i], found[i]->as<float>());
  run("prepare");
}

Program::Unmatched Program::loadMatchingWeights(const TensorFile &file, const NameMap &names) {
  Unmatched unmatched;
  std::set<std::string> used;
  for (const Parameter &parameter : contents.parameters) {
    std::string name = names ? names(parameter.name) : parameter.name;
    const FileTensor *tensor = file.find(name);
    if (tensor && tensor->type == parameter.type && tensor->shape == parameter.fileShape) {
      set(parameter, tensor->as<float>());
      used.insert(name);
    } else {
      unmatched.missing.push_back(name.empty() ? parameter.name : name);
    }
  }
  for (const FileTensor &tensor : file.tensors)
    if (!used.contains(tensor.name) && !passedOver(tensor.name, isCheckpoint(file)))
      unmatched.unused.push_back(tensor.name);
  run("prepare");
  return unmatched;
}

void Program::exchangeAverages() {
  for (const Parameter &parameter : contents.parameters) {
    if (!parameter.states.contains("average"))
      continue;
    ArenaTensor average = parameter.stateTensor("average");
    std::vector<float> weights = get(parameter), averages = get(average);
    set(parameter, averages);
    set(average, weights);
  }
}

FileTensor Program::store(const ArenaTensor &tensor, const std::string &name) {
  FileTensor stored(name, tensor.type, tensor.fileShape);
  read(tensor, stored.bytes.data(), tensor.elements());
  return stored;
}

TensorFile Program::storeWeights(const NameMap &names) {
  TensorFile file;
  for (const Parameter &parameter : contents.parameters)
    file.tensors.push_back(store(parameter, nameInFile(names, parameter.name)));
  return file;
}

} // namespace kinema

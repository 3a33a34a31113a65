// Fills a program's parameters, from their initialisation or from files, and writes them to files.
#include "runtime/Program/Program.h"
#include "runtime/Support/Random.h"

#include <algorithm>
#include <cmath>

namespace kinema {
namespace {

void fillNormal(std::vector<float> &values, double deviation, uint64_t seed, uint64_t index) {
  uint64_t stream = random::stream(random::Purpose::Weights, index);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(deviation * random::normals(seed, stream, i / 2)[i % 2]);
}

// Makes `values` a weight [O, I, T, H, W] (or of any rank from 2 on) that passes channels on unchanged, of
// the frame that is so many behind. I are the channels of a group, which begin anew with each.
void fillIdentity(std::vector<float> &values, const std::vector<int64_t> &shape, int64_t behind) {
  int64_t tap = 0, window = 1;
  for (size_t axis = 2; axis < shape.size(); ++axis) {
    int64_t place = shape[axis] / 2 + (axis == 2 ? behind : 0);
    if (place < 0 || place >= shape[axis])
      return;
    tap = tap * shape[axis] + place;
    window *= shape[axis];
  }
  for (int64_t channel = 0; channel < shape[0]; ++channel)
    values[(channel * shape[1] + channel % shape[1]) * window + tap] = 1;
}

// Counts the connections of one output (fan-in) or one input (fan-out) channel of a weight [O, I, ...].
double fan(const Parameter &parameter) {
  int64_t dropped = parameter.fileShape[parameter.init.fanOut ? 1 : 0];
  int64_t connections = parameter.elements() / dropped;
  return static_cast<double>(connections);
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
    fillIdentity(values, parameter.shape, 0);
    break;
  case Initialisation::Kind::Later:
    fillIdentity(values, parameter.shape, 1);
    break;
  case Initialisation::Kind::Earlier:
    fillIdentity(values, parameter.shape, -1);
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

std::string weightsForPackage(const Manifest &contents, const std::string &path, const Naming &naming) {
  return formatTensors(renameWeights(contents, readTensors(path), path, naming, {}));
}

// Sets all parameters to the tensors that a header has for them, whose elements `bytesOfTensor` returns.
template <typename BytesOfTensor>
void Program::loadWeights(const TensorFile &header, const std::string &origin, const Naming &naming,
                          BytesOfTensor bytesOfTensor) {
  std::vector<const FileTensor *> found = matchWeights(contents, header, origin, naming);
  for (size_t i = 0; i < found.size(); ++i) {
    std::span<const char> bytes = bytesOfTensor(*found[i]);
    write(contents.parameters[i], bytes.data(), bytes.size() / bytesOf(found[i]->type));
  }
  run("prepare");
}

void Program::loadWeights(const TensorFile &file, const std::string &origin, const Naming &naming) {
  loadWeights(file, origin, naming, [](const FileTensor &tensor) { return std::span(tensor.bytes); });
}

void Program::loadWeights(TensorReader &file, const std::string &origin, const Naming &naming) {
  loadWeights(file.header(), origin, naming, [&](const FileTensor &tensor) { return file.read(tensor); });
}

void Program::loadMatchingWeights(const WeightMatch &match) {
  for (const ParameterSource &source : match.parameters)
    if (source.tensor)
      set(*source.parameter, valuesOf(source));
  run("prepare");
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

TensorFile Program::storeWeights(const Naming &naming) {
  TensorFile file;
  for (const Parameter &parameter : contents.parameters) {
    FileTensor &tensor = file.tensors.emplace_back(store(parameter, naming.inFile(parameter.name)));
    tensor.shape = naming.shapeInFile(parameter.name, tensor.shape);
  }
  return file;
}

} // namespace kinema

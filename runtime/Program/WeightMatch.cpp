#include "runtime/Program/WeightMatch.h"

#include "runtime/Support/Error.h"
#include "runtime/Support/Nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace kinema {
namespace {

// Returns whether a tensor may be in a file without being a parameter.
bool passedOver(const std::string &name, bool checkpoint) {
  return name.ends_with("num_batches_tracked") || (checkpoint && isStateName(name));
}

using Shape = std::vector<int64_t>;

// Returns a weight's shape with all axes, [O, I, T, H, W]: a file may leave out those of size 1. Other shapes
// are returned as they are.
Shape withAllAxes(const Shape &shape) {
  if (shape.size() == 4)
    return {shape[0], shape[1], 1, shape[2], shape[3]};
  if (shape.size() == 2)
    return {shape[0], shape[1], 1, 1, 1};
  return shape;
}

// Returns whether a file may have a learned tensor, [1, C, T, H, W], in this shape: without axes of size 1.
bool isLearned(const Shape &wanted, const Shape &given) {
  auto withoutOnes = [](Shape shape) {
    std::erase(shape, 1);
    return shape;
  };
  return wanted.size() == 5 && wanted[0] == 1 && withoutOnes(wanted) == withoutOnes(given);
}

bool takesInput(const Manifest &network, int64_t channels) {
  return std::ranges::any_of(network.inputs,
                             [&](const InputTensor &input) { return input.shape[1] == channels; });
}

// Decides whether and how the tensor becomes the parameter of `source`, and says why.
void fit(ParameterSource &source, const FileTensor &tensor, const Manifest &network,
         const MatchOptions &options) {
  const Parameter &parameter = *source.parameter;
  const Shape wanted = withAllAxes(parameter.fileShape), given = withAllAxes(tensor.shape);
  const std::string shapes =
      fmt::format("{} is {}, {} needs {}", tensor.name, describe(tensor.type, tensor.shape), network.name,
                  describe(parameter.type, parameter.fileShape));
  const bool learned = isLearned(parameter.fileShape, tensor.shape);
  if (tensor.type != parameter.type || (wanted.size() != given.size() && !learned)) {
    source.why = shapes;
    return;
  }
  if (wanted == given || learned) {
    source.tensor = &tensor;
    return;
  }
  const bool conv = parameter.fileShape.size() == 5;
  const bool otherInputs = conv && given[1] != wanted[1] && takesInput(network, wanted[1]);
  const bool otherFrames = conv && given[2] == 1 && wanted[2] > 1;
  Shape made = given;
  if (otherInputs)
    made[1] = wanted[1];
  if (otherFrames)
    made[2] = wanted[2];
  source.why = shapes;
  if (made != wanted)
    return;
  if (otherInputs && !options.crossModality) {
    source.remedy = "; --cross-modality makes the one of the other";
    return;
  }
  if (otherFrames && options.inflation == Inflation::None) {
    source.remedy = "; `weights inflate` makes the one of the other";
    return;
  }
  source.tensor = &tensor;
  source.crossModality = otherInputs;
  source.inflation = otherFrames ? options.inflation : Inflation::None;
  source.why.clear();
  if (otherInputs)
    source.why = fmt::format("the mean of {} channels for each of {}", given[1], wanted[1]);
  if (otherFrames)
    source.why +=
        fmt::format("{}inflated to {} frames{}", otherInputs ? ", " : "", wanted[2],
                    source.inflation == Inflation::Centre ? ", of which the middle one has the weights" : "");
}

constexpr const char *fineTuning =
    "; to fine-tune, `train --partial` takes what fits and initialises the rest";

// One line of the table: a part of the network and what happens to it.
struct Line {
  std::string part, outcome, why;
  int64_t tensors = 0, values = 0;
};

std::string outcomeOf(const ParameterSource &source) {
  if (!source.tensor)
    return "initialised";
  return source.crossModality || source.inflation != Inflation::None ? "adapted" : "taken";
}

std::string partOf(const std::string &name) { return name.substr(0, name.find('.')); }

void addTo(std::vector<Line> &lines, const std::string &name, const std::string &outcome,
           const std::string &why, int64_t values) {
  const std::string part = partOf(name);
  auto line = std::ranges::find_if(
      lines, [&](const Line &line) { return line.part == part && line.outcome == outcome; });
  if (line == lines.end())
    line = lines.insert(lines.end(), {part, outcome, why});
  ++line->tensors;
  line->values += values;
}

} // namespace

std::string otherNaming(const Manifest &network, const TensorFile &file, const Naming &naming,
                        const std::string &parameter) {
  std::set<std::string> names;
  for (const FileTensor &tensor : file.tensors)
    names.insert(tensor.name);
  std::vector<std::string> candidates = namingNames();
  if (naming)
    candidates.insert(candidates.begin(), "kinema");
  size_t most = 0;
  std::string hint;
  for (const std::string &candidate : candidates) {
    const Naming other = findNaming(candidate);
    std::vector<std::string> common;
    for (const Parameter &known : network.parameters)
      if (std::string name = other.find(known.name); names.contains(name))
        common.push_back(name);
    const std::string example = !parameter.empty() ? other.find(parameter)
                                : common.empty()   ? ""
                                                   : common.front();
    if (common.size() <= most || !names.contains(example))
      continue;
    most = common.size();
    hint = fmt::format("; it has {}, as {} calls it: say --names {}", example, candidate, candidate);
  }
  return hint;
}

int64_t WeightMatch::matched() const {
  return std::ranges::count_if(parameters, [](const ParameterSource &source) { return source.tensor; });
}

WeightMatch findWeights(const Manifest &network, const TensorFile &file, const Naming &naming,
                        const MatchOptions &options) {
  std::map<std::string, const FileTensor *> tensors;
  for (const FileTensor &tensor : file.tensors)
    tensors[tensor.name] = &tensor;
  WeightMatch match;
  std::set<std::string> used;
  for (const Parameter &parameter : network.parameters) {
    ParameterSource &source = match.parameters.emplace_back();
    source.parameter = &parameter;
    source.name = naming.find(parameter.name);
    auto tensor = tensors.find(source.name);
    if (source.name.empty())
      source.why = fmt::format("the naming {} has no name for it", naming.name());
    else if (tensor == tensors.end())
      source.why = fmt::format("there is no {}", source.name);
    else
      fit(source, *tensor->second, network, options);
    if (source.tensor)
      used.insert(source.name);
  }
  for (const FileTensor &tensor : file.tensors)
    if (!used.contains(tensor.name) && !passedOver(tensor.name, isCheckpoint(file)))
      match.unused.push_back(&tensor);
  return match;
}

std::vector<float> valuesOf(const ParameterSource &source) {
  const std::span<const float> given = source.tensor->as<float>();
  if (!source.crossModality && source.inflation == Inflation::None)
    return {given.begin(), given.end()};
  const Shape from = withAllAxes(source.tensor->shape), to = withAllAxes(source.parameter->fileShape);
  const int64_t plane = to[3] * to[4], frames = to[2];
  std::vector<float> values(source.parameter->elements());
  // The value of output o and input i at frame t of the file, and position p.
  auto at = [&](int64_t o, int64_t i, int64_t t, int64_t p) {
    return static_cast<double>(given[((o * from[1] + i) * from[2] + t) * plane + p]);
  };
  auto overInputs = [&](int64_t o, int64_t i, int64_t t, int64_t p) {
    if (!source.crossModality)
      return at(o, i, t, p);
    double sum = 0;
    for (int64_t channel = 0; channel < from[1]; ++channel)
      sum += at(o, channel, t, p);
    return sum / static_cast<double>(from[1]);
  };
  auto value = [&](int64_t o, int64_t i, int64_t t, int64_t p) {
    if (source.inflation == Inflation::Centre)
      return t == frames / 2 ? overInputs(o, i, 0, p) : 0;
    if (source.inflation == Inflation::Repeat)
      return overInputs(o, i, 0, p) / static_cast<double>(frames);
    return overInputs(o, i, t, p);
  };
  int64_t next = 0;
  for (int64_t o = 0; o < to[0]; ++o)
    for (int64_t i = 0; i < to[1]; ++i)
      for (int64_t t = 0; t < frames; ++t)
        for (int64_t p = 0; p < plane; ++p)
          values[next++] = static_cast<float>(value(o, i, t, p));
  return values;
}

void requireAny(const WeightMatch &match, const Manifest &network, const TensorFile &file,
                const std::string &origin, const Naming &naming) {
  if (match.matched() == 0)
    fail("{} has none of the parameters of {}{}", origin, network.name, otherNaming(network, file, naming));
}

std::string describe(const WeightMatch &match, const std::string &origin) {
  std::vector<Line> lines;
  for (const ParameterSource &source : match.parameters)
    addTo(lines, source.parameter->name, outcomeOf(source), source.why + source.remedy,
          source.parameter->elements());
  for (const FileTensor *tensor : match.unused)
    addTo(lines, tensor->name, "not used", "", elementsOf(tensor->shape));
  size_t width = 4;
  for (const Line &line : lines)
    width = std::max(width, line.part.size());
  std::string text = fmt::format("{} of {} parameters are from {}\n{:<{}}  tensors      values  outcome\n",
                                 match.matched(), match.parameters.size(), origin, "part", width);
  for (const Line &line : lines)
    text += fmt::format("{:<{}}  {:>7}  {:>10}  {}{}{}\n", line.part, width, line.tensors, line.values,
                        line.outcome, line.why.empty() ? "" : ": ", line.why);
  return text;
}

std::string listOf(const WeightMatch &match, const std::string &origin) {
  std::string text;
  for (const ParameterSource &source : match.parameters) {
    text += fmt::format("{} {}", source.parameter->name, outcomeOf(source));
    if (source.tensor)
      text += fmt::format(" from {} of {}", source.name, origin);
    text += fmt::format("{}{}{}\n", source.why.empty() ? "" : ": ", source.why, source.remedy);
  }
  for (const FileTensor *tensor : match.unused)
    text += fmt::format("{} of {} not used: it is {}\n", tensor->name, origin,
                        describe(tensor->type, tensor->shape));
  return text;
}

std::vector<const FileTensor *> matchWeights(const Manifest &network, const TensorFile &file,
                                             const std::string &origin, const Naming &naming) {
  std::vector<const FileTensor *> found;
  std::vector<std::string> expected;
  WeightMatch match = findWeights(network, file, naming);
  for (const ParameterSource &source : match.parameters) {
    const std::string name = naming.inFile(source.parameter->name);
    if (!source.tensor && !file.find(name)) {
      std::string hint = otherNaming(network, file, naming, source.parameter->name);
      if (hint.empty() && match.matched() > 0)
        hint = fineTuning;
      fail("{} has no tensor {}, which {} needs{}", origin, name, network.name, hint);
    }
    if (!source.tensor)
      fail("{}: tensor {}{}", origin, source.why, source.remedy.empty() ? fineTuning : source.remedy);
    expected.push_back(name);
    found.push_back(source.tensor);
  }
  if (!match.unused.empty())
    fail("{}: tensor {} belongs to no parameter of {}{}", origin, match.unused.front()->name, network.name,
         didYouMean(match.unused.front()->name, expected));
  return found;
}

namespace {

// A Renaming collects tensors under other names.
class Renaming {
public:
  Renaming(const TensorFile &file, const std::string &origin, const Naming &to) : origin(origin), to(to) {
    if (auto classes = file.metadata.find(classesKey); classes != file.metadata.end())
      renamed.metadata.insert(*classes);
  }

  // Adds a tensor, which is a parameter of this name and shape.
  void add(const FileTensor &tensor, const std::string &parameter, const Shape &shape) {
    FileTensor &added = renamed.tensors.emplace_back(tensor);
    added.name = to.inFile(parameter);
    added.shape = to.shapeInFile(parameter, shape);
    auto [other, fresh] = parameters.emplace(added.name, parameter);
    if (!fresh)
      fail("{}: {} and {} would both be called {}", origin, other->second, parameter, added.name);
  }

  TensorFile renamed;

private:
  const std::string &origin;
  const Naming &to;
  std::map<std::string, std::string> parameters; // by their new names
};

// Returns the parameter that a tensor is.
std::string parameterOf(const FileTensor &tensor, const std::string &origin, const Naming &from,
                        const Naming &to) {
  std::vector<std::string> candidates = from.inNetwork(tensor.name);
  if (candidates.empty())
    fail("{}: tensor {} has no name in the naming {}", origin, tensor.name, from.name());
  for (const std::string &candidate : candidates)
    if (to.find(candidate) != to.find(candidates.front()))
      fail("{}: tensor {} is {} or {}, according to the network: name its spec or package, too", origin,
           tensor.name, candidates.front(), candidate);
  return candidates.front();
}

} // namespace

TensorFile renameWeights(const Manifest &network, const TensorFile &file, const std::string &origin,
                         const Naming &from, const Naming &to) {
  Renaming renaming(file, origin, to);
  for (size_t i = 0; const FileTensor *tensor : matchWeights(network, file, origin, from)) {
    const Parameter &parameter = network.parameters[i++];
    renaming.add(*tensor, parameter.name, parameter.fileShape);
  }
  return std::move(renaming.renamed);
}

TensorFile renameWeights(const TensorFile &file, const std::string &origin, const Naming &from,
                         const Naming &to) {
  Renaming renaming(file, origin, to);
  for (const FileTensor &tensor : file.tensors)
    if (!passedOver(tensor.name, isCheckpoint(file)))
      // A matrix stays one, since it may be that of a fully connected layer or of a conv.
      renaming.add(tensor, parameterOf(tensor, origin, from, to),
                   tensor.shape.size() == 4 ? withAllAxes(tensor.shape) : tensor.shape);
  return std::move(renaming.renamed);
}

} // namespace kinema

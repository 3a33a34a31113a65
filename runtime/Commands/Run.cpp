#include "runtime/Commands/Run.h"

#include "runtime/Package/Names.h"
#include "runtime/Support/Error.h"
#include "runtime/Training/Evaluator.h"
#include "runtime/Training/LossScale.h"
#include "runtime/Training/Schedule.h"
#include "runtime/Training/Targets.h"

#include <algorithm>
#include <string_view>

namespace kinema {
namespace {

constexpr std::string_view gradientPrefix = "grad.";

const FileTensor &take(const TensorFile &file, const std::string &origin, const std::string &name) {
  if (const FileTensor *tensor = file.find(name))
    return *tensor;
  fail("{} has no tensor {}", origin, name);
}

// Returns the name of an input's tensor in the file: a single input is called `input`, and one of several has
// its own name.
std::string tensorName(const Manifest &manifest, const InputTensor &input) {
  return manifest.inputs.size() == 1 ? "input" : input.name;
}

void loadInputs(Program &program, const TensorFile &file, const std::string &origin) {
  for (const InputTensor &input : program.manifest().inputs) {
    std::string name = tensorName(program.manifest(), input);
    const FileTensor &tensor = take(file, origin, name);
    if (tensor.type != ElementType::F32 || tensor.shape != input.shape)
      fail("{}: tensor {} is {}, the package was compiled for {}", origin, name,
           describe(tensor.type, tensor.shape), describe(input.type, input.shape));
    program.set(input, tensor.as<float>());
  }
}

// Returns the labels. In the file they are [N], int64 or int32; -1 masks a clip.
std::vector<ClipLabels> readLabels(const FileTensor &tensor, const Manifest &manifest,
                                   const std::string &origin) {
  if (tensor.type == ElementType::F32 || tensor.shape != std::vector<int64_t>{manifest.batch})
    fail("{}: tensor labels is {}, expected {}", origin, describe(tensor.type, tensor.shape),
         describe(ElementType::I64, std::vector<int64_t>{manifest.batch}));
  std::vector<int64_t> labels;
  if (tensor.type == ElementType::I64)
    labels.assign(tensor.as<int64_t>().begin(), tensor.as<int64_t>().end());
  else
    labels.assign(tensor.as<int32_t>().begin(), tensor.as<int32_t>().end());
  return labelsOf(labels, manifest.classes, manifest.name, fmt::format("{}: tensor labels", origin));
}

std::span<const float> readFloats(const FileTensor &tensor, const std::vector<int64_t> &shape,
                                  const std::string &origin) {
  if (tensor.type != ElementType::F32 || tensor.shape != shape)
    fail("{}: tensor {} is {}, expected {}", origin, tensor.name, describe(tensor.type, tensor.shape),
         describe(ElementType::F32, shape));
  return tensor.as<float>();
}

// Tells a step the labels or targets of the file, and how much classes weigh.
void loadLabels(Program &program, const TensorFile &file, const std::string &origin) {
  const Manifest &manifest = program.manifest();
  const TrainRecipe &recipe = manifest.recipe.train;
  std::vector<double> weights;
  if (recipe.classWeights != "none") {
    std::span<const float> read = readFloats(take(file, origin, "class_weights"), {manifest.classes}, origin);
    weights.assign(read.begin(), read.end());
  }
  const FileTensor *targets = file.find("targets");
  if (!targets || !manifest.targets)
    return setLabels(program, readLabels(take(file, origin, "labels"), manifest, origin), recipe, weights);
  setTruths(program, readFloats(*targets, manifest.targets->shape, origin), recipe, weights);
}

void checkKnown(const Manifest &manifest, const TensorFile &file, const std::string &origin) {
  std::vector<std::string> known;
  for (const InputTensor &input : manifest.inputs)
    known.push_back(tensorName(manifest, input));
  std::string inputs = fmt::format("{}", fmt::join(known, ", "));
  known.emplace_back("labels");
  if (manifest.targets)
    known.insert(known.end(), {"targets", "class_weights"});
  for (const FileTensor &tensor : file.tensors)
    if (std::find(known.begin(), known.end(), tensor.name) == known.end())
      fail("{}: tensor {} is not known; {} and {} are", origin, tensor.name, inputs,
           manifest.targets ? "labels, targets, class_weights" : "labels");
}

Hyper nextHyper(const TrainRecipe &recipe, const RunOptions &options, UpdateCount &count) {
  Hyper hyper = kinema::nextHyper(recipe, count);
  hyper.rate = static_cast<float>(options.rate.value_or(recipe.rate));
  hyper.momentum = static_cast<float>(options.momentum.value_or(hyper.momentum));
  hyper.decay = static_cast<float>(options.decay.value_or(hyper.decay));
  return hyper;
}

// Runs the steps, and returns by what the last one has scaled the gradients that it returns.
float runSteps(Program &program, const RunOptions &options) {
  const Manifest &manifest = program.manifest();
  const TrainRecipe &recipe = manifest.recipe.train;
  LossScale scale = LossScale::of(recipe);
  UpdateCount count;
  float last = 1;
  for (int64_t step = 0; step < options.steps; ++step) {
    Hyper hyper = nextHyper(recipe, options, count);
    if (manifest.scalesLoss())
      scale.tell(hyper);
    last = hyper.lossScale;
    program.setHyper(hyper);
    program.runStep();
    if (manifest.scalesLoss() && hyper.apply != 0)
      scale.found(program.getScalar(manifest.gradientNorm()), recipe);
  }
  return last;
}

// Adds everything that a step leaves behind to the result. The gradients that it returns are scaled.
void collectStep(Program &program, const Naming &naming, float lossScale, TensorFile &result) {
  const Manifest &manifest = program.manifest();
  for (const ArenaTensor &output : manifest.outputs.at("train_step")) {
    bool gradient = output.name.starts_with(gradientPrefix);
    std::string name =
        gradient ? std::string(gradientPrefix) + naming.inFile(output.name.substr(gradientPrefix.size()))
                 : output.name;
    result.tensors.push_back(program.store(output, name));
    if (gradient)
      for (float &value : result.tensors.back().as<float>())
        value /= lossScale;
    if (const Parameter *parameter =
            gradient ? manifest.findParameter(output.name.substr(gradientPrefix.size())) : nullptr)
      result.tensors.back().shape = naming.shapeInFile(parameter->name, parameter->fileShape);
  }
  for (FileTensor &parameter : program.storeWeights(naming).tensors)
    result.tensors.push_back(std::move(parameter));
  for (const Parameter &parameter : manifest.parameters)
    for (const auto &[state, offset] : parameter.states) {
      const std::string name = state + "." + naming.inFile(parameter.name);
      FileTensor &tensor = result.tensors.emplace_back(program.store(parameter.stateTensor(state), name));
      tensor.shape = naming.shapeInFile(parameter.name, tensor.shape);
    }
}

} // namespace

void runTensors(Program &program, const RunOptions &options) {
  const Manifest &manifest = program.manifest();
  if (options.steps > 0 && !manifest.train)
    fail("package {} was compiled for inference and cannot do a step; compile it with --mode train",
         manifest.name);
  if (options.steps > 0 && !options.layers.empty())
    refuse("--layers gives features of an evaluation: leave out --step and --steps");
  featuresOf(manifest, options.layers); // says early which of them are missing
  Naming naming = findNaming(options.names);
  TensorFile input = readTensors(options.input);
  checkKnown(manifest, input, options.input);

  if (options.weights.empty()) {
    program.initialise(options.seed);
  } else {
    TensorReader weights(openTensors(options.weights));
    program.loadWeights(weights, options.weights, naming);
  }
  loadInputs(program, input, options.input);

  TensorFile result;
  if (options.steps > 0) {
    loadLabels(program, input, options.input);
    collectStep(program, naming, runSteps(program, options), result);
  } else {
    program.run("infer");
    const ArenaTensor &scores = scoresOf(manifest);
    result.tensors.push_back(program.store(scores, scores.name));
    for (const OutputTensor *features : featuresOf(manifest, options.layers))
      result.tensors.push_back(program.store(*features, features->name));
  }
  writeTensors(options.output, result);
}

} // namespace kinema

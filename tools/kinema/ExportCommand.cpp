// Implements `kinema export`: a network with its weights becomes a file that other runtimes read.
#include "compiler/Export/OnnxModel.h"
#include "runtime/Commands/CommandLine.h"
#include "runtime/Commands/Info.h"
#include "runtime/Package/Names.h"
#include "runtime/Program/Program.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "tools/kinema/Commands.h"
#include "tools/kinema/Outline.h"
#include "tools/kinema/SpecOptions.h"

#include <nlohmann/json.hpp>

namespace kinema {

namespace {
struct ExportCommandOptions {
  SpecOptions spec;
  std::string onnx; // the file
  std::string weights, names;
  uint64_t seed = 1; // for the initialisation
};

OnnxModel modelOf(mlir::ModuleOp network, const std::string &name) {
  auto model = OnnxModel::of(network);
  require(mlir::failed(model) ? Outcome::Failed : Outcome::Done);
  if (uint64_t bytes = model->bytes(); bytes > OnnxModel::mostBytes)
    refuse("{} would be an ONNX file of {}, and such a file holds {} at most: export a smaller network", name,
           formatBytes(static_cast<int64_t>(bytes)), formatBytes(OnnxModel::mostBytes));
  return std::move(*model);
}

/// Says how inputs are made of videos, in the words of the recipe.
void describeInputs(OnnxModel &model, const Manifest &network) {
  nlohmann::json inputs = nlohmann::json::array();
  for (const InputTensor &input : network.inputs)
    inputs.push_back({{"name", input.name}, {"kind", input.kind}, {"every", input.every}});
  model.addMetadata("inputs", inputs.dump());
  model.addMetadata("data", toJson(network.recipe).at("data").dump());
}

void setWeights(OnnxModel &model, const Manifest &network, const ExportCommandOptions &options) {
  if (options.weights.empty()) {
    for (size_t index = 0; index < network.parameters.size(); ++index)
      model.setWeight(network.parameters[index].name,
                      initialValues(network.parameters[index], options.seed, index));
    return;
  }
  const TensorFile file = readTensors(options.weights);
  std::vector<const FileTensor *> tensors =
      matchWeights(network, file, options.weights, findNaming(options.names));
  for (size_t i = 0; i < tensors.size(); ++i)
    model.setWeight(network.parameters[i].name, tensors[i]->as<float>());
  if (auto classes = file.metadata.find(classesKey); classes != file.metadata.end())
    model.addMetadata(classesKey, classes->second);
}

void exportSpec(const ExportCommandOptions &options) {
  checkWritable(options.onnx);
  if (isPackage(options.spec.spec))
    refuse("{} is compiled already: export the spec that it was made of", options.spec.spec);
  Compilation compilation({}, frontendOptions(options.spec), options.spec.threads, llvm::errs());
  require(compilation.fromSpec(options.spec.spec, Phase::Clip));
  const Manifest network = outlineOf(compilation.module(), /*train=*/false);
  OnnxModel model = modelOf(compilation.module(), network.name);
  describeInputs(model, network);
  setWeights(model, network, options);
  AtomicFile file(options.onnx);
  model.write([&](const void *data, size_t bytes) { file.write(data, bytes); });
  file.commit();
}
} // namespace

void addExport(CLI::App &app) {
  auto options = std::make_shared<ExportCommandOptions>();
  CLI::App *command = app.add_subcommand("export", "write a network with its weights for other runtimes");
  addSpecOptions(*command, options->spec);
  addSettings(*command, options->spec);
  command->add_option("--onnx", options->onnx, "the file to write, an ONNX model of opset 17")->required();
  command->add_option("--weights", options->weights, "weights (safetensors; default: initialised)");
  command->add_option("--names", options->names, namesMeaning("that file"));
  command->add_option("--seed", options->seed, "of the initialisation where no weights are given");
  addLayers(*command, options->spec.layers, "are outputs too");
  command->callback([options] { exportSpec(*options); });
}

} // namespace kinema

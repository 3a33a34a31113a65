#include "runtime/Checkpoint.h"

#include "runtime/Error.h"

#include <nlohmann/json.hpp>

using nlohmann::json;

namespace kinema {
namespace {

constexpr const char *formatKey = "kinema.checkpoint";
constexpr const char *formatVersion = "1";

// Doubles are written with as many digits as bring back the same bits.
json toJson(const TrainingState &state) {
  return {{"epoch", state.epoch},
          {"batch", state.batch},
          {"sums",
           {{"clips", state.sums.clips},
            {"top1", state.sums.top1},
            {"top5", state.sums.top5},
            {"loss", state.sums.loss}}},
          {"best", state.best},
          {"best_epoch", state.bestEpoch}};
}

TrainingState parseState(const json &document) {
  TrainingState state;
  document.at("epoch").get_to(state.epoch);
  document.at("batch").get_to(state.batch);
  document.at("sums").at("clips").get_to(state.sums.clips);
  document.at("sums").at("top1").get_to(state.sums.top1);
  document.at("sums").at("top5").get_to(state.sums.top5);
  document.at("sums").at("loss").get_to(state.sums.loss);
  document.at("best").get_to(state.best);
  document.at("best_epoch").get_to(state.bestEpoch);
  return state;
}

std::string metadata(const TensorFile &file, const std::string &key, const std::string &path) {
  auto found = file.metadata.find(key);
  if (found == file.metadata.end())
    fail("checkpoint {} has no {}", path, key);
  return found->second;
}

void loadMomentum(Program &program, const TensorFile &file, const std::string &path) {
  for (const Parameter &parameter : program.manifest().parameters) {
    if (!parameter.momentum)
      continue;
    ArenaTensor momentum = parameter.momentumTensor();
    const FileTensor *tensor = file.find(momentum.name);
    if (!tensor || tensor->type != momentum.type || tensor->shape != momentum.fileShape)
      fail("checkpoint {} has no tensor {} of {}", path, momentum.name,
           describe(momentum.type, momentum.fileShape));
    program.set(momentum, tensor->as<float>());
  }
}

} // namespace

bool isCheckpoint(const TensorFile &file) { return file.metadata.contains(formatKey); }

void saveCheckpoint(Program &program, const TrainingState &state, const Recipe &recipe,
                    const std::string &path) {
  TensorFile file = program.storeWeights();
  for (const Parameter &parameter : program.manifest().parameters)
    if (parameter.momentum) {
      ArenaTensor momentum = parameter.momentumTensor();
      file.tensors.push_back(program.store(momentum, momentum.name));
    }
  file.metadata = {{formatKey, formatVersion},
                   {"package", program.manifest().name},
                   {"recipe", toJson(recipe).dump()},
                   {"state", toJson(state).dump()}};
  writeTensors(path, file);
}

TrainingState loadCheckpoint(Program &program, const std::string &path, Recipe &recipe) {
  TensorFile file = readTensors(path);
  if (!isCheckpoint(file))
    fail("{} holds weights but is no checkpoint: start from it with --weights instead of --resume", path);
  if (std::string version = file.metadata.at(formatKey); version != formatVersion)
    fail("checkpoint {} has format {}, this runtime reads format {}", path, version, formatVersion);
  if (std::string package = metadata(file, "package", path); package != program.manifest().name)
    fail("checkpoint {} is of network {}, the package is of {}", path, package, program.manifest().name);
  TrainingState state;
  try {
    state = parseState(json::parse(metadata(file, "state", path)));
    recipe = parseRecipe(json::parse(metadata(file, "recipe", path)));
  } catch (const json::exception &) {
    fail("checkpoint {} is damaged: its state cannot be read", path);
  }
  program.loadWeights(file, path);
  loadMomentum(program, file, path);
  return state;
}

} // namespace kinema

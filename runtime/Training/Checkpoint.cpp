#include "runtime/Training/Checkpoint.h"

#include "runtime/Support/Error.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

using nlohmann::json;

namespace kinema {
namespace {

constexpr const char *formatVersion = "3";

// Doubles are written with as many digits as bring back the same bits.
json toJson(const std::optional<LossScale> &scale) {
  if (!scale)
    return nullptr;
  return {{"coming", scale->coming},
          {"latest", scale->latest},
          {"sound", scale->sound},
          {"skipped", scale->skipped}};
}

std::optional<LossScale> parseLossScale(const json &document, const std::string &path) {
  const auto found = document.find("loss_scale"); // which the checkpoints of earlier releases do not have
  if (found == document.end() || found->is_null())
    return std::nullopt;
  LossScale scale;
  found->at("coming").get_to(scale.coming);
  found->at("latest").get_to(scale.latest);
  found->at("sound").get_to(scale.sound);
  found->at("skipped").get_to(scale.skipped);
  const bool isWhole =
      scale.coming.size() == LossScale().coming.size() &&
      std::ranges::all_of(scale.coming, [](double next) { return std::isfinite(next) && next > 0; });
  if (!isWhole || !(scale.latest > 0))
    fail("checkpoint {} is damaged: its loss scales are not {} positive numbers", path,
         LossScale().coming.size());
  return scale;
}

json toJson(const TrainingState &state) {
  return {{"epoch", state.epoch},
          {"batch", state.batch},
          {"updates", state.count.updates},
          {"accumulated", state.count.batches},
          {"loss_scale", toJson(state.lossScale)},
          {"sums",
           {{"clips", state.sums.clips},
            {"top1", state.sums.top1},
            {"top5", state.sums.top5},
            {"loss", state.sums.loss}}},
          {"best", state.best},
          {"best_epoch", state.bestEpoch}};
}

TrainingState parseState(const json &document, const std::string &path) {
  TrainingState state;
  document.at("epoch").get_to(state.epoch);
  document.at("batch").get_to(state.batch);
  document.at("updates").get_to(state.count.updates);
  document.at("accumulated").get_to(state.count.batches);
  state.lossScale = parseLossScale(document, path);
  document.at("sums").at("clips").get_to(state.sums.clips);
  document.at("sums").at("top1").get_to(state.sums.top1);
  document.at("sums").at("top5").get_to(state.sums.top5);
  document.at("sums").at("loss").get_to(state.sums.loss);
  document.at("best").get_to(state.best);
  document.at("best_epoch").get_to(state.bestEpoch);
  return state;
}

json toJson(const RunOrigin &origin) {
  auto list = [](const RunOrigin::List &of) {
    return json{{"file", of.file}, {"videos", of.videos}, {"digest", of.digest}};
  };
  return {{"network", origin.network}, {"train", list(origin.train)},          {"test", list(origin.test)},
          {"decoder", origin.decoder}, {"class_weights", origin.classWeights}, {"settings", origin.settings}};
}

RunOrigin parseOrigin(const json &document) {
  RunOrigin origin;
  document.at("network").get_to(origin.network);
  for (auto [name, list] : {std::pair{"train", &origin.train}, {"test", &origin.test}}) {
    document.at(name).at("file").get_to(list->file);
    document.at(name).at("videos").get_to(list->videos);
    document.at(name).at("digest").get_to(list->digest);
  }
  origin.decoder = document.value("decoder", ""); // which earlier checkpoints do not name
  origin.classWeights = document.value("class_weights", "");
  document.at("settings").get_to(origin.settings);
  return origin;
}

std::string metadata(const TensorFile &file, const std::string &key, const std::string &path) {
  auto found = file.metadata.find(key);
  if (found == file.metadata.end())
    fail("checkpoint {} has no {}", path, key);
  return found->second;
}

// Finds the states of each parameter in the file and pairs them with their places.
std::vector<std::pair<ArenaTensor, const FileTensor *>>
matchStates(const Manifest &manifest, const TensorFile &file, const std::string &path) {
  std::vector<std::pair<ArenaTensor, const FileTensor *>> found;
  for (const Parameter &parameter : manifest.parameters)
    for (ArenaTensor &state : manifest.keptStates(parameter)) {
      const FileTensor *tensor = file.find(state.name);
      if (!tensor || tensor->type != state.type || tensor->shape != state.fileShape)
        fail("checkpoint {} has no tensor {} of {}", path, state.name, describe(state.type, state.fileShape));
      found.emplace_back(std::move(state), tensor);
    }
  return found;
}

bool lacksStates(const Manifest &manifest, const TensorFile &file) {
  return std::ranges::any_of(manifest.parameters, [&](const Parameter &parameter) {
    return std::ranges::any_of(manifest.keptStates(parameter),
                               [&](const ArenaTensor &state) { return !file.find(state.name); });
  });
}

// Throws Error where the checkpoint was made by other updates than the package's, whose states mean nothing
// to these or are too few for them.
void checkUpdates(const Manifest &manifest, const Recipe &recipe, const TensorFile &file,
                  const std::string &path) {
  const bool isOther =
      recipe.train.optimiser != manifest.recipe.train.optimiser || lacksStates(manifest, file);
  std::vector<std::string> differences = compiledDifferences(recipe, manifest.recipe);
  if (isOther && !differences.empty())
    fail("checkpoint {} was trained by other code than the package's: {}; compile the spec as it was, or "
         "start from the checkpoint's weights with --weights",
         path, fmt::join(differences, ", "));
}

CheckpointRecord parseRecord(const TensorFile &file, const std::string &path) {
  if (!isCheckpoint(file))
    fail("{} holds weights but is no checkpoint: start from it with --weights instead of --resume", path);
  if (std::string version = file.metadata.at(checkpointKey); version != formatVersion)
    fail("checkpoint {} has format {}, this runtime reads format {}", path, version, formatVersion);
  try {
    return {{parseState(json::parse(metadata(file, "state", path)), path),
             parseRecipe(json::parse(metadata(file, "recipe", path))),
             parseOrigin(json::parse(metadata(file, "origin", path))), classNamesIn(file)},
            metadata(file, "package", path)};
  } catch (const json::exception &) {
    fail("checkpoint {} is damaged: its state cannot be read", path);
  }
}

Checkpoint parseCheckpoint(const Manifest &manifest, const TensorFile &file, const std::string &path) {
  CheckpointRecord record = parseRecord(file, path);
  if (record.network != manifest.name)
    fail("checkpoint {} is of network {}, the package is of {}", path, record.network, manifest.name);
  matchWeights(manifest, file, path);
  checkUpdates(manifest, record.recipe, file, path);
  matchStates(manifest, file, path);
  return record;
}

// Writes JSON as text. The names of files need not be UTF-8, so faulty bytes are replaced.
std::string textOf(const json &document) {
  return document.dump(-1, ' ', true, json::error_handler_t::replace);
}

} // namespace

// A name that is not UTF-8 is written as the list of its bytes: it is that of a folder and has to be found
// again.
void nameClasses(const std::vector<std::string> &classes, TensorFile &weights) {
  if (classes.empty())
    return;
  json names = json::array();
  for (const std::string &name : classes)
    if (json::parse(textOf(name)) == json(name))
      names.push_back(name);
    else
      names.push_back(std::vector<uint8_t>(name.begin(), name.end()));
  weights.metadata[classesKey] = names.dump(-1, ' ', true);
}

std::vector<std::string> classNamesIn(const TensorFile &weights) {
  auto found = weights.metadata.find(classesKey);
  if (found == weights.metadata.end())
    return {};
  std::vector<std::string> names;
  json document = json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  for (const json &name : document)
    if (name.is_string()) {
      names.push_back(name.get<std::string>());
    } else if (name.is_array()) {
      std::string &bytes = names.emplace_back();
      for (const json &byte : name)
        bytes += byte.is_number_unsigned() ? static_cast<char>(byte.get<uint8_t>()) : '?';
    }
  return names;
}

void saveCheckpoint(Program &program, const Checkpoint &checkpoint, const std::string &path) {
  TensorFile file = program.storeWeights();
  for (const Parameter &parameter : program.manifest().parameters)
    for (const ArenaTensor &state : program.manifest().keptStates(parameter))
      file.tensors.push_back(program.store(state, state.name));
  file.metadata = {{checkpointKey, formatVersion},
                   {"package", program.manifest().name},
                   {"recipe", textOf(toJson(checkpoint.recipe))},
                   {"state", textOf(toJson(checkpoint.state))},
                   {"origin", textOf(toJson(checkpoint.origin))}};
  nameClasses(checkpoint.classes, file);
  writeTensors(path, file);
}

CheckpointRecord readCheckpointRecord(const std::string &path) {
  return parseRecord(readTensorHeader(path), path);
}

Checkpoint readCheckpoint(const Manifest &manifest, const std::string &path) {
  return parseCheckpoint(manifest, readTensorHeader(path), path);
}

Checkpoint loadCheckpoint(Program &program, const std::string &path) {
  TensorFile file = readTensors(path);
  Checkpoint checkpoint = parseCheckpoint(program.manifest(), file, path);
  program.loadWeights(file, path);
  for (const auto &[state, tensor] : matchStates(program.manifest(), file, path))
    program.set(state, tensor->as<float>());
  return checkpoint;
}

} // namespace kinema

#include "runtime/Commands/RunRecord.h"

#include "runtime/Commands/EvaluationFiles.h"
#include "runtime/Data/ClassNames.h"
#include "runtime/Package/Package.h"
#include "runtime/Plots/RunFolder.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "runtime/Training/Metrics.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <sstream>

using nlohmann::json;

namespace kinema {
namespace {

JudgedVideo parseVideo(const json &line) {
  JudgedVideo video;
  line.at("video").get_to(video.video);
  line.at("label").get_to(video.label);
  line.at("rank").get_to(video.rank);
  line.at("said").get_to(video.said);
  const json &scores = line.at("scores");
  if (video.label < 0 || video.said < 0) // nlohmann takes a negative number for a large one
    throw std::out_of_range("label");
  scores.at(static_cast<size_t>(video.label)).get_to(video.score);
  scores.at(static_cast<size_t>(video.said)).get_to(video.saidScore);
  video.labels = {{video.label, video.rank}};
  if (line.contains("labels")) {
    const auto all = scores.get<std::vector<double>>();
    video.labels.clear();
    for (const json &label : line.at("labels")) {
      const auto number = label.get<int64_t>();
      if (number < 0 || number >= static_cast<int64_t>(all.size()))
        throw std::out_of_range("labels");
      video.labels.emplace_back(number, rankOf(number, std::span<const double>(all)));
    }
  }
  return video;
}

} // namespace

std::vector<JudgedVideo> readJudgedVideos(const std::string &path) {
  std::vector<JudgedVideo> videos;
  std::istringstream lines(readFile(path));
  for (std::string line; std::getline(lines, line);)
    try {
      videos.push_back(parseVideo(json::parse(line)));
    } catch (const std::exception &) {
      fail("{}:{}: this is no line that an evaluation with labels writes", path, videos.size() + 1);
    }
  return videos;
}

int64_t RunRecord::classes() const {
  auto count = static_cast<int64_t>(checkpoint.classes.size());
  for (const JudgedVideo &video : videos) {
    count = std::max({count, video.label + 1, video.said + 1});
    for (const auto &[label, rank] : video.labels)
      count = std::max(count, label + 1);
  }
  return count;
}

std::string RunRecord::nameOf(int64_t label) const {
  return nameOfClass(checkpoint.classes, label, "class ");
}

RunRecord readRun(const std::string &folder) {
  auto fileOf = [&](const char *name) { return run_files::in(folder, name); };
  auto exists = [&](const std::string &file) { return std::filesystem::exists(file); };
  if (!exists(fileOf(run_files::last)))
    refuse("{} holds no training: there is no {}; name the folder that `train --out` had", folder,
           fileOf(run_files::last));
  RunRecord run{.checkpoint = readCheckpointRecord(fileOf(run_files::last)),
                .epochs = {},
                .steps = {},
                .videos = {},
                .spec = {}};
  if (std::string file = fileOf(run_files::curves); exists(file))
    run.epochs = parseRows(readFile(file), file);
  if (std::string file = fileOf(run_files::steps); exists(file))
    run.steps = readSteps(file);
  if (std::string file = run_files::in(fileOf(run_files::test), evaluation_files::videos); exists(file))
    run.videos = readJudgedVideos(file);
  if (std::string file = fileOf(run_files::package); exists(file))
    if (Package package(file); package.has(specEntry))
      run.spec = package.read(specEntry);
  return run;
}

} // namespace kinema

#include "runtime/Commands/EvaluationFiles.h"

#include "runtime/Data/ClassNames.h"
#include "runtime/Plots/Matrix.h"
#include "runtime/Support/Files.h"

#include <nlohmann/json.hpp>

using nlohmann::json;

namespace kinema {
namespace {

// Quotes a field of a table where it has to be (RFC 4180).
std::string field(const std::string &text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos)
    return text;
  std::string quoted = "\"";
  for (char c : text)
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

} // namespace

std::string scoresText(const Evaluation &evaluation, const BatchSource &source,
                       const std::vector<std::string> &names, bool labelled) {
  std::string text;
  for (const VideoScore &video : evaluation.scores.all()) {
    nlohmann::ordered_json line = {{"video", source.videoName(video.video)}};
    if (labelled) {
      line["label"] = video.label();
      if (!names.empty())
        line["class"] = nameOfClass(names, video.label());
      if (evaluation.scores.hasSeveralLabels())
        line["labels"] = video.labels;
      line["rank"] = rankOf(video.label(), std::span<const double>(video.scores));
    }
    line["said"] = video.said();
    if (!names.empty())
      line["said_class"] = nameOfClass(names, video.said());
    line["clips"] = video.clips;
    line["scores"] = video.scores;
    text += line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  }
  return text;
}

TensorFile featuresFile(const Evaluation &evaluation, const BatchSource &source, bool labelled) {
  TensorFile file;
  const std::vector<VideoScore> videos = evaluation.scores.all();
  const int64_t count = static_cast<int64_t>(videos.size());
  for (const LayerFeatures &layer : evaluation.features) {
    FileTensor &tensor =
        file.tensors.emplace_back(layer.name, ElementType::F32, std::vector<int64_t>{count, layer.channels});
    for (int64_t i = 0; i < count; ++i)
      layer.read(videos[i].video, tensor.as<float>().subspan(i * layer.channels, layer.channels));
  }
  json names = json::array();
  for (const VideoScore &video : videos)
    names.push_back(source.videoName(video.video));
  file.metadata["videos"] = names.dump(-1, ' ', true, json::error_handler_t::replace);
  if (!labelled)
    return file;
  std::vector<int64_t> shape = {count};
  if (evaluation.scores.hasSeveralLabels())
    shape.push_back(count > 0 ? static_cast<int64_t>(videos.front().scores.size()) : 0);
  FileTensor &labels = file.tensors.emplace_back("labels", ElementType::I32, shape);
  for (int64_t i = 0; i < count; ++i)
    if (shape.size() == 1)
      labels.as<int32_t>()[i] = videos[i].label();
    else
      for (int32_t label : videos[i].labels)
        labels.as<int32_t>()[i * shape[1] + label] = 1;
  return file;
}

std::string classesText(const Evaluation &evaluation, const std::vector<std::string> &names) {
  std::vector<ClassCount> counts(evaluation.videos.classes());
  for (const VideoScore &video : evaluation.scores.all())
    for (int32_t label : video.labels)
      counts[label].add(rankOf(label, std::span<const double>(video.scores)));
  std::string text = "label,name,videos,top1,top5,top1_share,top5_share\n";
  for (size_t label = 0; label < counts.size(); ++label) {
    const ClassCount &own = counts[label];
    auto share = [&](int64_t right) {
      return own.videos == 0 ? std::string() : fmt::format("{:.6g}", own.share(right));
    };
    text +=
        fmt::format("{},{},{},{},{},{},{}\n", label, field(nameOfClass(names, static_cast<int64_t>(label))),
                    own.videos, own.top1, own.top5, share(own.top1), share(own.top5));
  }
  return text;
}

std::string confusionText(const Evaluation &evaluation, const std::vector<std::string> &names) {
  const int64_t classes = evaluation.videos.classes();
  std::string text = "class";
  for (int64_t said = 0; said < classes; ++said)
    text += "," + field(nameOfClass(names, said));
  text += "\n";
  for (int64_t label = 0; label < classes; ++label) {
    text += field(nameOfClass(names, label));
    for (int64_t said = 0; said < classes; ++said)
      text += fmt::format(",{}", evaluation.videos.confusion[label * classes + said]);
    text += "\n";
  }
  return text;
}

void prepareEvaluation(const std::string &folder) {
  makeDirectory(folder);
  for (const char *name : evaluation_files::all)
    removeLeftovers(fmt::format("{}/{}", folder, name));
  checkWritable(fmt::format("{}/{}", folder, evaluation_files::videos));
}

void writeEvaluation(const std::string &folder, const Evaluation &evaluation, const BatchSource &source,
                     const std::vector<std::string> &names) {
  std::vector<std::string> all;
  for (int64_t label = 0; label < evaluation.videos.classes(); ++label)
    all.push_back(nameOfClass(names, label));
  auto write = [&](const char *name, const std::string &text) {
    writeFile(fmt::format("{}/{}", folder, name), text);
  };
  write(evaluation_files::videos, scoresText(evaluation, source, names, /*labelled=*/true));
  write(evaluation_files::classes, classesText(evaluation, names));
  write(evaluation_files::confusion, confusionText(evaluation, names));
  write(evaluation_files::picture, drawMatrix("videos of each class (rows) by what was said (columns)", all,
                                              evaluation.videos.confusion));
}

} // namespace kinema

#include "runtime/Training/Evaluator.h"

#include "runtime/Support/Clock.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Interrupt.h"
#include "runtime/Training/RankSums.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>

using nlohmann::json;

namespace kinema {
namespace {

ProgressState stateOf(const std::string &phase, const BatchSource &source, const ClipMetrics &clips,
                      int64_t batch, double seconds, double waited) {
  ProgressState state;
  state.phase = phase;
  state.done = clips.clips;
  state.total = source.clips();
  state.clipsPerSecond = static_cast<double>(clips.clips) / seconds;
  state.loss = clips.meanLoss();
  state.accuracy = clips.share(clips.top1);
  state.secondsLeft = seconds / static_cast<double>(batch) * static_cast<double>(source.batches() - batch);
  state.waiting = waited / seconds;
  return state;
}

// A Figure is a share, and in words of what.
struct Figure {
  double share;
  std::string meaning;
};

std::map<std::string, Figure> figuresOf(const Evaluation &evaluation) {
  auto ratio = [](int64_t right, int64_t all) {
    return Figure{static_cast<double>(right) / static_cast<double>(all), fmt::format("{} of {}", right, all)};
  };
  const auto &[clips, videos] = std::tie(evaluation.clips, evaluation.videos);
  std::map<std::string, Figure> figures = {{"video_top1", ratio(videos.top1, videos.videos)},
                                           {"video_top5", ratio(videos.top5, videos.videos)}};
  if (clips.clips > 0) {
    figures["clip_top1"] = ratio(clips.top1, clips.clips);
    figures["clip_top5"] = ratio(clips.top5, clips.clips);
  }
  if (evaluation.meanAveragePrecision)
    figures["video_map"] = {*evaluation.meanAveragePrecision, "mean average precision of the classes"};
  return figures;
}

bool reports(const EvalRecipe &recipe, const std::string &figure) {
  return std::find(recipe.report.begin(), recipe.report.end(), figure) != recipe.report.end();
}

// Throws Error where scores are not finite, since the weights have then diverged and no class is the most
// probable.
void checkScores(const std::vector<float> &logits, int64_t count, const std::string &phase) {
  if (!std::all_of(logits.begin(), logits.begin() + count, [](float score) { return std::isfinite(score); }))
    fail("{}: the network's scores are not finite: its weights have diverged or hold NaN", phase);
}

// Adds the features of a batch, which `outputs` have.
void addFeatures(Program &program, const std::vector<const OutputTensor *> &outputs, const Batch &batch,
                 std::vector<LayerFeatures> &features) {
  for (size_t i = 0; i < outputs.size(); ++i)
    features[i].add(program.get(*outputs[i]), batch.labels, batch.videos);
}

// Returns why the first of some videos could not be read, for the end of a message.
std::string firstOf(const std::vector<Unreadable> &unreadable) {
  return unreadable.empty() ? "" : fmt::format(", such as {}: {}", unreadable[0].name, unreadable[0].reason);
}

// Makes logits of probabilities, whose softmax they are. The bound is that of the loss (`clip.log`).
void takeLogarithms(std::vector<float> &probabilities) {
  for (float &value : probabilities)
    value = std::log(std::max(value, 0x1p-100f));
}

} // namespace

void reportUnreadable(const std::vector<Unreadable> &unreadable, Progress &progress) {
  for (const Unreadable &video : unreadable)
    progress.note(fmt::format("cannot read {}: {}; it is left out", video.name, video.reason));
}

bool tooManyMissing(int64_t missing, int64_t videos, const DataRecipe &data) {
  // A share of 29% as it is written is the quotient of 29 and 100, but 29 is above 0.29 * 100 as it is
  // rounded.
  return missing > 0 && static_cast<double>(missing) / static_cast<double>(videos) > data.missing;
}

void checkMissing(const std::string &list, int64_t missing, int64_t videos, const DataRecipe &data) {
  if (!tooManyMissing(missing, videos, data))
    return;
  const double share = static_cast<double>(missing) / static_cast<double>(videos);
  fail("{}: {} of {} videos cannot be read, {:.1f}%, and data.missing allows {:.1f}%: mend them, take them "
       "off "
       "the list, or allow more with --set data.missing={:.0f}%",
       list, missing, videos, 100 * share, 100 * data.missing, std::ceil(100 * share));
}

void setInputs(Program &program, const Batch &batch) {
  const Manifest &manifest = program.manifest();
  if (batch.inputs.size() != manifest.inputs.size())
    fail("a batch has {} inputs, {} takes {}", batch.inputs.size(), manifest.name, manifest.inputs.size());
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    const InputTensor &input = manifest.inputs[i];
    if (static_cast<int64_t>(batch.inputs[i].size()) != input.elements())
      fail("the clips have {} values a batch, input {} of {} takes {} [{}]: frames and crop of the recipe "
           "must be the package's",
           batch.inputs[i].size(), input.name, manifest.name, input.elements(), fmt::join(input.shape, ", "));
    program.set(input, batch.inputs[i]);
  }
}

const ArenaTensor &scoresOf(const Manifest &manifest) {
  const ArenaTensor *probabilities = manifest.findOutput("infer", "probabilities");
  return probabilities ? *probabilities : manifest.output("infer", "logits");
}

Evaluation evaluate(Program &program, BatchSource &source, const Recipe &recipe, Progress &progress,
                    const std::string &phase, const std::vector<std::string> &layers, Ranks *ranks) {
  const Manifest &manifest = program.manifest();
  const std::vector<const OutputTensor *> features = featuresOf(manifest, layers);
  const ArenaTensor &output = scoresOf(manifest);
  std::vector<float> logits(output.elements());
  Evaluation result;
  const bool several = hasSeveralLabels(recipe.train);
  result.scores = VideoScores(manifest.classes, recipe.eval.average == "logits", several);
  for (const OutputTensor *layer : features)
    result.features.emplace_back(*layer);
  Batch batch;
  double start = now(), waited = 0;

  program.run("prepare");
  source.seek(0, 0);
  for (int64_t done = 1;; ++done) {
    double before = now();
    if (!source.next(batch))
      break;
    waited += now() - before;
    if (const char *signal = interruption())
      throw Error(fmt::format("{} stopped by {}", phase, signal));
    for (Unreadable &video : source.takeUnreadable())
      result.unreadable.push_back(std::move(video));
    if (batch.valid == 0)
      continue;
    setInputs(program, batch);
    program.run("infer");
    program.get(output, logits);
    checkScores(logits, batch.valid * manifest.classes, phase);
    if (output.name == "probabilities")
      takeLogarithms(logits);
    const std::vector<ClipLabels> labels = labelsOf(batch, source, several);
    result.clips.add(logits, labels, several);
    result.scores.add(logits, labels, batch.videos);
    addFeatures(program, features, batch, result.features);
    progress.update(stateOf(phase, source, result.clips, done, now() - start, waited));
  }
  for (Unreadable &video : source.takeUnreadable())
    result.unreadable.push_back(std::move(video));
  addOtherRanks(ranks, result);
  reportUnreadable(result.unreadable, progress);
  if (result.clips.clips == 0)
    fail("{}: none of {} videos could be read{}", phase, source.videos(), firstOf(result.unreadable));
  result.videos = result.scores.metrics();
  if (several || reports(recipe.eval, "video_map"))
    result.meanAveragePrecision = result.scores.meanAveragePrecision();
  result.missing = source.videos() - result.videos.videos;
  result.seconds = now() - start;
  result.waiting = waited / result.seconds;
  return result;
}

Evaluation fuse(const Evaluation &first, const Evaluation &second, double share) {
  Evaluation fused;
  fused.scores = VideoScores::fused(first.scores, second.scores, share);
  fused.videos = fused.scores.metrics();
  if (first.meanAveragePrecision)
    fused.meanAveragePrecision = fused.scores.meanAveragePrecision();
  fused.missing = first.missing + first.videos.videos - fused.videos.videos;
  return fused;
}

std::string describe(const Evaluation &evaluation, const EvalRecipe &recipe) {
  const ClipMetrics &clips = evaluation.clips;
  std::string text = clips.clips > 0 ? fmt::format("{} clips of ", clips.clips) : "";
  text += fmt::format("{} videos", evaluation.videos.videos);
  if (evaluation.missing > 0)
    text += fmt::format(" ({} more could not be read)", evaluation.missing);
  text += clips.clips > 0 ? fmt::format(", loss {:.4f}\n", clips.meanLoss()) : "\n";
  const auto figures = figuresOf(evaluation);
  std::vector<std::string> names = recipe.report;
  if (evaluation.meanAveragePrecision && !reports(recipe, "video_map"))
    names.emplace_back("video_map");
  for (const std::string &name : names)
    if (const auto figure = figures.find(name); figure != figures.end())
      text += fmt::format("{:<12}{:6.2f}%  ({})\n", name, 100 * figure->second.share, figure->second.meaning);
  return text;
}

json toJson(const Evaluation &evaluation) {
  json document = {{"videos", evaluation.videos.videos}};
  if (evaluation.clips.clips > 0)
    document.update({{"clips", evaluation.clips.clips},
                     {"loss", evaluation.clips.meanLoss()},
                     {"seconds", evaluation.seconds},
                     {"waiting", evaluation.waiting}});
  for (const auto &[name, figure] : figuresOf(evaluation))
    document[name] = figure.share;
  document["unreadable"] = json::array();
  for (const Unreadable &video : evaluation.unreadable)
    document["unreadable"].push_back({{"video", video.name}, {"reason", video.reason}});
  const int64_t classes = evaluation.videos.classes();
  for (int64_t label = 0; label < classes; ++label)
    document["confusion"].push_back(
        std::vector<int64_t>(evaluation.videos.confusion.begin() + label * classes,
                             evaluation.videos.confusion.begin() + (label + 1) * classes));
  return document;
}

} // namespace kinema

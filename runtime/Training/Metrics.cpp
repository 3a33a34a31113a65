#include "runtime/Training/Metrics.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace kinema {
namespace {

// Computes log(sum(exp(logits))) without overflow.
double logSumExp(std::span<const float> logits) {
  double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float logit : logits)
    sum += std::exp(logit - largest);
  return largest + std::log(sum);
}

std::span<const float> row(std::span<const float> logits, size_t clip, size_t clips) {
  size_t classes = logits.size() / clips;
  return logits.subspan(clip * classes, classes);
}

} // namespace

void softmax(std::span<const float> logits, std::span<double> scores) {
  double total = logSumExp(logits);
  for (size_t i = 0; i < logits.size(); ++i)
    scores[i] = std::exp(logits[i] - total);
}

static void sigmoid(std::span<const float> logits, std::span<double> scores) {
  for (size_t i = 0; i < logits.size(); ++i)
    scores[i] = 1 / (1 + std::exp(-static_cast<double>(logits[i])));
}

// Returns the labels that most of a clip has.
static std::vector<int32_t> mainLabels(const ClipLabels &labels) {
  double most = 0;
  for (auto [label, share] : labels)
    most = std::max(most, share);
  std::vector<int32_t> main;
  for (auto [label, share] : labels)
    if (share == most)
      main.push_back(label);
  return main;
}

// Returns a clip's cross entropy of the softmax, with its labels as targets.
static double softmaxEntropy(std::span<const float> logits, const ClipLabels &labels) {
  const double total = logSumExp(logits);
  double entropy = 0;
  for (auto [label, share] : labels)
    entropy += share * (total - logits[label]);
  return entropy;
}

// Returns the mean over the classes of a clip's cross entropies of sigmoids.
static double sigmoidEntropy(std::span<const float> logits, const ClipLabels &labels) {
  double entropy = 0;
  for (double logit : logits)
    entropy += std::max(logit, 0.0) + std::log1p(std::exp(-std::abs(logit)));
  std::map<int32_t, double> truths;
  for (auto [label, share] : labels)
    truths[label] += share;
  for (auto [label, truth] : truths)
    entropy -= std::min(truth, 1.0) * logits[label];
  return entropy / static_cast<double>(logits.size());
}

void ClipMetrics::add(std::span<const float> logits, std::span<const ClipLabels> labels, bool several) {
  for (size_t clip = 0; clip < labels.size(); ++clip) {
    if (labels[clip].empty())
      continue;
    std::span<const float> own = row(logits, clip, labels.size());
    const std::vector<int32_t> main = mainLabels(labels[clip]);
    const int64_t rank = rankOf(bestLabel(std::span(main), own), own);
    ++clips;
    top1 += rank < 1;
    top5 += rank < 5;
    loss += several ? sigmoidEntropy(own, labels[clip]) : softmaxEntropy(own, labels[clip]);
  }
}

void ClipMetrics::add(const ClipMetrics &others) {
  clips += others.clips;
  top1 += others.top1;
  top5 += others.top5;
  loss += others.loss;
}

void VideoScores::add(std::span<const float> logits, std::span<const ClipLabels> labels,
                      std::span<const int64_t> videos) {
  std::vector<double> scores(classes);
  for (size_t clip = 0; clip < labels.size(); ++clip) {
    if (labels[clip].empty())
      continue;
    std::span<const float> own = row(logits, clip, labels.size());
    if (averageLogits)
      std::copy(own.begin(), own.end(), scores.begin());
    else
      several ? sigmoid(own, scores) : softmax(own, scores);
    Sum &sum = sums[videos[clip]];
    sum.labels.clear();
    for (auto [label, share] : labels[clip])
      sum.labels.push_back(label);
    sum.scores.resize(classes);
    ++sum.clips;
    for (int64_t i = 0; i < classes; ++i)
      sum.scores[i] += scores[i];
  }
}

nlohmann::json VideoScores::toJson() const {
  auto list = nlohmann::json::array();
  for (const auto &[video, sum] : sums)
    list.push_back({video, sum.labels, sum.clips, sum.scores});
  return list;
}

void VideoScores::addFrom(const nlohmann::json &told) {
  for (const nlohmann::json &video : told) {
    Sum &sum = sums[video.at(0).get<int64_t>()];
    sum.labels = video.at(1).get<std::vector<int32_t>>();
    sum.clips += video.at(2).get<int64_t>();
    sum.scores.resize(classes);
    const auto scores = video.at(3).get<std::vector<double>>();
    for (int64_t i = 0; i < classes; ++i)
      sum.scores[i] += scores.at(i);
  }
}

VideoScores VideoScores::fused(const VideoScores &first, const VideoScores &second, double share) {
  VideoScores fused(first.classes, /*averageLogits=*/false, first.several);
  std::map<int64_t, VideoScore> others;
  for (VideoScore &video : second.all())
    others.emplace(video.video, std::move(video));
  for (const VideoScore &video : first.all()) {
    const auto other = others.find(video.video);
    if (other == others.end())
      continue;
    Sum &sum = fused.sums[video.video];
    sum = {video.labels, video.clips + other->second.clips, video.scores};
    for (size_t i = 0; i < sum.scores.size(); ++i) {
      sum.scores[i] += share * (other->second.scores[i] - sum.scores[i]);
      sum.scores[i] *= static_cast<double>(sum.clips); // of which `all` takes the mean
    }
  }
  return fused;
}

VideoMetrics VideoScores::metrics() const {
  VideoMetrics metrics;
  metrics.confusion.assign(classes * classes, 0);
  for (const auto &[video, sum] : sums) {
    const std::span<const double> scores(sum.scores);
    const int32_t label = bestLabel(std::span(sum.labels), scores);
    int64_t rank = rankOf(label, scores);
    int64_t said = std::max_element(sum.scores.begin(), sum.scores.end()) - sum.scores.begin();
    ++metrics.videos;
    metrics.top1 += rank < 1;
    metrics.top5 += rank < 5;
    ++metrics.confusion[label * classes + said];
  }
  return metrics;
}

namespace {

// A video as one class sees it.
struct Found {
  double score;
  bool isRight;
};

// Sums precision over the steps of recall; videos of equal scores are one step. Returns -1 where no video has
// the class.
double averagePrecision(std::vector<Found> found) {
  std::sort(found.begin(), found.end(), [](const Found &a, const Found &b) { return a.score > b.score; });
  double right = 0, sum = 0;
  for (size_t i = 0; i < found.size();) {
    double more = 0;
    const double score = found[i].score;
    for (; i < found.size() && found[i].score == score; ++i)
      more += found[i].isRight;
    right += more;
    sum += more * right / static_cast<double>(i);
  }
  return right > 0 ? sum / right : -1;
}

} // namespace

double VideoScores::meanAveragePrecision() const {
  const std::vector<VideoScore> videos = all();
  double sum = 0, present = 0;
  for (int64_t c = 0; c < classes; ++c) {
    std::vector<Found> found;
    for (const VideoScore &video : videos)
      found.push_back(
          {video.scores[c], std::find(video.labels.begin(), video.labels.end(), c) != video.labels.end()});
    const double precision = averagePrecision(std::move(found));
    sum += std::max(precision, 0.0);
    present += precision >= 0;
  }
  return present > 0 ? sum / present : 0;
}

int64_t VideoScore::said() const { return std::max_element(scores.begin(), scores.end()) - scores.begin(); }

int32_t VideoScore::label() const { return bestLabel(std::span(labels), std::span<const double>(scores)); }

std::vector<VideoScore> VideoScores::all() const {
  std::vector<VideoScore> videos;
  for (const auto &[video, sum] : sums) {
    VideoScore &own = videos.emplace_back(VideoScore{video, sum.labels, sum.clips, sum.scores});
    for (double &score : own.scores)
      score /= static_cast<double>(sum.clips);
    if (averageLogits) {
      std::vector<float> logits(own.scores.begin(), own.scores.end());
      several ? sigmoid(logits, own.scores) : softmax(logits, own.scores);
    }
  }
  return videos;
}

} // namespace kinema

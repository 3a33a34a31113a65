#include "runtime/Training/Metrics.h"

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

void ClipMetrics::add(std::span<const float> logits, std::span<const int32_t> labels) {
  for (size_t clip = 0; clip < labels.size(); ++clip) {
    if (labels[clip] < 0)
      continue;
    std::span<const float> own = row(logits, clip, labels.size());
    int64_t rank = rankOf(labels[clip], own);
    ++clips;
    top1 += rank < 1;
    top5 += rank < 5;
    loss += logSumExp(own) - own[labels[clip]];
  }
}

void VideoScores::add(std::span<const float> logits, std::span<const int32_t> labels,
                      std::span<const int64_t> videos) {
  std::vector<double> scores(classes);
  for (size_t clip = 0; clip < labels.size(); ++clip) {
    if (labels[clip] < 0)
      continue;
    std::span<const float> own = row(logits, clip, labels.size());
    if (averageLogits)
      std::copy(own.begin(), own.end(), scores.begin());
    else
      softmax(own, scores);
    Sum &sum = sums[videos[clip]];
    sum.label = labels[clip];
    sum.scores.resize(classes);
    ++sum.clips;
    for (int64_t i = 0; i < classes; ++i)
      sum.scores[i] += scores[i];
  }
}

VideoScores VideoScores::fused(const VideoScores &first, const VideoScores &second, double share) {
  VideoScores fused(first.classes, /*averageLogits=*/false);
  std::map<int64_t, VideoScore> others;
  for (VideoScore &video : second.all())
    others.emplace(video.video, std::move(video));
  for (const VideoScore &video : first.all()) {
    const auto other = others.find(video.video);
    if (other == others.end())
      continue;
    Sum &sum = fused.sums[video.video];
    sum = {video.label, video.clips + other->second.clips, video.scores};
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
    int64_t rank = rankOf(sum.label, std::span<const double>(sum.scores));
    int64_t said = std::max_element(sum.scores.begin(), sum.scores.end()) - sum.scores.begin();
    ++metrics.videos;
    metrics.top1 += rank < 1;
    metrics.top5 += rank < 5;
    ++metrics.confusion[sum.label * classes + said];
  }
  return metrics;
}

int64_t VideoScore::said() const { return std::max_element(scores.begin(), scores.end()) - scores.begin(); }

std::vector<VideoScore> VideoScores::all() const {
  std::vector<VideoScore> videos;
  for (const auto &[video, sum] : sums) {
    VideoScore &own = videos.emplace_back(VideoScore{video, sum.label, sum.clips, sum.scores});
    for (double &score : own.scores)
      score /= static_cast<double>(sum.clips);
    if (averageLogits) {
      std::vector<float> logits(own.scores.begin(), own.scores.end());
      softmax(logits, own.scores);
    }
  }
  return videos;
}

} // namespace kinema

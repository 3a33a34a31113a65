// Measures how often a network is right, over clips and over videos.
#pragma once

#include "runtime/Training/ClipLabels.h"

#include <nlohmann/json_fwd.hpp>

#include <cmath>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace kinema {

// Computes the softmax of one clip's logits. scores: [classes].
void softmax(std::span<const float> logits, std::span<double> scores);

// Counts the classes that come before `label`: those with a higher score and, of equal scores, those with a
// lower number. 0 means that the label comes first. A label whose score is not a number is never right.
template <typename Score> int64_t rankOf(int32_t label, std::span<const Score> scores) {
  int64_t before = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(scores.size()); ++i)
    if (i != label)
      before += !(scores[i] < scores[label] || (scores[i] == scores[label] && i > label));
  return before;
}

// Returns the label that comes first.
template <typename Score> int32_t bestLabel(std::span<const int32_t> labels, std::span<const Score> scores) {
  int32_t best = labels.front();
  for (int32_t label : labels)
    if (rankOf(label, scores) < rankOf(best, scores))
      best = label;
  return best;
}

// Sums figures over clips. Masked clips do not count.
class ClipMetrics {
public:
  // logits: [labels.size(), classes]. With `several` labels, each class is by itself true or not.
  void add(std::span<const float> logits, std::span<const ClipLabels> labels, bool several = false);

  void add(const ClipMetrics &others);

  int64_t clips = 0;
  int64_t top1 = 0, top5 = 0; // right clips: one of the labels that most of the clip has comes first
  double loss = 0;            // sum of the cross entropies, of several labels their means over the classes

  double share(int64_t right) const {
    return clips ? static_cast<double>(right) / static_cast<double>(clips) : 0;
  }
  double meanLoss() const { return clips ? loss / static_cast<double>(clips) : 0; }
};

// A VideoMetrics is the result of evaluating videos: the scores of each video's clips are averaged, then
// ranked.
struct VideoMetrics {
  int64_t videos = 0;
  int64_t top1 = 0, top5 = 0; // right videos: one of their labels comes first
  // Counts videos by their label (rows; of several, the one that the network found most probable) and by the
  // class that the network named: [classes, classes].
  std::vector<int64_t> confusion;

  int64_t classes() const { return std::llround(std::sqrt(static_cast<double>(confusion.size()))); }
  double share(int64_t right) const {
    return videos ? static_cast<double>(right) / static_cast<double>(videos) : 0;
  }
};

// A VideoScore is what the clips of one video said together.
struct VideoScore {
  int64_t video = 0;           // its number in the list
  std::vector<int32_t> labels; // one or several
  int64_t clips = 0;
  std::vector<double> scores; // mean, as probabilities, [classes]

  // Returns the label with the highest score.
  int32_t label() const;

  // Returns the class with the highest score; of equal ones, that with the lower number.
  int64_t said() const;
};

class VideoScores {
public:
  VideoScores() = default;
  // With `averageLogits`, logits are averaged instead of scores: softmax or, with `several` labels, sigmoids.
  VideoScores(int64_t classes, bool averageLogits, bool several = false)
      : classes(classes), averageLogits(averageLogits), several(several) {}

  bool hasSeveralLabels() const { return several; }

  // Adds clips. logits: [videos.size(), classes]; masked clips do not count.
  void add(std::span<const float> logits, std::span<const ClipLabels> labels,
           std::span<const int64_t> videos);

  // Says and adds what clips of the same videos, seen elsewhere, have said. Sums keep their bits.
  nlohmann::json toJson() const;
  void addFrom(const nlohmann::json &told);
  // Forgets what was added.
  void clear() { sums.clear(); }

  // Joins what two networks say of the videos that both have seen: the mean of their scores, as
  // probabilities, in which the second's have the weight `share`, from 0 to 1.
  static VideoScores fused(const VideoScores &first, const VideoScores &second, double share);

  VideoMetrics metrics() const;

  // Returns the mean of the classes' average precisions, as scikit-learn's average_precision_score has them:
  // over videos, and over the classes that some video has.
  double meanAveragePrecision() const;

  // Returns the videos of which clips were added, in the order of their numbers.
  std::vector<VideoScore> all() const;

private:
  struct Sum {
    std::vector<int32_t> labels;
    int64_t clips = 0;
    std::vector<double> scores; // [classes]
  };
  int64_t classes = 0;
  bool averageLogits = false, several = false;
  std::map<int64_t, Sum> sums; // by video
};

} // namespace kinema

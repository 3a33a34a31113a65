#include "runtime/Training/Metrics.h"

#include "runtime/Support/Random.h"
#include "runtime/Training/Evaluator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace kinema;

// Returns clips with one label each; -1 masks a clip.
static std::vector<ClipLabels> clipsOf(const std::vector<int32_t> &labels) {
  std::vector<ClipLabels> clips;
  for (int32_t label : labels)
    clips.push_back(label < 0 ? ClipLabels() : ClipLabels{{label}});
  return clips;
}

TEST(Metrics, RankCountsWhatComesBefore) {
  std::vector<double> scores = {0.1, 0.4, 0.4, 0.1};
  auto rank = [&](int32_t label) { return rankOf(label, std::span<const double>(scores)); };
  EXPECT_EQ(rank(1), 0);
  EXPECT_EQ(rank(2), 1) << "of equals the lower number comes first";
  EXPECT_EQ(rank(0), 2);
  EXPECT_EQ(rank(3), 3);
}

// The share that a message tells to allow is allowed, whatever it is.
TEST(Missing, AsManyAsTheRecipeAllows) {
  for (int percent = 0; percent <= 100; ++percent) {
    DataRecipe data;
    data.missing = percent / 100.0;
    EXPECT_FALSE(tooManyMissing(percent, 100, data)) << percent;
    EXPECT_TRUE(tooManyMissing(percent + 1, 100, data)) << percent;
  }
}

TEST(Metrics, NoNumberIsNeverRight) {
  float nan = std::numeric_limits<float>::quiet_NaN();
  ClipMetrics metrics;
  metrics.add(std::vector<float>{nan, nan, nan, 1, nan, 0}, clipsOf({0, 0}));
  EXPECT_EQ(metrics.clips, 2);
  EXPECT_EQ(metrics.top1, 0);
}

TEST(Metrics, LossIsTheCrossEntropy) {
  ClipMetrics metrics;
  metrics.add(std::vector<float>{1000, 1000, 0, 3}, clipsOf({0, 0}));
  EXPECT_NEAR(metrics.loss, std::log(2) + std::log(1 + std::exp(3.0)), 1e-9);
}

// The figures of clips in batches with masked rows are those of the clips alone.
TEST(Metrics, MaskedRowsDoNotCount) {
  constexpr int64_t classes = 7, clips = 23, batch = 5;
  std::vector<float> logits(clips * classes);
  std::vector<int32_t> labels(clips);
  std::vector<int64_t> videos(clips);
  for (int64_t i = 0; i < clips * classes; ++i)
    logits[i] = random::normal(3, 0, i);
  for (int64_t i = 0; i < clips; ++i) {
    videos[i] = i / 3;
    labels[i] = static_cast<int32_t>(random::below(classes, 3, 1, videos[i]));
  }
  ClipMetrics whole;
  whole.add(logits, clipsOf(labels));
  VideoScores wholeVideos(classes, false);
  wholeVideos.add(logits, clipsOf(labels), videos);

  ClipMetrics parts;
  VideoScores partVideos(classes, false);
  for (int64_t begin = 0; begin < clips; begin += batch) {
    std::vector<float> rows(batch * classes, 1e30f); // what masked rows hold does not matter
    std::vector<int32_t> own(batch, -1);
    std::vector<int64_t> ownVideos(batch, -1);
    for (int64_t i = 0; i < std::min(batch, clips - begin); ++i) {
      std::copy_n(logits.begin() + (begin + i) * classes, classes, rows.begin() + i * classes);
      own[i] = labels[begin + i];
      ownVideos[i] = videos[begin + i];
    }
    parts.add(rows, clipsOf(own));
    partVideos.add(rows, clipsOf(own), ownVideos);
  }
  EXPECT_EQ(parts.clips, clips);
  EXPECT_EQ(parts.top1, whole.top1);
  EXPECT_EQ(parts.top5, whole.top5);
  EXPECT_EQ(parts.loss, whole.loss);
  EXPECT_EQ(partVideos.metrics().videos, 8);
  EXPECT_EQ(partVideos.metrics().top1, wholeVideos.metrics().top1);
  EXPECT_EQ(partVideos.metrics().confusion, wholeVideos.metrics().confusion);
}

TEST(Metrics, TwoNetworksAreFusedByTheirScores) {
  VideoScores first(2, false),
      second(2, true); // the second averages logits, and is joined by probabilities too
  first.add(std::vector<float>{0, 1, 0, 1, 0, 3}, clipsOf({0, 0, 1}), std::vector<int64_t>{4, 4, 6});
  second.add(std::vector<float>{2, 0, 5, 0}, clipsOf({0, 0}), std::vector<int64_t>{4, 5});
  const double a = 1 / (1 + std::exp(1.0)), b = 1 / (1 + std::exp(-2.0)); // the probability of class 0
  for (double share : {0.0, 0.25, 1.0}) {
    VideoScores fused = VideoScores::fused(first, second, share);
    const std::vector<VideoScore> all = fused.all();
    ASSERT_EQ(all.size(), 1u); // the only one that both have seen
    EXPECT_EQ(all[0].video, 4);
    EXPECT_EQ(all[0].label(), 0);
    EXPECT_EQ(all[0].clips, 3);
    EXPECT_NEAR(all[0].scores[0], (1 - share) * a + share * b, 1e-6);
    EXPECT_NEAR(all[0].scores[0] + all[0].scores[1], 1, 1e-12);
    EXPECT_EQ(fused.metrics().top1, share == 1.0);
  }
}

TEST(Metrics, VideosAverageTheScoresOfTheirClips) {
  // Two clips say class 1 barely, one says class 0 with certainty: the mean says 0; so do the mean logits.
  std::vector<float> logits = {0, 0.1f, 0, 0.1f, 5, 0};
  std::vector<int32_t> labels = {0, 0, 0};
  std::vector<int64_t> videos = {4, 4, 4};
  for (bool averageLogits : {false, true}) {
    VideoScores scores(2, averageLogits);
    scores.add(logits, clipsOf(labels), videos);
    EXPECT_EQ(scores.metrics().videos, 1);
    EXPECT_EQ(scores.metrics().top1, 1);
    EXPECT_EQ(scores.metrics().confusion, (std::vector<int64_t>{1, 0, 0, 0}));
    const std::vector<VideoScore> all = scores.all();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].video, 4);
    EXPECT_EQ(all[0].clips, 3);
    EXPECT_EQ(all[0].said(), 0);
    EXPECT_NEAR(all[0].scores[0] + all[0].scores[1], 1, 1e-12);
  }
  VideoScores scores(2, false);
  scores.add(logits, clipsOf(labels), videos);
  double barely = 1 / (1 + std::exp(0.1)), certain = 1 / (1 + std::exp(-5.0));
  EXPECT_NEAR(scores.all()[0].scores[0], (2 * barely + certain) / 3, 1e-6);
}

// Of mixed clips the loss is that of both labels by their shares, and right is the label of most of the clip.
TEST(Metrics, MixedClipsHaveTwoLabels) {
  const std::vector<float> logits = {0, 2, 1};
  const double total = std::log(1 + std::exp(2.0) + std::exp(1.0));
  ClipMetrics metrics;
  metrics.add(logits, std::vector<ClipLabels>{{{0, 0.25}, {1, 0.75}}});
  EXPECT_NEAR(metrics.loss, 0.25 * total + 0.75 * (total - 2), 1e-9);
  EXPECT_EQ(metrics.top1, 1);
  metrics.add(logits, std::vector<ClipLabels>{{{0, 0.75}, {1, 0.25}}});
  EXPECT_EQ(metrics.top1, 1);
}

// PyTorch: F.binary_cross_entropy_with_logits(tensor([0., 2., -200.]), tensor([1., 0., 1.])) is 67.606691.
TEST(Metrics, SeveralLabelsAreRightIfOneOfThemComesFirst) {
  ClipMetrics metrics;
  metrics.add(std::vector<float>{0, 2, -200}, std::vector<ClipLabels>{{{0}, {2}}}, /*several=*/true);
  EXPECT_NEAR(metrics.loss, 67.606691, 1e-5);
  EXPECT_EQ(metrics.top1, 0);
  metrics.add(std::vector<float>{0, 2, -200}, std::vector<ClipLabels>{{{0}, {1}}}, /*several=*/true);
  EXPECT_EQ(metrics.top1, 1);

  VideoScores scores(3, false, /*several=*/true);
  scores.add(std::vector<float>{0, 2, -200}, std::vector<ClipLabels>{{{0}, {2}}}, std::vector<int64_t>{7});
  EXPECT_NEAR(scores.all()[0].scores[1], 1 / (1 + std::exp(-2.0)), 1e-9);
  EXPECT_EQ(scores.all()[0].label(), 0) << "the more probable of the two";
  EXPECT_EQ(scores.metrics().confusion[1], 1);
}

// As scikit-learn's average_precision_score has it: equal scores are one step, and a class that no video has
// does not count.
TEST(Metrics, MeanAveragePrecisionIsThatOfScikitLearn) {
  VideoScores scores(3, false, /*several=*/true);
  const std::vector<float> logits = {3, 0, 0, 2, 0, 1, 1, -1, 2, 0, -2, 3};
  scores.add(logits, std::vector<ClipLabels>{{{0}}, {{1}}, {{0}}, {{0}}}, std::vector<int64_t>{0, 1, 2, 3});
  // Class 0: right are the first, third and fourth of 3, 2, 1, 0: (1 + 2/3 + 3/4) / 3.
  // Class 1: its one video shares the first place with another: 1/2.
  EXPECT_NEAR(scores.meanAveragePrecision(), ((1 + 2.0 / 3 + 0.75) / 3 + 0.5) / 2, 1e-9);
}

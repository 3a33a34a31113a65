#include "runtime/Data/ClipSampler.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

using namespace kinema;
using namespace kinema::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

TEST(ClipSampler, NeedsVideos) {
  EXPECT_EQ(errorOf([] { ClipSampler::training({}, 0, 1, 7); }), "no videos to draw clips from");
}

TEST(Permuted, IsAPermutation) {
  for (int64_t count : {1, 2, 3, 4, 5, 17, 64, 65, 1000})
    for (uint64_t stream = 0; stream < 4; ++stream) {
      std::vector<int64_t> items;
      for (int64_t i = 0; i < count; ++i)
        items.push_back(permuted(i, count, 7, stream));
      std::sort(items.begin(), items.end());
      std::vector<int64_t> expected(count);
      std::iota(expected.begin(), expected.end(), 0);
      ASSERT_EQ(items, expected);
    }
}

// Each item lands in each place as often as in any other, and so does each pair of neighbours.
TEST(Permuted, IsUniform) {
  constexpr int count = 6, draws = 6000;
  int places[count][count] = {}, neighbours[count][count] = {};
  for (uint64_t stream = 0; stream < draws; ++stream)
    for (int i = 0; i < count; ++i) {
      ++places[i][permuted(i, count, 1, stream)];
      ++neighbours[permuted(i, count, 1, stream)][permuted((i + 1) % count, count, 1, stream)];
    }
  for (int i = 0; i < count; ++i)
    for (int j = 0; j < count; ++j) {
      EXPECT_NEAR(places[i][j], draws / count, 130);
      if (i != j) {
        EXPECT_NEAR(neighbours[i][j], draws / (count - 1), 160);
      }
    }
}

DataRecipe shortClips() {
  DataRecipe data;
  data.frames = 4;
  data.every = 2;
  return data;
}

TEST(TrainingSampler, EachVideoOnceARound) {
  ClipSampler sampler = ClipSampler::training(shortClips(), 10, 25, 3);
  EXPECT_EQ(sampler.clips(), 25);
  std::vector<int64_t> firstRounds;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::map<int64_t, int> counts;
    for (int64_t n = 0; n < 25; ++n) {
      ++counts[sampler.draw(epoch, n).video];
      if (n == 9 || n == 19) {
        for (int64_t video = 0; video < 10; ++video) {
          ASSERT_EQ(counts[video], n == 9 ? 1 : 2);
        }
      }
      if (n < 10)
        firstRounds.push_back(sampler.draw(epoch, n).video);
    }
  }
  EXPECT_FALSE(std::equal(firstRounds.begin(), firstRounds.begin() + 10, firstRounds.begin() + 10));
  EXPECT_FALSE(std::equal(firstRounds.begin() + 10, firstRounds.begin() + 20, firstRounds.begin() + 20));
}

TEST(TrainingSampler, DependsOnSeedEpochAndNumberAlone) {
  ClipSampler one = ClipSampler::training(shortClips(), 50, 0, 3),
              same = ClipSampler::training(shortClips(), 50, 0, 3),
              other = ClipSampler::training(shortClips(), 50, 0, 4);
  int equal = 0;
  for (int64_t n = 49; n >= 0; --n) {
    ClipDraw a = one.draw(2, n), b = same.draw(2, n), c = other.draw(2, n);
    EXPECT_EQ(a.video, b.video);
    EXPECT_EQ(a.start, b.start);
    EXPECT_EQ(a.right, b.right);
    EXPECT_EQ(a.flip, b.flip);
    equal += a.start == c.start || a.start == one.draw(1, n).start;
  }
  EXPECT_EQ(equal, 0);
}

TEST(TrainingSampler, DrawsAreUniform) {
  DataRecipe data = shortClips();
  data.flip = 0.25;
  ClipSampler sampler = ClipSampler::training(data, 1, 4000, 5);
  double start = 0, down = 0, right = 0, startDown = 0;
  int flips = 0;
  for (int64_t n = 0; n < 4000; ++n) {
    ClipDraw draw = sampler.draw(0, n);
    ASSERT_TRUE(draw.start >= 0 && draw.start < 1);
    start += draw.start;
    down += draw.down;
    right += draw.right;
    startDown += draw.start * draw.down;
    flips += draw.flip;
  }
  EXPECT_NEAR(start / 4000, 0.5, 0.02);
  EXPECT_NEAR(down / 4000, 0.5, 0.02);
  EXPECT_NEAR(right / 4000, 0.5, 0.02);
  EXPECT_NEAR(startDown / 4000, 0.25, 0.02);
  EXPECT_NEAR(flips, 1000, 100);
}

TEST(TrainingSampler, FixedPlaces) {
  DataRecipe data = shortClips();
  data.start = "first";
  data.at = "centre";
  data.flip = 0;
  ClipDraw draw = ClipSampler::training(data, 1, 1, 5).draw(0, 0);
  EXPECT_EQ(draw.start, 0);
  EXPECT_EQ(draw.down, 0.5);
  EXPECT_EQ(draw.right, 0.5);
  EXPECT_FALSE(draw.flip);
}

class SampledFrames : public testing::Test {
protected:
  std::vector<int64_t> frames(const ClipSampler &sampler, int64_t n, int videoFrames) {
    const std::string file = folder / fmt::format("{}.mp4", videoFrames);
    if (!std::filesystem::exists(file))
      makeH264(file, videoFrames, 36, 48, 1);
    VideoReader video(file);
    return sampler.frames(sampler.draw(0, n), video);
  }
  TemporaryFolder folder;
};

TEST_F(SampledFrames, TrainingCoversAllStarts) {
  ClipSampler sampler = ClipSampler::training(shortClips(), 1, 60, 5); // span 7 of 10 frames: starts 0 .. 3
  std::set<int64_t> starts;
  for (int64_t n = 0; n < 60; ++n) {
    std::vector<int64_t> numbers = frames(sampler, n, 10);
    const int64_t first = numbers[0];
    starts.insert(first);
    EXPECT_THAT(numbers, ElementsAre(first, first + 2, first + 4, first + 6));
  }
  EXPECT_THAT(starts, ElementsAre(0, 1, 2, 3));
}

TEST_F(SampledFrames, ShortVideosAreRepeated) {
  ClipSampler sampler = ClipSampler::training(shortClips(), 1, 1, 5);
  EXPECT_THAT(frames(sampler, 0, 5), ElementsAre(0, 2, 4, 1));
  EXPECT_THAT(frames(sampler, 0, 1), ElementsAre(0, 0, 0, 0));
}

TEST_F(SampledFrames, EvaluationIsSpreadFromStartToEnd) {
  EvalRecipe eval;
  eval.clips = 3;
  ClipSampler sampler = ClipSampler::evaluation(shortClips(), eval, 2, 1);
  EXPECT_EQ(sampler.clips(), 6);
  EXPECT_EQ(sampler.draw(0, 2).video, 0);
  EXPECT_EQ(sampler.draw(0, 3).video, 1);
  EXPECT_EQ(frames(sampler, 0, 27)[0], 0);
  EXPECT_EQ(frames(sampler, 1, 27)[0], 10);
  EXPECT_EQ(frames(sampler, 2, 27)[0], 20);
  eval.clips = 1;
  EXPECT_EQ(frames(ClipSampler::evaluation(shortClips(), eval, 1, 1), 0, 27)[0], 10);
}

TEST_F(SampledFrames, Segments) {
  EvalRecipe eval;
  eval.segments = 4;
  ClipSampler sampler = ClipSampler::evaluation(shortClips(), eval, 2, 1);
  EXPECT_EQ(sampler.clips(), 2);
  EXPECT_THAT(frames(sampler, 0, 40), ElementsAre(5, 15, 25, 35));
  EXPECT_THAT(frames(sampler, 0, 2), ElementsAre(0, 0, 1, 1));
  eval.segments = 5;
  EXPECT_THAT(errorOf([&] { ClipSampler::evaluation(shortClips(), eval, 2, 1); }),
              HasSubstr("eval.segments is 5"));
}

TEST_F(SampledFrames, AtAnotherRate) {
  DataRecipe data = shortClips();
  data.start = "first";
  data.fps = 12.5; // half the videos' rate
  EXPECT_THAT(frames(ClipSampler::training(data, 1, 1, 5), 0, 30), ElementsAre(0, 4, 8, 12));
  data.every = 1;
  data.fps = 50;
  EXPECT_THAT(frames(ClipSampler::training(data, 1, 1, 5), 0, 30), ElementsAre(0, 0, 1, 1));
}

TEST(EvaluationSampler, ThreeCrops) {
  EvalRecipe eval;
  eval.clips = 2;
  eval.at = "three";
  ClipSampler sampler = ClipSampler::evaluation(shortClips(), eval, 2, 1);
  EXPECT_EQ(sampler.clips(), 12);
  for (int64_t n = 0; n < 12; ++n) {
    ClipDraw draw = sampler.draw(0, n);
    EXPECT_EQ(draw.video, n / 6);
    EXPECT_EQ(draw.start, n / 3 % 2);
    EXPECT_EQ(draw.right, n % 3 * 0.5);
    EXPECT_TRUE(draw.alongLonger);
  }
}

} // namespace

#include "runtime/Data/ClipSampler.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

using namespace kinema;
using namespace kinema::test;
using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::Lt;

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

TEST_F(SampledFrames, FramesAroundFollowEachOther) {
  ClipSampler sampler =
      ClipSampler::training(shortClips(), 1, 60, 5, {1, 2}); // span 7 of frames 1 .. 9 of 12
  std::set<int64_t> starts;
  for (int64_t n = 0; n < 60; ++n) {
    std::vector<int64_t> numbers = frames(sampler, n, 12);
    ASSERT_EQ(numbers.size(), 4u * 4);
    starts.insert(numbers[1]);
    for (int64_t i = 0; i < 16; ++i)
      EXPECT_EQ(numbers[i], numbers[1] + i / 4 * 2 + i % 4 - 1);
  }
  EXPECT_THAT(starts, ElementsAre(1, 2, 3));
}

TEST_F(SampledFrames, FramesAroundEndWithTheVideo) {
  ClipSampler sampler = ClipSampler::training(shortClips(), 1, 1, 5, {1, 2});
  EXPECT_THAT(frames(sampler, 0, 5), ElementsAre(0, 0, 1, 2, 1, 2, 3, 4, 3, 4, 4, 4, 0, 1, 2, 3));
  DataRecipe data = shortClips();
  data.segments = 4;
  data.start = "first";
  EXPECT_THAT(frames(ClipSampler::training(data, 1, 1, 5, {0, 1}), 0, 9), // parts of frames 0 .. 7
              ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
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
              HasSubstr("eval.segments: 5 segments for clips of 4 frames"));
}

TEST_F(SampledFrames, SegmentsOfTraining) {
  DataRecipe data = shortClips();
  data.segments = 4;
  ClipSampler sampler = ClipSampler::training(data, 1, 200, 5);
  std::set<int64_t> seen;
  for (int64_t n = 0; n < 200; ++n) {
    std::vector<int64_t> numbers = frames(sampler, n, 22); // parts begin at 0, 5, 11, 16
    EXPECT_THAT(numbers[0], AllOf(Ge(0), Lt(5)));
    EXPECT_THAT(numbers[1], AllOf(Ge(5), Lt(11)));
    EXPECT_THAT(numbers[2], AllOf(Ge(11), Lt(16)));
    EXPECT_THAT(numbers[3], AllOf(Ge(16), Lt(22)));
    seen.insert(numbers.begin(), numbers.end());
  }
  EXPECT_EQ(seen.size(), 22u);
  EXPECT_THAT(frames(sampler, 0, 2), ElementsAre(0, 0, 1, 1));
  data.start = "first";
  EXPECT_THAT(frames(ClipSampler::training(data, 1, 1, 5), 0, 22), ElementsAre(0, 5, 11, 16));
  data.start = "middle";
  EXPECT_THAT(frames(ClipSampler::training(data, 1, 1, 5), 0, 22), ElementsAre(2, 8, 13, 19));
}

TEST_F(SampledFrames, SegmentsOfSeveralFrames) {
  DataRecipe data = shortClips(); // of four frames, every other one
  data.segments = 2;
  data.start = "first";
  EXPECT_THAT(frames(ClipSampler::training(data, 1, 1, 5), 0, 22), ElementsAre(0, 2, 10, 12));
  data.start = "middle";
  EXPECT_THAT(frames(ClipSampler::training(data, 1, 1, 5), 0, 22), ElementsAre(5, 7, 15, 17));
  EXPECT_THAT(frames(ClipSampler::training(data, 1, 1, 5), 0, 2), ElementsAre(0, 0, 0, 0));
  data.start = "random";
  ClipSampler sampler = ClipSampler::training(data, 1, 200, 5);
  std::set<int64_t> seen;
  for (int64_t n = 0; n < 200; ++n) {
    std::vector<int64_t> numbers = frames(sampler, n, 22);
    EXPECT_THAT(numbers[0], AllOf(Ge(0), Lt(10)));
    EXPECT_THAT(numbers[2], AllOf(Ge(10), Lt(20)));
    EXPECT_EQ(numbers[1], numbers[0] + 2);
    EXPECT_EQ(numbers[3], numbers[2] + 2);
    seen.insert(numbers.begin(), numbers.end());
  }
  EXPECT_EQ(seen.size(), 22u);
  EvalRecipe eval;
  eval.segments = 2;
  EXPECT_THAT(frames(ClipSampler::evaluation(shortClips(), eval, 1, 1), 0, 40), ElementsAre(9, 11, 28, 30));
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

TEST(EvaluationSampler, EachClipAtEachScale) {
  EvalRecipe eval;
  eval.clips = 2;
  eval.at = "three";
  eval.scales = {24, 32};
  ClipSampler sampler = ClipSampler::evaluation(shortClips(), eval, 2, 1);
  EXPECT_EQ(sampler.clips(), 24);
  EXPECT_EQ(sampler.clipsInARow(), 12);
  for (int64_t n = 0; n < 24; ++n) {
    ClipDraw draw = sampler.draw(0, n);
    EXPECT_EQ(draw.video, n / 12);
    EXPECT_EQ(draw.start, n / 6 % 2);
    EXPECT_EQ(draw.shortSide, n / 3 % 2 ? 32 : 24);
    EXPECT_EQ(draw.right, n % 3 * 0.5);
  }
}

TEST(TrainingSampler, RepeatsVideos) {
  DataRecipe data = shortClips();
  data.repeat = 3;
  ClipSampler sampler = ClipSampler::training(data, 10, 0, 3);
  EXPECT_EQ(sampler.clips(), 30);
  std::set<int64_t> videos;
  std::set<double> starts;
  for (int64_t n = 0; n < 30; ++n) {
    EXPECT_EQ(sampler.draw(1, n).video, sampler.draw(1, n / 3 * 3).video);
    videos.insert(sampler.draw(1, n).video);
    starts.insert(sampler.draw(1, n).start);
  }
  EXPECT_EQ(videos.size(), 10u);
  EXPECT_EQ(starts.size(), 30u);
}

class Views : public testing::Test {
protected:
  static constexpr PictureSize video{120, 160};
  DataRecipe data = [] {
    DataRecipe data = shortClips();
    data.crop = {56, 56};
    data.resize = {64, 86};
    return data;
  }();

  // Calls check(view) for many clips, each of which must lie within its picture.
  template <typename Check> void forViews(Check &&check) const {
    ClipSampler sampler = ClipSampler::training(data, 1, 1000, 5);
    for (int64_t n = 0; n < 1000; ++n) {
      const ClipView view = sampler.view(sampler.draw(2, n), video);
      ASSERT_GT(std::min(view.region.height, view.region.width), 0);
      ASSERT_GE(std::min(view.origin.top, view.origin.left), 0);
      ASSERT_LE(view.origin.top + view.region.height, view.picture.height);
      ASSERT_LE(view.origin.left + view.region.width, view.picture.width);
      check(view);
    }
  }
};

TEST_F(Views, ShortSidesAreDrawn) {
  data.shortSide = 60;
  data.shortTo = 63;
  std::map<int, int> heights;
  forViews([&](const ClipView &view) {
    ++heights[view.picture.height];
    EXPECT_EQ(view.picture.width, std::lround(view.picture.height * 160 / 120.0));
    EXPECT_EQ(view.region, (PictureSize{56, 56}));
  });
  EXPECT_EQ(heights.size(), 4u);
  for (auto [height, count] : heights)
    EXPECT_NEAR(count, 250, 60);
}

TEST_F(Views, ResizedRegionsHaveTheirAreaAndAspect) {
  data.at = "resized";
  data.area = {0.25, 0.5};
  data.aspect = {0.5, 2};
  double areas = 0, aspects = 0;
  forViews([&](const ClipView &view) {
    const double area = double(view.region.height) * view.region.width / (64 * 86);
    const double aspect = double(view.region.width) / view.region.height;
    EXPECT_THAT(area, AllOf(Ge(0.24), Lt(0.51)));
    EXPECT_THAT(aspect, AllOf(Ge(0.48), Lt(2.1)));
    areas += area;
    aspects += std::log(aspect);
  });
  EXPECT_NEAR(areas / 1000, 0.375, 0.01);
  EXPECT_NEAR(aspects / 1000, 0, 0.05);
}

// No region of the whole area has such an aspect, so the largest one in the frame is taken.
TEST_F(Views, ARegionThatNeverFits) {
  data.at = "resized";
  data.area = {1, 1};
  data.aspect = {3, 3};
  forViews([&](const ClipView &view) { EXPECT_EQ(view.region, (PictureSize{29, 86})); });
  data.aspect = {0.5, 0.5};
  forViews([&](const ClipView &view) { EXPECT_EQ(view.region, (PictureSize{64, 32})); });
  data.resize = {16, 640};
  data.aspect = {0.01, 0.01};
  forViews([&](const ClipView &view) { EXPECT_EQ(view.region, (PictureSize{16, 1})) << "not empty"; });
}

TEST_F(Views, ScaledRegionsLieInCornersAndTheCentre) {
  data.at = "scaled";
  data.scales = {0.5, 0.75, 1};
  std::map<std::pair<int, int>, int> sizes, places;
  forViews([&](const ClipView &view) {
    ++sizes[{view.region.height, view.region.width}];
    const int down = view.picture.height - view.region.height;
    if (view.region == PictureSize{48, 48})
      ++places[{view.origin.top * 2 / down, view.origin.left * 2 / (86 - 48)}];
  });
  EXPECT_EQ(sizes.size(), 7u); // 32x64 and 64x32 are not neighbours
  EXPECT_EQ(sizes.count({32, 64}), 0u);
  EXPECT_EQ(places.size(), 5u);
  EXPECT_EQ(places.count({1, 1}), 1u);
}

TEST_F(Views, ColoursAreDrawn) {
  data.brightness = 0.4;
  data.hue = 0.1;
  data.gray = 0.2;
  std::set<std::array<ColourStep, 4>> orders;
  int grays = 0;
  forViews([&](const ClipView &view) {
    EXPECT_THAT(view.colours.brightness, AllOf(Ge(0.6f), Lt(1.4f)));
    EXPECT_EQ(view.colours.contrast, 1);
    EXPECT_THAT(view.colours.hue, AllOf(Ge(-0.1f), Lt(0.1f)));
    orders.insert(view.colours.order);
    grays += view.colours.gray;
  });
  EXPECT_EQ(orders.size(), 24u);
  EXPECT_NEAR(grays, 200, 50);
  EvalRecipe eval;
  ClipSampler evaluation = ClipSampler::evaluation(data, eval, 1, 1);
  EXPECT_TRUE(evaluation.view(evaluation.draw(0, 0), video).colours.areKept());
}

TEST_F(Views, ContradictionsAreRefused) {
  auto error = [&] { return errorOf([&] { ClipSampler::training(data, 1, 1, 5); }); };
  data.shortTo = 70;
  EXPECT_EQ(error(), "data.short_to: short_to needs the short side from which it goes: write `resize "
                     "short=256 short_to=320`");
  data.shortSide = 80;
  EXPECT_EQ(error(), "data.short_to: short_to is 70, less than short, which is 80");
  data.shortTo = 0;
  data.shortSide = 50;
  EXPECT_EQ(error(), "data.short: frames are resized to less than the crop of 56x56");
  data.at = "scaled";
  data.scales = {};
  EXPECT_EQ(error(), "data.scales: a scaled crop needs a scale: leave scales= out");
  EvalRecipe eval;
  eval.crop = {56, 56};
  eval.scales = {40, 64};
  data.at = "resized";
  EXPECT_EQ(errorOf([&] { ClipSampler::evaluation(data, eval, 1, 5); }),
            "eval.scales: frames are resized to less than the crop of 56x56");
  eval.scales = {64.5};
  EXPECT_EQ(errorOf([&] { ClipSampler::evaluation(data, eval, 1, 5); }),
            "eval.scales: a short side is a whole number of pixels");
}

} // namespace

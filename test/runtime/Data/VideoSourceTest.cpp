#include "runtime/Data/VideoSource.h"
#include "runtime/Data/LoaderBench.h"
#include "runtime/Support/Error.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <set>

using namespace kinema;
using namespace kinema::test;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class VideoSourceTest : public testing::Test {
protected:
  // Seven videos of 20 to 26 frames, labelled 0 to 6.
  void SetUp() override {
    std::string lines;
    for (int i = 0; i < 7; ++i) {
      makeH264(folder / fmt::format("v{}.mp4", i), 20 + i, 36, 48, i);
      lines += fmt::format("v{}.mp4 {}\n", i, i);
    }
    writeText(folder / "list.txt", lines);
    list = readVideoList(folder / "list.txt", 7);
    recipe.data.frames = 4;
    recipe.data.resize = {32, 40};
    recipe.data.crop = recipe.eval.crop = {24, 28};
    recipe.eval.clips = 3;
  }

  std::unique_ptr<VideoSource> training(int threads, int64_t batch = 3, int64_t memory = 1 << 30) {
    return VideoSource::training(list, recipe, {batch, threads, memory, inputs});
  }

  // Compares a frame of input 2, which is gray and has every fourth of the 9 frames of input 0.
  void expectGray(const Batch &batch, int64_t clip, int64_t frame) const;

  static std::vector<Batch> epoch(VideoSource &source) {
    std::vector<Batch> batches;
    for (Batch batch; source.next(batch); batch = {})
      batches.push_back(batch);
    return batches;
  }

  static bool same(const Batch &a, const Batch &b) {
    return a.inputs == b.inputs && a.labels == b.labels && a.videos == b.videos && a.valid == b.valid;
  }

  static bool same(const std::vector<Batch> &a, const std::vector<Batch> &b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const Batch &x, const Batch &y) { return same(x, y); });
  }

  TemporaryFolder folder;
  VideoList list;
  Recipe recipe;
  std::vector<InputForm> inputs;
};

TEST_F(VideoSourceTest, AnEpochIsEveryVideoOnce) {
  auto source = training(2);
  EXPECT_EQ(source->batches(), 3);
  EXPECT_EQ(source->clips(), 7);
  EXPECT_EQ(source->videos(), 7);
  EXPECT_EQ(source->videoName(2), folder / "v2.mp4");
  EXPECT_THAT(source->videoLabels(2), ElementsAre(2));
  std::vector<Batch> batches = epoch(*source);
  ASSERT_EQ(batches.size(), 3u);
  std::multiset<int64_t> videos;
  for (const Batch &batch : batches) {
    ASSERT_EQ(batch.inputs[0].size(), 3u * 3 * 4 * 24 * 28);
    for (int64_t i = 0; i < batch.valid; ++i) {
      videos.insert(batch.videos[i]);
      EXPECT_EQ(batch.labels[i], batch.videos[i]);
    }
  }
  EXPECT_THAT(videos, ElementsAre(0, 1, 2, 3, 4, 5, 6));
  // The last batch holds one clip; the others are masked.
  const Batch &last = batches.back();
  EXPECT_EQ(last.valid, 1);
  EXPECT_THAT(std::vector<int32_t>(last.labels.begin() + 1, last.labels.end()), ElementsAre(-1, -1));
  EXPECT_THAT(std::vector<float>(last.inputs[0].begin() + 3 * 4 * 24 * 28, last.inputs[0].end()), Each(0.0f));
}

TEST_F(VideoSourceTest, TheNumberOfThreadsChangesNothing) {
  recipe.train.clips = 17;
  auto one = training(1), two = training(2), five = training(5, 3, 1);
  for (int round = 0; round < 3; ++round) {
    std::vector<Batch> expected = epoch(*one);
    EXPECT_EQ(expected.size(), 6u);
    EXPECT_TRUE(same(expected, epoch(*two)));
    EXPECT_TRUE(same(expected, epoch(*five)));
  }
}

// Returns the clips of batches one after the other, without what is masked.
std::vector<float> clipsOf(const std::vector<Batch> &batches, int64_t clipFloats) {
  std::vector<float> clips;
  for (const Batch &batch : batches)
    clips.insert(clips.end(), batch.inputs[0].begin(), batch.inputs[0].begin() + batch.valid * clipFloats);
  return clips;
}

// In batches of one clip, each clip is decoded by itself.
TEST_F(VideoSourceTest, ClipsDecodedTogetherAreThoseDecodedAlone) {
  constexpr int64_t clipFloats = 3 * 4 * 24 * 28;
  recipe.data.repeat = 3;
  recipe.data.shortSide = 30;
  recipe.data.shortTo = 34;
  recipe.data.at = "resized";
  recipe.data.hue = 0.1;
  std::vector<Batch> together = epoch(*training(2, 8));
  EXPECT_EQ(clipsOf(together, clipFloats), clipsOf(epoch(*training(1, 1)), clipFloats));
  EXPECT_EQ(together.size(), 3u);
  EXPECT_EQ(together[0].videos[0], together[0].videos[2]);
  EXPECT_NE(together[0].videos[2], together[0].videos[3]);

  recipe.eval.at = "three";
  recipe.eval.scales = {28, 32};
  auto evaluated = [&](int64_t batch) {
    return epoch(*VideoSource::evaluation(list, recipe, {batch, 2, 1 << 30}));
  };
  together = evaluated(20);
  EXPECT_EQ(together.size(), 7u); // 7 videos x 3 clips x 2 sizes x 3 crops
  EXPECT_EQ(clipsOf(together, clipFloats), clipsOf(evaluated(1), clipFloats));
}

TEST_F(VideoSourceTest, EpochsDiffer) {
  auto source = training(2);
  EXPECT_FALSE(same(epoch(*source), epoch(*source)));
}

TEST_F(VideoSourceTest, AClipIsWhatTheSamplerSays) {
  auto source = training(2);
  Batch batch;
  ASSERT_TRUE(source->next(batch));
  ClipSampler sampler = ClipSampler::training(recipe.data, 7, 0, recipe.train.seed);
  for (int64_t i = 0; i < 3; ++i) {
    ClipDraw draw = sampler.draw(0, i);
    VideoReader video(list.videos[draw.video].path);
    std::vector<uint8_t> rgb(4 * 32 * 40 * 3);
    video.read(sampler.frames(draw, video), 32, 40, rgb.data());
    std::vector<float> clip(3 * 4 * 24 * 28);
    std::vector<const uint8_t *> frames;
    for (int t = 0; t < 4; ++t)
      frames.push_back(&rgb[t * 32 * 40 * 3]);
    ClipTransform(recipe.data.mean, recipe.data.std)
        .apply(frames, sampler.view(draw, {36, 48}), {24, 28}, clip.data());
    EXPECT_EQ(batch.videos[i], draw.video);
    EXPECT_TRUE(std::equal(clip.begin(), clip.end(),
                           batch.inputs[0].begin() + i * static_cast<int64_t>(clip.size())));
  }
}

// Returns a clip's frame of one channel of an input, [24, 28].
std::vector<float> frameOf(const Batch &batch, int64_t input, int64_t frames, int64_t clip, int64_t channel,
                           int64_t frame) {
  const int64_t pixels = 24 * 28;
  const std::vector<float> &all = batch.inputs[input];
  const auto channels = static_cast<int64_t>(all.size()) / (3 * frames * pixels); // in batches of 3
  auto first = all.begin() + ((clip * channels + channel) * frames + frame) * pixels;
  return {first, first + pixels};
}

void VideoSourceTest::expectGray(const Batch &batch, int64_t clip, int64_t frame) const {
  const std::vector<double> &mean = recipe.data.mean, &std = recipe.data.std;
  auto gray = [](auto colour) { return 0.2989 * colour(0) + 0.587 * colour(1) + 0.114 * colour(2); };
  std::vector<float> planes[3], found = frameOf(batch, 2, 3, clip, 0, frame);
  for (int64_t channel = 0; channel < 3; ++channel)
    planes[channel] = frameOf(batch, 0, 9, clip, channel, 4 * frame);
  const bool isMasked = clip >= batch.valid;
  for (size_t i = 0; i < found.size(); ++i) {
    const double value = gray([&](int c) { return planes[c][i] * std[c] + mean[c]; });
    const double normalised =
        (value - gray([&](int c) { return mean[c]; })) / gray([&](int c) { return std[c]; });
    ASSERT_NEAR(found[i], isMasked ? 0 : normalised, 1e-5);
  }
}

TEST_F(VideoSourceTest, InputsOfAClipAreMadeOfTheSameFrames) {
  recipe.data.frames = 9;
  recipe.data.at = "resized";
  recipe.data.brightness = recipe.data.contrast = recipe.data.saturation = recipe.data.hue = 0.2;
  std::vector<Batch> alone = epoch(*training(2));
  inputs = {{"rgb", 3, 9, 1}, {"rgb", 3, 2, 8}, {"gray", 1, 3, 4}};
  std::vector<Batch> batches = epoch(*training(2));
  ASSERT_EQ(batches.size(), alone.size());
  for (size_t n = 0; n < batches.size(); ++n) {
    const Batch &batch = batches[n];
    ASSERT_EQ(batch.inputs.size(), 3u);
    EXPECT_EQ(batch.inputs[0], alone[n].inputs[0]);
    EXPECT_EQ(batch.inputs[1].size(), 3u * 3 * 2 * 24 * 28);
    EXPECT_EQ(batch.inputs[2].size(), 3u * 1 * 3 * 24 * 28);
    for (int64_t clip = 0; clip < 3; ++clip) {
      for (int64_t channel = 0; channel < 3; ++channel)
        for (int64_t frame : {0, 1})
          EXPECT_EQ(frameOf(batch, 1, 2, clip, channel, frame),
                    frameOf(batch, 0, 9, clip, channel, 8 * frame));
      for (int64_t frame : {0, 1, 2})
        expectGray(batch, clip, frame);
    }
  }
}

TEST_F(VideoSourceTest, SeveralInputsGoOnFromAnywhere) {
  recipe.data.frames = 9;
  inputs = {{"gray", 1, 9, 1}, {"rgb", 3, 2, 8}};
  auto whole = training(1);
  epoch(*whole);
  std::vector<Batch> second = epoch(*whole);
  auto resumed = training(3);
  resumed->seek(1, 1);
  Batch batch;
  ASSERT_TRUE(resumed->next(batch));
  EXPECT_TRUE(same(batch, second[1]));
}

TEST_F(VideoSourceTest, SeveralInputsCloseUp) {
  inputs = {{"rgb", 3, 4, 1}, {"gray", 1, 2, 2}};
  auto evaluation = [&] { return VideoSource::evaluation(list, recipe, {4, 1, 1 << 30, inputs}); };
  std::vector<Batch> whole = epoch(*evaluation());
  writeText(folder / "v1.mp4", "no video");
  std::vector<Batch> batches = epoch(*evaluation());
  for (size_t i : {0, 1}) { // of the clips 4 to 7, those of video 1 are left out
    const size_t two = batches[1].inputs[i].size() / 2;
    EXPECT_TRUE(std::equal(batches[1].inputs[i].begin(), batches[1].inputs[i].begin() + two,
                           whole[1].inputs[i].begin() + two));
    EXPECT_TRUE(std::all_of(batches[1].inputs[i].begin() + two, batches[1].inputs[i].end(),
                            [](float x) { return x == 0; }));
  }
}

TEST_F(VideoSourceTest, InputsThatNoClipFills) {
  inputs = {{"rgb", 3, 3, 2}};
  EXPECT_EQ(errorOf([&] { training(1); }), "clips have 4 frames, the inputs span 5");
  inputs = {{"gray", 3, 4, 1}};
  EXPECT_EQ(errorOf([&] { training(1); }), "an input of kind gray has 1 channel, found 3");
  inputs = {{"sound", 1, 4, 1}};
  EXPECT_EQ(errorOf([&] { training(1); }),
            "videos give no input of kind sound: compute its tensors yourself and use run");
}

TEST_F(VideoSourceTest, GoesOnFromAnywhere) {
  auto whole = training(2);
  std::vector<Batch> first = epoch(*whole), second = epoch(*whole);
  auto resumed = training(3);
  Batch batch;
  resumed->seek(1, 1);
  ASSERT_TRUE(resumed->next(batch));
  EXPECT_TRUE(same(batch, second[1]));
  resumed->seek(0, 2); // backwards
  ASSERT_TRUE(resumed->next(batch));
  EXPECT_TRUE(same(batch, first[2]));
  EXPECT_FALSE(resumed->next(batch));
  EXPECT_TRUE(same(epoch(*resumed), second));
  resumed->seek(0, 3); // the end of epoch 0
  EXPECT_FALSE(resumed->next(batch));
  ASSERT_TRUE(resumed->next(batch));
  EXPECT_TRUE(same(batch, second[0]));
  EXPECT_THAT(errorOf([&] { resumed->seek(0, 4); }), HasSubstr("no batch 4 in epoch 0: an epoch has 3"));
}

TEST_F(VideoSourceTest, Evaluation) {
  auto source = VideoSource::evaluation(list, recipe, {4, 2});
  EXPECT_EQ(source->clips(), 21);
  EXPECT_EQ(source->batches(), 6);
  std::vector<Batch> batches = epoch(*source);
  EXPECT_THAT(batches[1].videos, ElementsAre(1, 1, 2, 2));
  EXPECT_EQ(batches[5].valid, 1);
  EXPECT_TRUE(same(batches, epoch(*source)));
  source->seek(7, 0); // epochs of an evaluation are all alike
  EXPECT_TRUE(same(batches, epoch(*source)));
}

TEST_F(VideoSourceTest, UnreadableVideosAreLeftOutAndReportedOnce) {
  std::vector<Batch> whole = epoch(*VideoSource::evaluation(list, recipe, {4, 1}));
  std::filesystem::remove(folder / "v1.mp4");
  writeText(folder / "v6.mp4", "no video");
  auto source = VideoSource::evaluation(list, recipe, {4, 3});
  for (int round = 0; round < 2; ++round) {
    std::vector<Batch> batches = epoch(*source);
    ASSERT_EQ(batches.size(), 6u);
    EXPECT_THAT(batches[0].videos, ElementsAre(0, 0, 0, -1));
    EXPECT_EQ(batches[0].valid, 3);
    EXPECT_THAT(batches[1].labels,
                ElementsAre(2, 2, -1, -1)); // video 1 came before them: they have closed up
    const size_t two = batches[1].inputs[0].size() / 2;
    EXPECT_TRUE(std::equal(batches[1].inputs[0].begin(), batches[1].inputs[0].begin() + two,
                           whole[1].inputs[0].begin() + two));
    EXPECT_TRUE(std::all_of(batches[1].inputs[0].begin() + two, batches[1].inputs[0].end(),
                            [](float x) { return x == 0; }));
    EXPECT_EQ(batches[5].valid, 0);
    std::vector<Unreadable> unreadable = source->takeUnreadable();
    if (round == 1) {
      EXPECT_TRUE(unreadable.empty());
      continue;
    }
    ASSERT_EQ(unreadable.size(), 2u);
    EXPECT_EQ(unreadable[0].video, 1);
    EXPECT_EQ(unreadable[0].name, folder / "v1.mp4");
    EXPECT_EQ(unreadable[0].reason, "no such file");
    EXPECT_EQ(unreadable[1].reason, "not a video that FFmpeg can read");
  }
}

TEST_F(VideoSourceTest, FramesThatWouldTakeTooMuchMemory) {
  makeH264(folder / "v1.mp4", 20, 16, 640, 1);
  recipe.data.shortSide = 4000; // so frames would have 4000x160000 pixels
  recipe.eval.clips = 1;
  list.videos.resize(2);
  list.videos.erase(list.videos.begin());
  auto source = VideoSource::evaluation(list, recipe, {1, 1, 1 << 30});
  Batch batch;
  ASSERT_TRUE(source->next(batch));
  EXPECT_EQ(batch.valid, 0);
  std::vector<Unreadable> unreadable = source->takeUnreadable();
  ASSERT_EQ(unreadable.size(), 1u);
  EXPECT_THAT(unreadable[0].reason, HasSubstr("the scaled frames of a clip take"));
}

TEST_F(VideoSourceTest, AVideoSmallerThanTheCrop) {
  recipe.data.resize = {0, 0};
  recipe.data.crop = {40, 40};
  auto source = training(2);
  Batch batch;
  ASSERT_TRUE(source->next(batch));
  EXPECT_EQ(batch.valid, 0);
  ASSERT_FALSE(source->takeUnreadable().empty());
}

TEST_F(VideoSourceTest, StaysWithinItsMemory) {
  const int64_t batchBytes = 3 * 3 * 4 * 24 * 28 * 4;
  const int64_t scratchBytes = 32 * 40 * 3 * 4;
  EXPECT_EQ(training(1, 3, 1)->memory(), 2 * batchBytes + scratchBytes); // two batches at the least
  EXPECT_EQ(training(2, 3, 3 * batchBytes)->memory(), 3 * batchBytes + 2 * scratchBytes);
  EXPECT_LE(training(2, 3, 100 * batchBytes)->memory(), 5 * batchBytes + 2 * scratchBytes);
}

TEST_F(VideoSourceTest, Statistics) {
  auto source = training(2);
  epoch(*source);
  LoaderStatistics statistics = source->statistics();
  EXPECT_GE(statistics.clips, 7);
  EXPECT_GT(statistics.decodeSeconds, 0);
  EXPECT_GT(statistics.waitSeconds, 0);
}

TEST_F(VideoSourceTest, ItsSpeed) {
  auto source = training(1);
  LoaderSpeed speed = measureLoader(*source, 15);
  EXPECT_GT(speed.first, 0);
  EXPECT_GT(speed.coreSeconds, 0);
  EXPECT_LT(speed.later * speed.coreSeconds, 1.5) << "more than one thread can do";
  EXPECT_GE(source->statistics().clips, 4 * 7) << "an epoch, and as many as 15 clips take";

  writeText(folder / "v3.mp4", "no video");
  source = training(1);
  EXPECT_THROW(measureLoader(*source, 1), Error);
}

TEST_F(VideoSourceTest, CanBeLeftAtAnyTime) {
  for (int batches = 0; batches < 3; ++batches) {
    auto source = training(4);
    Batch batch;
    for (int i = 0; i < batches; ++i)
      source->next(batch);
  }
}

// Left out, it would depend on the time which videos a network is trained on.
TEST_F(VideoSourceTest, FramesOfAFileThatWasReplacedAreNotKeptForTheNewOne) {
  recipe.data.start = "first";
  writeText(folder / "list.txt", "v0.mp4 0\n");
  list = readVideoList(folder / "list.txt", 7);
  LoaderOptions options{1, 1, 1 << 30, inputs};
  options.cache = std::make_shared<FrameCache>(folder / "frames", 1 << 30);
  auto source = VideoSource::training(list, recipe, options);
  epoch(*source);
  EXPECT_EQ(options.cache->kept(), 4);
  makeH264(folder / "new.mp4", 20, 36, 48, 99);
  std::filesystem::rename(folder / "new.mp4", folder / "v0.mp4");
  epoch(*source); // whose reader of the video still has the file from before
  list = readVideoList(folder / "list.txt", 7);
  auto cached = VideoSource::training(list, recipe, options), decoded = training(1, 1);
  EXPECT_TRUE(same(epoch(*cached), epoch(*decoded)));
  EXPECT_EQ(options.cache->kept(), 8);
}

TEST_F(VideoSourceTest, AVideoThatTakesTooLongEndsTheWork) {
  setenv("KINEMA_READ_SECONDS", "0", 1);
  auto source = training(2);
  Batch batch;
  EXPECT_THROW(source->next(batch), TooSlow);
  unsetenv("KINEMA_READ_SECONDS");
}

} // namespace

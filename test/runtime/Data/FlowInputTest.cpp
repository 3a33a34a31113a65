#include "runtime/Data/FlowInput.h"
#include "runtime/Data/FlowMaker.h"
#include "runtime/Data/VideoCheck.h"
#include "runtime/Data/VideoIndex.h"
#include "runtime/Data/VideoSource.h"
#include "runtime/Support/Files.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>

#include <cmath>

using namespace kinema;
using namespace kinema::test;
using testing::HasSubstr;

namespace {

constexpr uint64_t content = 7;

// Has the stored flow of one video of three frames, [12, 16], whose displacements tell their place and frame.
class FlowInputTest : public testing::Test {
protected:
  void SetUp() override {
    FlowWriter writer(FlowStore(folder.path.string(), {}).pathOf(content),
                      {flowSettings({}), size, content, "none"});
    writer.add(0, 1, fieldOf(0));
    writer.add(1, 2, fieldOf(1));
    writer.commit();
  }

  static int8_t numberAt(int frame, int axis, int y, int x) {
    return static_cast<int8_t>((axis == 0 ? 1 : -1) * (7 * x + y + frame));
  }

  static FlowField fieldOf(int frame) {
    FlowField field;
    for (int axis = 0; axis < 2; ++axis)
      for (int y = 0; y < size.height; ++y)
        for (int x = 0; x < size.width; ++x)
          field.push_back(numberAt(frame, axis, y, x));
    return field;
  }

  // Returns the tensor of an input with `fields` fields at each of its frames.
  std::vector<float> tensorOf(int64_t fields, const std::vector<int64_t> &numbers, ClipView view,
                              PictureSize crop) {
    const auto frames = static_cast<int64_t>(numbers.size()) / (fields + 1);
    const FlowInput input({"flow", 2 * fields, frames, 1}, {}, folder.path.string());
    std::vector<float> tensor(static_cast<size_t>(2 * fields * frames * crop.height * crop.width), NAN);
    input.make({.numbers = numbers, .pictures = {}, .content = content, .view = view, .crop = crop},
               tensor.data());
    return tensor;
  }

  static constexpr PictureSize size{12, 16};
  TemporaryFolder folder;
};

TEST_F(FlowInputTest, FieldsAreStackedAsChannels) {
  const ClipView view{size, {2, 3}, {4, 5}, false, {}, size};
  // Two fields at each of two frames; beyond the video's end, nothing moves.
  const std::vector<float> tensor = tensorOf(2, {0, 1, 2, 1, 2, 2}, view, {4, 5});
  size_t i = 0;
  for (int channel = 0; channel < 4; ++channel)
    for (int t = 0; t < 2; ++t)
      for (int y = 0; y < 4; ++y)
        for (int x = 0; x < 5; ++x) {
          const int frame = t + channel / 2;
          const int number = frame < 2 ? numberAt(frame, channel % 2, y + 2, x + 3) : 0;
          EXPECT_FLOAT_EQ(tensor[i++], static_cast<float>(number) / flowSteps);
        }
}

TEST_F(FlowInputTest, AFlipTurnsDisplacementsRound) {
  const ClipView view{size, {2, 3}, {4, 5}, false, {}, size}, flipped{size, {2, 3}, {4, 5}, true, {}, size};
  const std::vector<float> there = tensorOf(1, {0, 1}, view, {4, 5}),
                           back = tensorOf(1, {0, 1}, flipped, {4, 5});
  for (int axis = 0; axis < 2; ++axis)
    for (int y = 0; y < 4; ++y)
      for (int x = 0; x < 5; ++x)
        EXPECT_EQ(back[(axis * 4 + y) * 5 + x], (axis == 0 ? -1 : 1) * there[(axis * 4 + y) * 5 + 4 - x]);
}

// What is shown twice as large moves twice as far. The fields rise evenly, so that interpolation is exact but
// for the edges.
TEST_F(FlowInputTest, DisplacementsGrowWithThePicture) {
  const std::vector<float> resized = tensorOf(1, {0, 1}, {size, {2, 4}, {4, 5}, false, {}, size}, {8, 15});
  for (int axis = 0; axis < 2; ++axis)
    for (int y = 2; y < 6; ++y)
      for (int x = 3; x < 12; ++x) {
        const double u = 4 + (x + 0.5) / 3 - 0.5, v = 2 + (y + 0.5) / 2 - 0.5;
        EXPECT_NEAR(resized[(axis * 8 + y) * 15 + x], (axis == 0 ? 3 : -2) * (7 * u + v) / flowSteps, 1e-4);
      }
  // Where the frames of a clip are scaled to twice their steady size, fields are not computed anew.
  const std::vector<float> jittered =
      tensorOf(1, {0, 1}, {{24, 32}, {4, 8}, {8, 10}, false, {}, size}, {8, 10});
  EXPECT_EQ(jittered, tensorOf(1, {0, 1}, {size, {2, 4}, {4, 5}, false, {}, size}, {8, 10}));
  // A region of a pixel is one of a field, too.
  EXPECT_EQ(tensorOf(1, {0, 1}, {{24, 32}, {23, 31}, {1, 1}, false, {}, size}, {1, 1})[0],
            static_cast<float>(numberAt(0, 0, 11, 15)) / flowSteps);
}

TEST_F(FlowInputTest, MissingFieldsAreNamed) {
  EXPECT_THAT(errorOf([&] { tensorOf(1, {0, 2}, {size, {}, size, false, {}, size}, size); }),
              HasSubstr("it has no flow from frame 0 to frame 2"));
}

// A loader of an input of colours and one of flow, beside each other.
class FlowSourceTest : public testing::Test {
protected:
  void SetUp() override {
    std::string lines;
    for (int i = 0; i < 4; ++i) {
      makeH264(folder / fmt::format("v{}.mp4", i), i == 3 ? 1 : 8 + i, 36, 48, i);
      lines += fmt::format("v{}.mp4 {}\n", i, i);
    }
    writeText(folder / "list.txt", lines);
    makeDirectory(folder / "flow");
    recipe.data.frames = 3;
    recipe.data.resize = {32, 40};
    recipe.data.crop = recipe.eval.crop = {24, 28};
    recipe.eval.clips = 2;
  }

  VideoList list() const {
    ListOptions options;
    options.findMissing = true;
    return readVideoList(folder / "list.txt", options);
  }

  std::vector<Batch> epoch(VideoSource &source) const {
    std::vector<Batch> batches;
    for (Batch batch; source.next(batch); batch = {})
      batches.push_back(batch);
    EXPECT_EQ(source.takeUnreadable().size(), 0u);
    return batches;
  }

  std::vector<std::vector<float>> tensorsOf(const std::string &flow, bool train, VideoList list) const {
    LoaderOptions options{2, 2, 1 << 30, {{"rgb", 3, 3, 1}, {"flow", 4, 3, 1}}, flow};
    auto source = train ? VideoSource::training(std::move(list), recipe, options)
                        : VideoSource::evaluation(std::move(list), recipe, options);
    std::vector<std::vector<float>> all(2);
    for (const Batch &batch : epoch(*source))
      for (size_t i = 0; i < 2; ++i)
        all[i].insert(all[i].end(), batch.inputs[i].begin(), batch.inputs[i].end());
    return all;
  }

  void expectTheSame() {
    for (bool train : {true, false}) {
      const auto computed = tensorsOf("", train, list()), stored = tensorsOf(folder / "flow", train, list());
      EXPECT_TRUE(computed == stored);
      EXPECT_GT(std::ranges::max(computed[1]), 0.01f);
    }
  }

  TemporaryFolder folder;
  Recipe recipe;
};

TEST_F(FlowSourceTest, StoredFlowIsThatOnTheWay) {
  makeFlow(list(), recipe.data, folder / "flow", 2);
  expectTheSame();
  recipe.data.at = "resized";
  expectTheSame();
}

TEST_F(FlowSourceTest, StoredFlowIsThatOnTheWayAtOtherRatesAndScales) {
  recipe.data.fps = 10;
  recipe.data.shortSide = 30;
  makeFlow(list(), recipe.data, folder / "flow", 2);
  recipe.data.shortTo = 44;
  recipe.eval.scales = {30, 36};
  expectTheSame();
}

TEST_F(FlowSourceTest, VideosWithoutFlowAreLeftOut) {
  VideoList some = list();
  some.videos.resize(2);
  makeFlow(some, recipe.data, folder / "flow", 2);
  const std::string reason =
      folder / "flow" + " holds no flow of the video as it is now: `data flow` computes it";
  // Without an index, it turns out when they are read.
  LoaderOptions options{2, 1, 1 << 30, {{"flow", 4, 3, 1}}, folder / "flow"};
  auto source = VideoSource::evaluation(list(), recipe, options);
  for (Batch batch; source->next(batch);) {
  }
  const std::vector<Unreadable> unreadable = source->takeUnreadable();
  ASSERT_EQ(unreadable.size(), 2u);
  EXPECT_EQ(unreadable[0].video, 2);
  EXPECT_EQ(unreadable[0].reason, reason);
  // With one, it is known.
  checkVideos(list(), 1, {}, folder / "list.txt.index");
  VideoList indexed = list();
  useIndex(indexed, folder / "list.txt.index");
  const FlowStore store(folder / "flow", recipe.data);
  store.leaveOutOthers(indexed);
  EXPECT_EQ(indexed.unreadable, (std::map<int64_t, std::string>{{2, reason}, {3, reason}}));
  EXPECT_EQ(indexed.notes.back(),
            folder / "list.txt" + ": " + (folder / "flow") +
                " holds the flow of 2 videos, and not that of 2; `data flow` computes it");
  DataRecipe other = recipe.data;
  other.flowBound = 10;
  EXPECT_THAT(errorOf([&] { FlowStore(folder / "flow", other).leaveOutOthers(indexed); }),
              HasSubstr("was computed by another recipe: data.flow_bound is 10.0, was 20.0"));
  EXPECT_EQ(errorOf([&] { FlowStore(folder / "none", other).leaveOutOthers(indexed); }),
            "there is no folder " + (folder / "none") + " with stored flow: `data flow` makes it");
}

} // namespace

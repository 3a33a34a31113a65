#include "runtime/Data/FlowField.h"
#include "runtime/Data/FlowFile.h"
#include "runtime/Data/FlowLibrary.h"
#include "runtime/Data/FlowMaker.h"
#include "runtime/Data/FlowStore.h"
#include "runtime/Data/VideoReader.h"
#include "runtime/Support/Files.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <thread>

using namespace kinema;
using namespace kinema::test;
using testing::HasSubstr;

namespace {

// Returns a smooth texture, [height, width, 3], as it is `right` and `down` pixels further.
std::vector<uint8_t> texture(PictureSize size, double right = 0, double down = 0) {
  std::vector<uint8_t> rgb;
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x) {
      const double u = x - right, v = y - down;
      const double value = 128 + 60 * std::sin(0.31 * u + 0.11 * v) + 50 * std::cos(0.23 * v - 0.07 * u);
      rgb.insert(rgb.end(), 3, static_cast<uint8_t>(std::lround(value)));
    }
  return rgb;
}

// Returns the mean displacement of a field's middle, in pixels: to the right, down.
std::array<double, 2> meanOf(const FlowField &field, PictureSize size, double bound) {
  std::array<double, 2> mean{};
  int64_t count = 0;
  const int64_t pixels = int64_t{size.height} * size.width;
  for (int y = size.height / 4; y < 3 * size.height / 4; ++y)
    for (int x = size.width / 4; x < 3 * size.width / 4; ++x, ++count)
      for (int axis = 0; axis < 2; ++axis)
        mean[axis] += field[axis * pixels + int64_t{y} * size.width + x] * bound / flowSteps;
  return {mean[0] / static_cast<double>(count), mean[1] / static_cast<double>(count)};
}

TEST(FlowTest, ShiftedTexturesHaveThatFlow) {
  const DataRecipe data;
  const std::array<std::array<double, 2>, 4> shifts{{{3, -2}, {-4, 0}, {0, 5}, {1.5, 0.5}}};
  for (PictureSize size : {PictureSize{64, 64}, PictureSize{73, 91}})
    for (const auto &[right, down] : shifts) {
      const auto mean =
          meanOf(flowBetween(data, size, texture(size).data(), texture(size, right, down).data()), size,
                 data.flowBound);
      EXPECT_NEAR(mean[0], right, 0.1);
      EXPECT_NEAR(mean[1], down, 0.1);
    }
}

TEST(FlowTest, DisplacementsAreCutOffAtTheBound) {
  DataRecipe data;
  data.flowBound = 2;
  const PictureSize size{64, 64};
  const FlowField field = flowBetween(data, size, texture(size).data(), texture(size, 3, -4).data());
  const auto mean = meanOf(field, size, data.flowBound);
  EXPECT_NEAR(mean[0], 2, 0.01);
  EXPECT_NEAR(mean[1], -2, 0.01);
  EXPECT_EQ(std::ranges::max(field), flowSteps);
  EXPECT_EQ(std::ranges::min(field), -flowSteps);
}

// The extremes of what the recipe allows, and frames of a few pixels, have some flow, too.
TEST(FlowTest, AnySizeAndAnyParametersGiveAField) {
  for (PictureSize size : {PictureSize{1, 1}, PictureSize{1, 40}, PictureSize{2, 3}, PictureSize{33, 35}})
    for (bool largest : {false, true}) {
      Recipe recipe;
      for (const char *name :
           {"bound", "pyramid", "levels", "window", "iterations", "poly_n", "poly_sigma"}) {
        const RecipeField &field = recipeFieldNamed("data", std::string("flow_") + name);
        const double value = largest ? field.maximum : std::max(field.minimum, 0.01);
        applySetting(recipe, fmt::format("data.{}={}", field.name, value));
      }
      const FlowField field = flowBetween(recipe.data, size, texture(size).data(), texture(size, 1).data());
      EXPECT_EQ(field.size(), flowNumbers(size));
    }
}

// OpenCV would share the work among threads, whose number would then decide about the last bits.
TEST(FlowTest, BitsDependOnNothingElse) {
  const DataRecipe data;
  const PictureSize size{120, 160};
  const auto from = texture(size), to = texture(size, 2.3, -1.7);
  const FlowField expected = flowBetween(data, size, from.data(), to.data());
  std::vector<FlowField> fields(4);
  {
    std::vector<std::jthread> threads;
    for (FlowField &field : fields)
      threads.emplace_back([&] { field = flowBetween(data, size, from.data(), to.data()); });
  }
  for (const FlowField &field : fields)
    EXPECT_EQ(field, expected);
  EXPECT_THAT(flowImplementation(), testing::StartsWith("OpenCV "));
}

TEST(FlowTest, WhatOpenCvRefusesIsSaid) {
  DataRecipe data;
  data.flowPyramid = 2;
  const auto from = texture({8, 8});
  EXPECT_THAT(errorOf([&] { flowBetween(data, {8, 8}, from.data(), from.data()); }),
              testing::StartsWith("the optical flow of frames of 8x8 cannot be computed: OpenCV"));
}

TEST(FlowTest, CompressedFieldsComeBack) {
  const PictureSize size{21, 34};
  FlowField field(flowNumbers(size));
  for (size_t i = 0; i < field.size(); ++i)
    field[i] = static_cast<int8_t>(i * i * 7 % 255 - 127);
  const std::string bytes = compressFlow(field, size);
  EXPECT_EQ(expandFlow(bytes, size), field);
  EXPECT_LT(compressFlow(FlowField(field.size()), size).size(), 30u);
  EXPECT_EQ(errorOf([&] { expandFlow(bytes + "x", size); }), "the bytes are no field of 21x34");
  EXPECT_EQ(errorOf([&] { expandFlow(bytes, {21, 33}); }), "the bytes are no field of 21x33");
  EXPECT_EQ(errorOf([&] { expandFlow(bytes, {21, 35}); }), "the bytes are no field of 21x35");
}

// Returns a list of these videos, of which nothing is known.
VideoList listOf(const std::vector<std::string> &paths) {
  VideoList list;
  for (const std::string &path : paths)
    list.videos.push_back({.path = path, .label = 0, .name = path});
  return list;
}

DataRecipe small() {
  DataRecipe data;
  data.resize = {20, 27};
  return data;
}

TEST(FlowTest, StoredFieldsAreThoseThatAreComputed) {
  const TemporaryFolder folder;
  makeVideo(folder / "a.mp4", "-c:v libx264 -g 7", 11);
  const DataRecipe data = small();
  const FlowReport report = makeFlow(listOf({folder / "a.mp4"}), data, folder.path.string(), 2);
  EXPECT_EQ(report.made, 1);
  EXPECT_EQ(report.fields, 10);
  const auto file = FlowStore(folder.path.string(), data).open(contentOf(folder / "a.mp4"), {20, 27});
  VideoReader reader(folder / "a.mp4");
  for (int64_t frame : {9, 0, 4}) {
    std::vector<uint8_t> pictures(size_t{2} * 20 * 27 * 3);
    const int64_t frames[] = {frame, frame + 1};
    reader.read(frames, 20, 27, pictures.data());
    EXPECT_EQ(file->read(frame, frame + 1),
              flowBetween(data, {20, 27}, pictures.data(), pictures.data() + pictures.size() / 2));
  }
  EXPECT_THAT(errorOf([&] { file->read(4, 6); }), HasSubstr(".flow: it has no flow from frame 4 to frame 6"));
}

TEST(FlowTest, RatesChooseTheFrames) {
  const TemporaryFolder folder;
  makeVideo(folder / "a.mp4", "-c:v libx264", 50); // 25 a second
  for (const auto &[rate, from, to, fields] : {std::tuple{5.0, 5, 10, 9}, std::tuple{50.0, 1, 2, 49}}) {
    DataRecipe data = small();
    data.fps = rate;
    const std::string out = folder / fmt::format("{}", rate);
    makeDirectory(out);
    EXPECT_EQ(makeFlow(listOf({folder / "a.mp4"}), data, out, 1).fields, fields);
    const auto file = FlowStore(out, data).open(contentOf(folder / "a.mp4"), {20, 27});
    EXPECT_EQ(file->read(from, to).size(), flowNumbers({20, 27}));
  }
}

TEST(FlowTest, OddSizesAndSingleFrames) {
  const TemporaryFolder folder;
  makeVideo(folder / "odd.mkv", "-vf scale=33:21 -c:v ffv1 -pix_fmt yuv444p", 3);
  makeVideo(folder / "one.mp4", "-c:v libx264", 1);
  const DataRecipe own; // frames keep their size
  const FlowReport report = makeFlow(listOf({folder / "odd.mkv", folder / "one.mp4", folder / "none.mp4"}),
                                     own, folder.path.string(), 1);
  EXPECT_EQ(report.made, 2);
  EXPECT_EQ(report.fields, 2);
  EXPECT_EQ(report.problems, std::vector{folder / "none.mp4" + ": no such file"});
  const FlowStore store(folder.path.string(), own);
  EXPECT_EQ(store.open(contentOf(folder / "odd.mkv"), {21, 33})->read(1, 2).size(), 2u * 21 * 33);
  EXPECT_EQ(store.open(contentOf(folder / "one.mp4"), {72, 96})->fields(), 0);
}

TEST(FlowTest, WorkGoesOnWhereItEnded) {
  const TemporaryFolder folder;
  makeVideo(folder / "a.mp4", "-c:v libx264", 4);
  makeVideo(folder / "b.mp4", "-c:v libx264", 6);
  std::filesystem::copy(folder / "a.mp4", folder / "again.mp4"); // has the same flow
  const std::string out = folder / "flow";
  makeDirectory(out);
  const DataRecipe data = small();
  makeFlow(listOf({folder / "a.mp4"}), data, out, 1);
  const std::string a = FlowStore(out, data).pathOf(contentOf(folder / "a.mp4"));
  writeText(a + ".unfinished-abcdef", "what a killed call left");
  FlowReport report =
      makeFlow(listOf({folder / "a.mp4", folder / "b.mp4", folder / "again.mp4"}), data, out, 2);
  EXPECT_EQ(report.known, 1);
  EXPECT_EQ(report.made, 1);
  EXPECT_EQ(report.fields, 8);
  EXPECT_FALSE(std::filesystem::exists(a + ".unfinished-abcdef"));
  // What is damaged is computed anew, and is then the same.
  const std::string before = readText(a);
  writeText(a, before.substr(0, before.size() - 1));
  report = makeFlow(listOf({folder / "a.mp4"}), data, out, 1);
  EXPECT_EQ(report.made, 1);
  ASSERT_EQ(report.damaged.size(), 1u);
  EXPECT_THAT(report.damaged[0], HasSubstr("the stored flow is damaged: its end is not that of such a file"));
  EXPECT_EQ(readText(a), before);
}

TEST(FlowTest, FlowOfAnotherKindIsRefused) {
  const TemporaryFolder folder;
  makeVideo(folder / "a.mp4", "-c:v libx264", 3);
  const std::string out = folder / "flow";
  makeDirectory(out);
  DataRecipe data = small();
  makeFlow(listOf({folder / "a.mp4"}), data, out, 1);
  const uint64_t content = contentOf(folder / "a.mp4");
  const std::string path = FlowStore(out, data).pathOf(content);
  EXPECT_EQ(errorOf([&] { FlowStore(out, data).open(content + 1, {20, 27}); }),
            out + " holds no flow of the video as it is now: `data flow` computes it");
  data.flowWindow = 21;
  data.resize = {18, 27};
  const std::string other =
      path +
      ": the flow was computed by another recipe: data.flow_window is 21, was 15, frames are scaled to "
      "18x27, were to 20x27; compute it into another folder with `data flow`";
  EXPECT_EQ(errorOf([&] { FlowStore(out, data).open(content, {18, 27}); }), other);
  EXPECT_EQ(errorOf([&] { makeFlow(listOf({folder / "a.mp4"}), data, out, 1); }), other);
  std::filesystem::copy(path, FlowStore(out, data).pathOf(content + 1));
  EXPECT_THAT(errorOf([&] { FlowStore(out, small()).open(content + 1, {20, 27}); }),
              HasSubstr(": it is the flow of another video; remove it, and `data flow` computes it anew"));
  FlowWriter(path, {flowSettings(small()), {20, 27}, content, "OpenCV 3"}).commit();
  EXPECT_THAT(errorOf([&] { makeFlow(listOf({folder / "a.mp4"}), small(), out, 1); }),
              HasSubstr(": the flow was computed by OpenCV 3, and here there is OpenCV 4"));
}

TEST(FlowTest, DescriptionsAreChecked) {
  const TemporaryFolder folder;
  FlowWriter(folder / "a.flow", {flowSettings({}), {0, 5}, 42, "none"}).commit();
  EXPECT_EQ(errorOf([&] { FlowFile(folder / "a.flow"); }),
            folder / "a.flow" +
                ": the stored flow is damaged: its description contradicts itself; `data flow` "
                "computes it anew");
  Recipe recipe;
  recipe.data.flowWindow = 1000;
  FlowWriter(folder / "a.flow", {recipe, {5, 5}, 42, "none"}).commit();
  EXPECT_THAT(
      errorOf([&] { FlowFile(folder / "a.flow"); }),
      HasSubstr("its description cannot be read: data.flow_window must be from 1 to 255, found 1000"));
}

// Whatever bit is other than it was written, or wherever a file ends, nothing else than what was written is
// read.
TEST(FlowTest, DamageIsFound) {
  const TemporaryFolder folder;
  const PictureSize size{5, 6};
  FlowField field(flowNumbers(size), 3);
  field[17] = -100;
  FlowWriter writer(folder / "a.flow", {flowSettings({}), size, 42, "none"});
  writer.add(0, 1, field);
  writer.add(1, 2, field);
  writer.commit();
  const std::string whole = readText(folder / "a.flow");
  auto read = [&](const std::string &content) {
    writeText(folder / "b.flow", content);
    FlowFile file(folder / "b.flow");
    file.read(0, 1);
    file.read(1, 2);
  };
  read(whole);
  for (size_t at = 0; at < whole.size(); at += at % 3 + 2) {
    std::string other = whole;
    other[at] = static_cast<char>(other[at] ^ 1 << at % 8);
    EXPECT_THAT(errorOf([&] { read(other); }), testing::AnyOf(HasSubstr("the stored flow is damaged"),
                                                              HasSubstr("it is no file of stored flow")))
        << at;
    EXPECT_NE(errorOf([&] { read(whole.substr(0, at)); }), "") << at;
  }
}

} // namespace

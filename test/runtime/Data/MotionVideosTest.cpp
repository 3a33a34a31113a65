#include "runtime/Data/MotionVideos.h"
#include "runtime/Data/ClassNames.h"
#include "runtime/Data/MotionScene.h"
#include "runtime/Data/VideoCheck.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include <cmath>
#include <map>
#include <numbers>

using namespace kinema;
using namespace kinema::test;
using testing::HasSubstr;

namespace {

// A stand-in for Fashion-MNIST: `count` pictures in idx format, all of one grey value.
void writeSprites(const std::string &file, uint8_t value, int count = 3, const std::string &tail = "") {
  std::string bytes("\0\0\x08\x03\0\0\0\0\0\0\0\x1c\0\0\0\x1c", 16);
  bytes[7] = static_cast<char>(count);
  bytes += std::string(static_cast<size_t>(count) * 28 * 28, static_cast<char>(value)) + tail;
  gzFile stream = gzopen(file.c_str(), "wb");
  gzwrite(stream, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(stream);
}

// What the pictures show, in the same format: `count` labels that go around from 0 to 9.
void writeKinds(const std::string &file, int count) {
  std::string bytes("\0\0\x08\x01\0\0\0\0", 8);
  bytes[7] = static_cast<char>(count);
  for (int i = 0; i < count; ++i)
    bytes += static_cast<char>(i % 10);
  gzFile stream = gzopen(file.c_str(), "wb");
  gzwrite(stream, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(stream);
}

class MotionVideosTest : public testing::Test {
protected:
  MotionVideosTest() {
    writeSprites(folder / "train-images-idx3-ubyte.gz", 255);
    writeSprites(folder / "t10k-images-idx3-ubyte.gz", 60);
    options.directory = folder / "motion";
    options.sprites = folder.path.string();
    options.train = 2;
    options.test = 1;
    options.frames = 12;
    options.threads = 1;
  }

  std::map<std::string, std::string> files(const std::string &directory) {
    std::map<std::string, std::string> found;
    for (const auto &entry : std::filesystem::recursive_directory_iterator(directory))
      if (entry.is_regular_file())
        found[entry.path().lexically_relative(directory)] = readText(entry.path());
    return found;
  }

  std::string refused() {
    return errorOf([&] { makeMotionVideos(options); });
  }

  TemporaryFolder folder;
  MotionOptions options;
};

TEST_F(MotionVideosTest, WritesListsAndVideos) {
  MotionSummary summary = makeMotionVideos(options);
  EXPECT_EQ(summary.written, 30);
  EXPECT_EQ(summary.kept, 0);
  const std::vector<std::string> classes = readClassNames(folder / "motion/classes.txt");
  EXPECT_EQ(classes.size(), 10u);
  VideoList train = readVideoList(folder / "motion/train.txt", 10);
  VideoList test = readVideoList(folder / "motion/test.txt", 10);
  EXPECT_EQ(train.videos.size(), 20u);
  EXPECT_EQ(test.videos.size(), 10u);
  CheckReport report = checkVideos(train, 2);
  EXPECT_EQ(report.unreadable(), 0);
  for (const CheckedVideo &video : report.videos) {
    EXPECT_EQ(video.info.frames, 12);
    EXPECT_EQ(video.info.height, 64);
    EXPECT_EQ(video.info.width, 86);
    EXPECT_EQ(video.info.codec, "h264");
  }
}

TEST_F(MotionVideosTest, TheSameBytesOnAnyNumberOfThreads) {
  makeMotionVideos(options);
  const auto first = files(options.directory);
  options.directory = folder / "again";
  options.threads = 3;
  makeMotionVideos(options);
  EXPECT_TRUE(first == files(options.directory));
  options.directory = folder / "other";
  options.seed = 2;
  makeMotionVideos(options);
  EXPECT_NE(first.at("train/right/0000.mp4"), files(options.directory).at("train/right/0000.mp4"));
}

TEST_F(MotionVideosTest, CompletesAnInterruptedRun) {
  makeMotionVideos(options);
  const auto whole = files(options.directory);
  std::filesystem::remove(folder / "motion/train/up/0000.mp4");
  std::filesystem::remove(folder / "motion/test.txt");
  writeText(folder / "motion/test/left/0000.mp4.part", "half a vid");
  std::filesystem::remove(folder / "motion/test/left/0000.mp4");
  MotionSummary summary = makeMotionVideos(options);
  EXPECT_EQ(summary.written, 2);
  EXPECT_EQ(summary.kept, 28);
  EXPECT_TRUE(whole == files(options.directory));
}

TEST_F(MotionVideosTest, TouchesNoForeignFolder) {
  std::filesystem::create_directory(options.directory);
  writeText(folder / "motion/thesis.txt", "precious");
  EXPECT_THAT(refused(), HasSubstr("motion: is not empty and not a folder of motion videos"));
  EXPECT_EQ(files(options.directory).size(), 1u);
  options.directory = folder / "motion/thesis.txt";
  EXPECT_THAT(refused(), HasSubstr("thesis.txt: exists and is not a folder"));
}

TEST_F(MotionVideosTest, DoesNotMixOptions) {
  makeMotionVideos(options);
  options.frames = 13;
  EXPECT_THAT(refused(), HasSubstr("holds motion videos made with other options"));
}

TEST_F(MotionVideosTest, RefusesImpossibleOptions) {
  auto with = [&](auto change) {
    MotionOptions kept = options;
    change();
    std::string message = refused();
    options = kept;
    return message;
  };
  EXPECT_THAT(with([&] { options.width = 85; }), HasSubstr("the size 64x85 must be even"));
  EXPECT_THAT(with([&] { options.frames = 1; }), HasSubstr("the number of frames is 1; it must be from 2"));
  EXPECT_THAT(with([&] { options.directory = ""; }), HasSubstr("make-motion needs a folder to write to"));
  EXPECT_THAT(with([&] { options.train = 1'000'001; }),
              HasSubstr("make-motion: at most 1000000 videos a class"));
  EXPECT_THAT(with([&] { options.train = options.test = 0; }), HasSubstr("nothing to make"));
  EXPECT_THAT(with([&] {
                options.family = MotionFamily::Events;
                options.frames = 10;
              }),
              HasSubstr("make-motion: videos of events need at least 18 frames"));
  EXPECT_THAT(with([&] { options.kinds = 3; }), HasSubstr("but the label is the motion alone"));
  EXPECT_THAT(with([&] { options.difficulty.others = 9; }), HasSubstr("the number of other sprites is 9"));
  EXPECT_THAT(with([&] { options.difficulty.camera = 1.5; }),
              HasSubstr("the share of the camera is 1.5; it must be from 0 to 1"));
  EXPECT_THAT(with([&] { options.sprites = "/nonexistent"; }), HasSubstr("dataset-fashion-mnist"));
  EXPECT_FALSE(std::filesystem::exists(options.directory));
}

TEST_F(MotionVideosTest, LabelsWhatMovesAndHow) {
  for (const char *part : {"train", "t10k"}) {
    writeSprites(folder / (std::string(part) + "-images-idx3-ubyte.gz"), 200, 20);
    writeKinds(folder / (std::string(part) + "-labels-idx1-ubyte.gz"), 20);
  }
  options.frames = 16;
  options.family = MotionFamily::Orbits;
  options.label = MotionLabel::Appearance;
  options.directory = folder / "appearance";
  EXPECT_EQ(makeMotionVideos(options).written, 30);
  EXPECT_EQ(readClassNames(folder / "appearance/classes.txt")[1], "bag");
  options.label = MotionLabel::Both;
  options.kinds = 2;
  options.directory = folder / "both";
  options.difficulty = {.others = 1, .camera = 0.1, .bars = 1, .noise = 4};
  EXPECT_EQ(makeMotionVideos(options).written, 24);
  EXPECT_EQ(readClassNames(folder / "both/classes.txt")[5], "orbit_slowly_back_bag");
  EXPECT_THAT(
      readText(folder / "both/README.txt"),
      HasSubstr("  orbit_slowly_bag, orbit_slowly_back_bag, orbit_quickly_bag, orbit_quickly_back_bag\n"));
  EXPECT_THAT(readText(folder / "both/motion.json"),
              HasSubstr("\"family\": \"orbits\",\n  \"label\": \"both\",\n  \"kinds\": 2"));
  options.difficulty.noise = 5;
  EXPECT_THAT(refused(), HasSubstr("holds motion videos made with other options"));
}

// Backgrounds of training and of test videos are from different pictures.
TEST_F(MotionVideosTest, BackgroundsFromPictures) {
  std::filesystem::create_directories(folder / "pictures/more");
  ASSERT_TRUE(
      runFfmpeg("-f lavfi -i color=red:size=300x200 -frames:v 1 '" + (folder / "pictures/a.png") + "'"));
  options.textures = folder / "pictures";
  EXPECT_THAT(refused(), HasSubstr("pictures: holds 1 pictures (.jpg, .jpeg, .png, .webp)"));
  ASSERT_TRUE(runFfmpeg("-f lavfi -i color=blue:size=100x400 -frames:v 1 '" +
                        (folder / "pictures/more/b.jpg") + "'"));
  writeText(folder / "pictures/notes.txt", "no picture");
  makeMotionVideos(options);
  auto corner = [&](const std::string &file) {
    VideoReader reader(folder / ("motion/" + file));
    std::vector<uint8_t> rgb(64 * 86 * 3);
    reader.read(std::vector<int64_t>{0}, 64, 86, rgb.data());
    return std::vector<int>(rgb.begin(), rgb.begin() + 3);
  };
  // Where a scene is inverted, red is cyan and blue yellow.
  const std::vector<int> train = corner("train/clockwise/0000.mp4"), test = corner("test/clockwise/0000.mp4");
  EXPECT_GT(std::abs(train[0] - train[2]), 80);
  EXPECT_LT(std::abs(train[1] - train[2]), 30);
  EXPECT_GT(std::abs(test[0] - test[2]), 80);
  EXPECT_LT(std::abs(test[1] - test[0]), 30);
  options.textures = folder / "nowhere";
  EXPECT_THAT(refused(), HasSubstr("nowhere: there is no such folder of pictures"));
  options.textures = folder / "thin";
  std::filesystem::create_directories(options.textures);
  for (const char *name : {"a.png", "b.png"})
    ASSERT_TRUE(
        runFfmpeg("-f lavfi -i color=red:size=900x10 -frames:v 1 '" + (folder / "thin/") + name + "'"));
  EXPECT_THAT(refused(), HasSubstr("too long and narrow for a background"));
}

TEST_F(MotionVideosTest, DamagedKinds) {
  options.label = MotionLabel::Appearance;
  const std::string file = folder / "train-labels-idx1-ubyte.gz";
  EXPECT_THAT(refused(), HasSubstr("train-labels-idx1-ubyte.gz: No such file"));
  writeKinds(file, 4);
  EXPECT_THAT(refused(), HasSubstr("not a file of labels in idx format, one for each of 3 pictures"));
  writeKinds(file, 3);
  EXPECT_THAT(refused(), HasSubstr("train-labels-idx1-ubyte.gz: no picture has the label 8"));
  writeSprites(folder / "train-images-idx3-ubyte.gz", 255, 11);
  writeKinds(file, 11);
  std::string bytes("\0\0\x08\x01\0\0\0\x0b\x0a\0\0\0\0\0\0\0\0\0\0", 19);
  gzFile stream = gzopen(file.c_str(), "wb");
  gzwrite(stream, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(stream);
  EXPECT_THAT(refused(), HasSubstr("picture 0 has the label 10; labels are 0 to 9"));
}

TEST_F(MotionVideosTest, DamagedSprites) {
  const std::string file = folder / "train-images-idx3-ubyte.gz";
  const std::string bytes = readText(file);
  writeText(file, bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(refused(), HasSubstr(": the file is damaged or shorter than its header says"));
  writeText(file, "P5 not idx at all, but long enough");
  EXPECT_THAT(refused(), HasSubstr("train-images-idx3-ubyte.gz: not a file of square pictures"));
}

// The classes of a group show the same frames in orders of their own, as far as the codec lets them through.
TEST_F(MotionVideosTest, ClassesDifferInTheOrderOfFramesAlone) {
  options.frames = 20;
  options.test = 0;
  for (const MotionFamilyName &each : motionFamilies()) {
    options.family = each.family;
    options.directory = folder / each.name;
    makeMotionVideos(options);
    const auto classes = motionClasses(each.family);
    VideoList train = readVideoList(options.directory + "/train.txt", static_cast<int64_t>(classes.size()));
    std::map<Motion, std::vector<uint8_t>> scenes; // the frames of the first class of each group
    for (size_t label = 0; label < classes.size(); ++label) {
      // At which time the video shows each of the scene's frames.
      std::vector<int64_t> times(20);
      for (int time = 0; time < 20; ++time)
        times[static_cast<size_t>(classes[label].order.frameAt(time, 20))] = time;
      std::vector<uint8_t> shown(20 * 64 * 86 * 3);
      VideoReader(train.videos[label].path).read(times, 64, 86, shown.data());
      const std::vector<uint8_t> &first = scenes.try_emplace(classes[label].motion, shown).first->second;
      double sum = 0;
      for (size_t i = 0; i < shown.size(); ++i)
        sum += std::abs(shown[i] - first[i]);
      EXPECT_LT(sum / static_cast<double>(shown.size()), 1.5) << classes[label].name;
    }
  }
}

TEST(MotionScene, MovesAsItsClassSays) {
  const std::vector<uint8_t> pixels(28 * 28, 255);
  const Sprite sprite{28, pixels.data()};
  for (uint64_t scene = 0; scene < 50; ++scene) {
    auto change = [&](Motion motion) {
      MotionScene made(motion, sprite, {64, 86}, 24, 1, scene);
      const Pose first = made.pose(0), last = made.pose(23);
      return Pose{last.x - first.x, last.y - first.y, last.angle - first.angle, last.size / first.size};
    };
    EXPECT_GT(change(Motion::Right).x, 20);
    EXPECT_LT(std::abs(change(Motion::Right).y), 10);
    EXPECT_GT(change(Motion::Down).y, 20);
    EXPECT_LT(std::abs(change(Motion::Down).x), 10);
    EXPECT_GT(change(Motion::Clockwise).angle, 100 * std::numbers::pi / 180);
    EXPECT_EQ(change(Motion::Clockwise).x, 0);
    EXPECT_GT(change(Motion::ZoomIn).size, 1.79);
    MotionScene slide(Motion::SlideThenGrow, sprite, {64, 86}, 24, 1, scene);
    EXPECT_EQ(slide.pose(0).size, slide.pose(11).size);
    EXPECT_EQ(slide.pose(12).x, slide.pose(23).x);
    EXPECT_GT(std::hypot(change(Motion::SlideThenGrow).x, change(Motion::SlideThenGrow).y), 20);
  }
}

// What is drawn is where the pose says: the centroid of what changed against the empty background.
TEST(MotionScene, DrawsTheSpriteAtItsPose) {
  const std::vector<uint8_t> pixels(28 * 28, 255), nothing(28 * 28, 0);
  for (uint64_t scene = 0; scene < 10; ++scene) {
    MotionScene made(Motion::Right, {28, pixels.data()}, {96, 128}, 9, 1, scene);
    MotionScene empty(Motion::Right, {28, nothing.data()}, {96, 128}, 9, 1, scene);
    std::vector<uint8_t> shown(96 * 128 * 3), background(shown.size());
    for (int frame : {0, 4, 8}) {
      made.render(frame, shown.data());
      empty.render(frame, background.data());
      double x = 0, y = 0, weight = 0;
      for (int i = 0; i < 96 * 128; ++i) {
        if (std::abs(shown[3 * i] - background[3 * i]) < 30)
          continue;
        x += i % 128 + 0.5;
        y += i / 128 + 0.5;
        ++weight;
      }
      ASSERT_GT(weight, 300);
      const Pose pose = made.pose(frame);
      const bool inside = pose.x > 45 && pose.x < 83 && pose.y > 45 && pose.y < 51;
      EXPECT_NEAR(x / weight, pose.x, inside ? 1 : 12);
      EXPECT_NEAR(y / weight, pose.y, inside ? 1 : 12);
    }
  }
}

// The middle of the path, where single frames of all classes are alike, has the same distribution for all.
TEST(MotionScene, ClassesShareTheirMiddle) {
  const std::vector<uint8_t> pixels(28 * 28, 255);
  for (uint64_t scene = 0; scene < 20; ++scene) {
    MotionScene right(Motion::Right, {28, pixels.data()}, {64, 86}, 25, 1, scene);
    MotionScene zoom(Motion::ZoomIn, {28, pixels.data()}, {64, 86}, 25, 1, scene);
    EXPECT_NEAR(right.pose(12).x, zoom.pose(12).x, 1e-9);
    EXPECT_NEAR(right.pose(12).angle, zoom.pose(12).angle, 1e-9);
    EXPECT_NEAR(right.pose(12).size, zoom.pose(12).size, 1e-9);
  }
}

TEST_F(MotionVideosTest, CheckReportsWhatIsWrong) {
  makeMotionVideos(options);
  std::filesystem::remove(folder / "motion/train/right/0000.mp4");
  writeText(folder / "motion/train/left/0000.mp4", "no video");
  VideoList list = readVideoList(folder / "motion/train.txt", 10);
  CheckReport report = checkVideos(list, 2);
  EXPECT_EQ(report.unreadable(), 2);
  const std::string text = describe(report, list, 16);
  EXPECT_THAT(text,
              HasSubstr("unreadable: " + (folder / "motion/train/right/0000.mp4") + ": no such file\n"));
  EXPECT_THAT(text, HasSubstr("left/0000.mp4: not a video that FFmpeg can read\n"));
  EXPECT_THAT(text, HasSubstr("note: " + (folder / "motion/train/up/0000.mp4") +
                              ": 12 frames, fewer than a clip's 16"));
  EXPECT_THAT(text, HasSubstr("frames: 216 in all, 12 to 12 a video; 25.00 to 25.00 a second"));
  EXPECT_THAT(text, HasSubstr("sizes (H x W): 64x86 18\n"));
  EXPECT_THAT(text, HasSubstr("codecs: h264 18\n"));
  EXPECT_THAT(text, HasSubstr("train.txt: 20 videos, 2 unreadable\n"));
}

} // namespace

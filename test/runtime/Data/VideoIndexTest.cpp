#include "runtime/Data/VideoIndex.h"
#include "runtime/Data/VideoCheck.h"
#include "runtime/Data/VideoSource.h"
#include "runtime/Support/Files.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <sys/stat.h>

using namespace kinema;
using namespace kinema::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

IndexEntry example(const std::string &name) {
  IndexEntry entry;
  entry.name = name;
  entry.stamp = {12345, 1700000000123456789};
  entry.content = 0xfedcba9876543210u;
  entry.info.codec = "h264";
  entry.info.height = 240;
  entry.info.width = 320;
  entry.info.frames = 5;
  entry.info.fps = 29.97;
  entry.info.seconds = 0.1668;
  entry.frames.byTime = true;
  entry.frames.times = {-100, 400, 900, 1400, 2000};
  entry.frames.keyTimes = {INT64_MIN, -100, INT64_MAX};
  return entry;
}

TEST(VideoIndexTest, EntriesComeBack) {
  IndexEntry entry = example("a b/c.mp4");
  std::optional<IndexEntry> back = decode(encode(entry), entry.stamp.bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->name, "a b/c.mp4");
  EXPECT_EQ(back->stamp, entry.stamp);
  EXPECT_EQ(back->content, entry.content);
  EXPECT_EQ(back->problem, "");
  EXPECT_EQ(back->info.codec, "h264");
  EXPECT_EQ(back->info.height, 240);
  EXPECT_EQ(back->info.width, 320);
  EXPECT_EQ(back->info.frames, 5);
  EXPECT_EQ(back->info.fps, 29.97);
  EXPECT_EQ(back->info.seconds, 0.1668);
  EXPECT_FALSE(back->info.truncated);
  EXPECT_TRUE(back->frames.byTime);
  EXPECT_EQ(back->frames.times, entry.frames.times);
  EXPECT_EQ(back->frames.keyTimes, entry.frames.keyTimes);
  entry.frames.byTime = false;
  entry.frames.truncated = entry.info.truncated = true;
  entry.problem = "no frame can be read";
  back = decode(encode(entry));
  EXPECT_TRUE(back->frames.truncated && back->info.truncated && !back->frames.byTime);
  EXPECT_EQ(back->problem, entry.problem);
  // Frames at one distance take no room.
  for (int64_t time = 0; time < 100000; ++time)
    entry.frames.times.push_back(2000 + 512 * time);
  EXPECT_LT(encode(entry).size(), 200u);
}

TEST(VideoIndexTest, BytesThatAreNoEntry) {
  const IndexEntry entry = example("a.mp4");
  const std::string encoded = encode(entry);
  const int64_t fileBytes = entry.stamp.bytes;
  for (size_t length = 0; length < encoded.size(); ++length)
    EXPECT_FALSE(decode(std::string_view(encoded).substr(0, length), fileBytes)) << length;
  EXPECT_FALSE(decode(encoded + "x", fileBytes));
  for (size_t at = 0; at < encoded.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = encoded;
      other[at] = static_cast<char>(other[at] ^ 1 << bit);
      decode(other, fileBytes); // it ends, whatever it says
    }
}

// A record may be written by anybody, with a checksum that is right.
TEST(VideoIndexTest, FramesThatAReaderCannotGoBy) {
  auto read = [](auto &&change) {
    IndexEntry entry = example("a.mp4");
    change(entry);
    return decode(encode(entry), entry.stamp.bytes).has_value();
  };
  EXPECT_TRUE(read([](IndexEntry &) {}));
  EXPECT_FALSE(read([](IndexEntry &entry) { entry.frames.keyTimes = {0, 500}; }));
  EXPECT_FALSE(read([](IndexEntry &entry) { entry.frames.keyTimes = {-100, 500, 400}; }));
  EXPECT_FALSE(read([](IndexEntry &entry) { entry.frames.times = {-100, 500, 400}; }));
  EXPECT_TRUE(read([](IndexEntry &entry) { entry.frames = {}; }));
  // A few bytes that ask for gigabytes.
  EXPECT_FALSE(read([](IndexEntry &entry) { entry.stamp.bytes = 4; }));
  IndexEntry entry = example("a.mp4");
  entry.frames = {};
  std::string encoded = encode(entry);
  encoded.resize(encoded.size() - 2);
  encoded += std::string("\xff\xff\xff\x7f\x02\xff\xff\xff\x7f\x00", 10);
  EXPECT_FALSE(decode(encoded, entry.stamp.bytes));
  // The file's size counts, not what the entry says of it.
  EXPECT_FALSE(read([](IndexEntry &other) { other.stamp.bytes = -1; }));
  EXPECT_FALSE(decode(encode(example("a.mp4")), example("a.mp4").stamp.bytes + 1));
}

// However far the last record was written, those before it are kept, and records go on behind them.
TEST(VideoIndexTest, GoesOnFromAnyTruncation) {
  TemporaryFolder folder;
  const std::string file = folder / "list.index.part";
  std::vector<size_t> ends;
  {
    IndexAppender appender(file);
    ends.push_back(std::filesystem::file_size(file));
    for (const char *name : {"a", "b", "c"}) {
      appender.append(encode(example(name)));
      ends.push_back(std::filesystem::file_size(file));
    }
  }
  const std::string whole = readText(file);
  for (size_t length = 0; length <= whole.size(); ++length) {
    writeText(file, whole.substr(0, length));
    const auto records = static_cast<size_t>(
        std::max<std::ptrdiff_t>(0, std::upper_bound(ends.begin(), ends.end(), length) - ends.begin() - 1));
    {
      IndexAppender appender(file);
      EXPECT_EQ(appender.before().size(), records) << length;
      for (size_t i = records; i < 3; ++i)
        appender.append(encode(example(std::string(1, static_cast<char>('a' + i)))));
    }
    ASSERT_TRUE(readText(file) == whole) << length;
  }
}

TEST(VideoIndexTest, WhatIsDamagedIsRefused) {
  TemporaryFolder folder;
  const std::string file = folder / "list.index";
  IndexEntries entries;
  for (const char *name : {"a", "b", "c"})
    entries[name] = encode(example(name));
  writeIndex(file, entries);
  const std::string whole = readText(file);
  EXPECT_EQ(readIndex(file), entries);
  EXPECT_TRUE(readIndex(folder / "none").empty());
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string other = whole;
    other[at] = static_cast<char>(other[at] ^ 4);
    writeText(file, other);
    EXPECT_THAT(errorOf([&] { readIndex(file); }), HasSubstr("`data check` makes it anew")) << at;
  }
  writeText(file, whole.substr(0, whole.size() - 1));
  EXPECT_THAT(errorOf([&] { readIndex(file); }), HasSubstr("it ends within a record"));
  writeText(file, "a list\n");
  EXPECT_THAT(errorOf([&] { readIndex(file); }),
              HasSubstr("is no index of videos, or one of another version"));
  std::string other = whole;
  other.back() ^= 1;
  writeText(file, other);
  EXPECT_THAT(errorOf([&] { readIndex(file); }), HasSubstr("the record has other bytes than were written"));
  other = whole;
  other[std::string_view("kinema video index 1\n").size()] ^= 1;
  writeText(file, other);
  EXPECT_EQ(errorOf([&] { readIndex(file); }), file + ": the index is damaged at byte 21: no record begins "
                                                      "there; remove it, and `data check` makes it anew");
  writeIndex(file, {{"a", "no entry"}});
  EXPECT_THAT(errorOf([&] { readIndex(file); }), HasSubstr("the record is of no video"));
}

TEST(VideoIndexTest, OneProcessAppends) {
  TemporaryFolder folder;
  IndexAppender first(folder / "x.part");
  EXPECT_THAT(errorOf([&] { IndexAppender second(folder / "x.part"); }),
              HasSubstr("x.part is in use: another `data check` is looking at these videos"));
}

TEST(VideoIndexTest, ItsPlace) {
  EXPECT_EQ(indexPath("lists/train.txt", ""), "lists/train.txt.index");
  EXPECT_EQ(indexPath("data/train/", ""), "data/train.index");
  EXPECT_EQ(badPath("lists/train.txt.index"), "lists/train.txt.bad");
  const std::string one = indexPath("a/train.txt", "cache"), other = indexPath("b/train.txt", "cache");
  EXPECT_THAT(one, testing::StartsWith("cache/train.txt-"));
  EXPECT_NE(one, other);
}

// A data set of six videos, of which one is damaged and one is missing.
class CheckedListTest : public testing::Test {
protected:
  void SetUp() override {
    std::string lines;
    for (int i = 0; i < 6; ++i) {
      makeH264(folder / fmt::format("v{}.mp4", i), 20 + i, 36, 48, i);
      lines += fmt::format("v{}.mp4 {}\n", i, i % 3);
    }
    writeText(folder / "v2.mp4", "no video");
    std::filesystem::remove(folder / "v4.mp4");
    writeText(folder / "list.txt", lines);
    recipe.data.frames = 4;
    recipe.data.resize = {32, 40};
    recipe.data.crop = recipe.eval.crop = {24, 28};
    recipe.eval.clips = 3;
  }

  VideoList read() {
    ListOptions options;
    options.findMissing = true;
    return readVideoList(folder / "list.txt", options);
  }
  CheckReport check(int threads = 2) { return checkVideos(read(), threads, {}, index); }
  VideoList indexed() {
    VideoList list = read();
    useIndex(list, index);
    return list;
  }
  std::vector<Batch> epoch(const VideoList &list) {
    auto source = VideoSource::training(list, recipe, {.batch = 4, .threads = 2});
    std::vector<Batch> batches;
    for (Batch batch; source->next(batch); batch = {})
      batches.push_back(batch);
    found = source->takeUnreadable();
    return batches;
  }

  TemporaryFolder folder;
  std::string index = folder / "list.txt.index";
  Recipe recipe;
  std::vector<Unreadable> found;
};

TEST_F(CheckedListTest, TheLoaderGivesTheSameBatches) {
  const std::vector<Batch> without = epoch(read());
  EXPECT_EQ(found.size(), 1u) << "the missing one is known";
  CheckReport report = check();
  EXPECT_EQ(report.unreadable(), 2);
  EXPECT_EQ(report.known(), 0);
  EXPECT_FALSE(std::filesystem::exists(index + ".part"));
  VideoList list = indexed();
  EXPECT_THAT(list.unreadable, ElementsAre(testing::Pair(2, "not a video that FFmpeg can read"),
                                           testing::Pair(4, "no such file")));
  EXPECT_THAT(list.notes.at(1), HasSubstr("list.txt.index: it knows 5 of 6 videos"));
  EXPECT_THAT(list.notes.at(2),
              HasSubstr("list.txt: unreadable videos: 1, such as v2.mp4: not a video that FFmpeg "
                        "can read; all of them are in " +
                        (folder / "list.txt.bad")));
  const std::vector<Batch> with = epoch(list);
  EXPECT_TRUE(found.empty()) << "both are known";
  ASSERT_EQ(with.size(), without.size());
  for (size_t i = 0; i < with.size(); ++i)
    EXPECT_TRUE(with[i].inputs == without[i].inputs && with[i].videos == without[i].videos &&
                with[i].labels == without[i].labels && with[i].valid == without[i].valid);
  EXPECT_EQ(VideoSource::training(list, recipe, {})->knownMissing(), 2);
}

TEST_F(CheckedListTest, TheIndexSaysWhereFramesAre) {
  check();
  VideoIndex known(index);
  VideoReader scanned(folder / "v3.mp4");
  std::shared_ptr<const FrameIndex> frames = known.frames("v3.mp4");
  EXPECT_EQ(frames->times, scanned.index()->times);
  EXPECT_EQ(frames->keyTimes, scanned.index()->keyTimes);
  EXPECT_EQ(frames->byTime, scanned.index()->byTime);
  EXPECT_EQ(known.find("v3.mp4")->info.frames, 23);
  VideoReader reader(folder / "v3.mp4", frames);
  EXPECT_EQ(reader.info().frames, 23);
  EXPECT_EQ(reader.info().fps, scanned.info().fps);
  EXPECT_TRUE(reader.index()->probe) << "the next one to open it need not decode its beginning";
  EXPECT_FALSE(known.find("none.mp4"));
  EXPECT_THAT(errorOf([&] { known.frames("none.mp4"); }),
              HasSubstr("the index does not say where the frames of none.mp4 are"));
  // What it says is believed without another scan.
  FrameIndex fewer = *frames;
  fewer.times.resize(7);
  EXPECT_EQ(VideoReader(folder / "v3.mp4", std::make_shared<const FrameIndex>(fewer)).info().frames, 7);
}

// The index is as good as a scan whatever the container says of its packets.
TEST_F(CheckedListTest, FramesOfEveryContainer) {
  std::string lines;
  for (auto [name, arguments] : {std::pair{"a.mp4", "-c:v libx264 -g 12 -bf 2"},
                                 {"b.avi", "-c:v mpeg4 -g 12"},
                                 {"c.mkv", "-c:v libx264 -bf 3"},
                                 {"d.webm", "-c:v libvpx -g 20 -auto-alt-ref 1"},
                                 {"e.mpg", "-c:v mpeg2video -bf 2"},
                                 {"f.ts", "-c:v libx264 -g 12"},
                                 {"g.y4m", "-pix_fmt yuv420p"}}) {
    makeVideo(folder / name, arguments, 40, "48x36");
    lines += fmt::format("{} 0\n", name);
  }
  writeText(folder / "list.txt", lines);
  EXPECT_EQ(check().unreadable(), 0);
  VideoList list = indexed();
  for (const LabelledVideo &video : list.videos) {
    VideoReader scanned(video.path), known(video.path, list.index->frames(video.name));
    const std::vector<int64_t> frames = {scanned.info().frames - 1, 0, 17, 5, 30};
    std::vector<uint8_t> wanted(frames.size() * 36 * 48 * 3), found(wanted.size());
    scanned.read(frames, 36, 48, wanted.data());
    known.read(frames, 36, 48, found.data());
    EXPECT_TRUE(wanted == found) << video.name;
    EXPECT_EQ(known.info().frames, scanned.info().frames) << video.name;
    EXPECT_EQ(known.info().seconds, scanned.info().seconds) << video.name;
  }
}

// What was checked is not checked again, and a check in parts gives the same bytes.
TEST_F(CheckedListTest, AnotherCheckGoesOn) {
  check();
  const std::string whole = readText(index);
  const IndexEntries entries = readIndex(index);
  EXPECT_EQ(check().known(), 5);
  EXPECT_TRUE(readText(index) == whole);
  std::filesystem::remove(index);
  {
    IndexAppender part(index + ".part");
    writeFile(index + ".unfinished-aB3dE6", "what a check wrote of its index before it was killed");
    for (const char *name : {"v5.mp4", "v0.mp4", "v2.mp4"})
      part.append(entries.at(name));
  }
  CheckReport report = check(1);
  EXPECT_EQ(report.known(), 3);
  EXPECT_EQ(report.unreadable(), 2);
  EXPECT_EQ(report.videos[0].info.frames, 20) << "it is known without opening the video";
  EXPECT_THAT(report.videos[2].problem, HasSubstr("v2.mp4: not a video that FFmpeg can read"));
  EXPECT_TRUE(readText(index) == whole);
  EXPECT_FALSE(std::filesystem::exists(index + ".part"));
  EXPECT_FALSE(std::filesystem::exists(index + ".aB3dE6"));
}

TEST_F(CheckedListTest, AChangedVideoIsNoticed) {
  check();
  std::filesystem::copy_file(folder / "v0.mp4", folder / "copy");
  std::filesystem::rename(folder / "copy", folder / "v0.mp4"); // the same bytes at another time
  makeH264(folder / "v1.mp4", 12, 36, 48, 77);
  makeH264(folder / "v2.mp4", 13, 36, 48, 78);
  VideoList list = indexed();
  EXPECT_THAT(list.notes.at(1),
              HasSubstr("list.txt.index: it knows 2 of 6 videos; changed since then: 3, such as "
                        "v0.mp4; v1.mp4; v2.mp4; `data check` finds out about the others"));
  EXPECT_EQ(list.unreadable.size(), 1u);
  EXPECT_THAT(list.indexed, ElementsAre(0, 0, 0, 1, 0, 1));
  epoch(list);
  EXPECT_TRUE(found.empty());
  CheckReport report = check();
  EXPECT_EQ(report.known(), 3) << "v0.mp4 has the same bytes";
  EXPECT_EQ(report.unreadable(), 1);
  EXPECT_EQ(report.videos[1].info.frames, 12);
  EXPECT_THAT(indexed().notes.back(), HasSubstr("it knows 5 of 6 videos"));
}

// A file that cannot be read to its end is told, but not remembered.
TEST_F(CheckedListTest, WhatIsNoFaultOfTheVideoIsNotKept) {
  setenv("KINEMA_READ_SECONDS", "0", 1);
  EXPECT_EQ(check().unreadable(), 6);
  unsetenv("KINEMA_READ_SECONDS");
  EXPECT_TRUE(readIndex(index).empty());
  EXPECT_EQ(check().unreadable(), 2);
  std::filesystem::remove(folder / "v5.mp4");
  ASSERT_EQ(mkfifo((folder / "v5.mp4").c_str(), 0600), 0);
  EXPECT_EQ(check().unreadable(), 3);
  EXPECT_EQ(indexed().unreadable.size(), 2u) << "a pipe is found out when it is opened";
}

TEST_F(CheckedListTest, ManyUnreadableVideosAreAFewLines) {
  std::string lines;
  for (int i = 0; i < 30; ++i)
    lines += fmt::format("no{}.mp4 0\n", i);
  writeText(folder / "list.txt", lines);
  CheckReport report = check();
  const std::string text = describe(report, read());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 12);
  EXPECT_THAT(text, HasSubstr("unreadable: 20 more\n"));
  const std::string all = unreadableLines(report);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 30);
  EXPECT_THAT(all, HasSubstr((folder / "no29.mp4") + ": no such file\n"));
}

} // namespace

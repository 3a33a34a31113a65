#include "runtime/Data/VideoList.h"
#include "runtime/Data/ClassNames.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>

using namespace kinema;
using namespace kinema::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class VideoListTest : public testing::Test {
protected:
  VideoList read(const std::string &text, int64_t classes = 0, const std::vector<std::string> &names = {}) {
    writeText(folder / "list.txt", text);
    ListOptions options;
    options.classes = classes;
    options.knownClasses = names;
    return readVideoList(folder / "list.txt", options);
  }
  std::string refused(const std::string &text, int64_t classes = 0,
                      const std::vector<std::string> &names = {}) {
    return errorOf([&] { read(text, classes, names); });
  }
  TemporaryFolder folder;
};

TEST_F(VideoListTest, PathsAndLabels) {
  VideoList list = read("# a comment\n\na.mp4 0\n  my videos/b c.mp4 \t 12  \r\n/abs/d.mp4 3\n../#e.mp4 1");
  ASSERT_EQ(list.videos.size(), 4u);
  EXPECT_EQ(list.videos[0].path, folder / "a.mp4");
  EXPECT_EQ(list.videos[0].label, 0);
  EXPECT_EQ(list.videos[1].path, folder / "my videos/b c.mp4");
  EXPECT_EQ(list.videos[1].label, 12);
  EXPECT_EQ(list.videos[2].path, "/abs/d.mp4");
  EXPECT_EQ(list.videos[3].path, folder / "../#e.mp4");
}

TEST_F(VideoListTest, SeveralLabels) {
  EXPECT_EQ(refused("a.mp4 3,17\nb.mp4 2\n"),
            folder / "list.txt:1: '3,17': several labels are for train.loss=binary_cross_entropy");
  writeText(folder / "list.txt", "a.mp4 3,17,3\nb.mp4 2\n");
  ListOptions options;
  options.severalLabels = true;
  VideoList list = readVideoList(folder / "list.txt", options);
  EXPECT_EQ(list.videos[0].labels(), (std::vector<int32_t>{3, 17}));
  EXPECT_EQ(list.videos[1].labels(), (std::vector<int32_t>{2}));
  options.classes = 17;
  EXPECT_EQ(errorOf([&] { readVideoList(folder / "list.txt", options); }),
            folder / "list.txt:1: there are 17 classes (0 to 16), found label 17");
}

TEST_F(VideoListTest, NamesOfClasses) {
  VideoList list = read("a.mp4 up\nb.mp4 1\n", 2, {"up", "down"});
  EXPECT_EQ(list.videos[0].label, 0);
  EXPECT_EQ(list.videos[1].label, 1);
}

TEST_F(VideoListTest, ByteOrderMark) {
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "a.mp4 0\n")
                .videos[0]
                .path,
            folder / "a.mp4");
}

TEST_F(VideoListTest, WrongLinesAreNamed) {
  EXPECT_EQ(refused("a.mp4 0\nb.mp4\n"), folder / "list.txt:2: 'b.mp4' is not a path and a label");
  EXPECT_EQ(refused("a.mp4 0\nb.mp4 10\n", 10),
            folder / "list.txt:2: there are 10 classes (0 to 9), found label 10");
  EXPECT_THAT(refused("a.mp4 -1\n"), HasSubstr("list.txt:1: label -1 is negative"));
  EXPECT_THAT(refused("a.mp4 99999999999\n"), HasSubstr("list.txt:1: label 99999999999 is too large"));
  EXPECT_THAT(refused("a.mp4 1.5\n"), HasSubstr("label '1.5' is neither a number nor a name"));
  EXPECT_THAT(refused("a.mp4 left\n", 2, {"up", "down"}),
              HasSubstr("label 'left' is neither a number nor the name"));
  EXPECT_THAT(refused("a.mp4 2\n", 0, {"up", "down"}), HasSubstr("there are 2 classes"));
  // All of them at once.
  EXPECT_THAT(refused("a\nb.mp4 0\nc\n"), testing::AllOf(HasSubstr("list.txt:1:"), HasSubstr("list.txt:3:")));
}

// Names of classes may hold blanks; the longest that fits counts.
TEST_F(VideoListTest, NamesOfClassesWithBlanks) {
  VideoList list = read("a b.mp4 turn left\nc.mp4\tleft\nd.mp4 2\n", 0, {"left", "turn left", "up"});
  ASSERT_EQ(list.videos.size(), 3u);
  EXPECT_EQ(list.videos[0].path, folder / "a b.mp4");
  EXPECT_EQ(list.videos[0].label, 1);
  EXPECT_EQ(list.videos[1].label, 0);
  EXPECT_EQ(list.videos[2].label, 2);
  EXPECT_THAT(list.classes, ElementsAre("left", "turn left", "up"));
  EXPECT_EQ(describe(list), folder / "list.txt: paths and labels: 3 videos, 3 classes");
}

TEST_F(VideoListTest, LabelsFromOneAreToldOnce) {
  std::string fromOne, beyond;
  for (int i = 1; i <= 30; ++i) {
    fromOne += fmt::format("{}.mp4 {}\n", i, 1 + i % 3);
    beyond += fmt::format("{}.mp4 {}\n", i, i % 5);
  }
  EXPECT_EQ(refused(fromOne, 3),
            folder /
                "list.txt: labels count from 1 to 3, but classes from 0 to 2: subtract 1 from each label "
                "(awk '{ $NF -= 1; print }' LIST)");
  EXPECT_EQ(labelRemark(read(fromOne, 4)),
            folder / "list.txt: the labels are 1 to 3 and none is 0: classes count from 0");
  EXPECT_EQ(labelRemark(read(beyond)), "");
  EXPECT_EQ(labelRemark(read("a.mp4 1\nb.mp4 1\nc.mp4 3\n")), "");
}

// Thousands of wrong lines are a few lines, and all of them are in a file.
TEST_F(VideoListTest, ManyWrongLinesAreOneSummary) {
  std::string text;
  for (int i = 1; i <= 2000; ++i)
    text += i % 2 == 0   ? fmt::format("{}.mp4 7\n", i)
            : i % 3 == 0 ? fmt::format("{}.mp4 -2\n", i)
                         : fmt::format("{}\n", i);
  EXPECT_EQ(refused(text, 5),
            folder / "list.txt: 2000 lines cannot be used; all of them are in " +
                (folder / "list.txt.problems") +
                "\n"
                "  lines without a label, 667:\n"
                "    " +
                (folder / "list.txt:1: '1' is not a path and a label\n") + "    " +
                (folder / "list.txt:5: '5' is not a path and a label\n") + "    " +
                (folder / "list.txt:7: '7' is not a path and a label\n") +
                "  lines with negative labels, 333:\n"
                "    " +
                (folder / "list.txt:3: label -2 is negative\n") + "    " +
                (folder / "list.txt:9: label -2 is negative\n") + "    " +
                (folder / "list.txt:15: label -2 is negative\n") +
                "  lines with labels beyond the classes, 1000:\n"
                "    " +
                (folder / "list.txt:2: there are 5 classes (0 to 4), found label 7\n") + "    " +
                (folder / "list.txt:4: there are 5 classes (0 to 4), found label 7\n") + "    " +
                (folder / "list.txt:6: there are 5 classes (0 to 4), found label 7"));
  const std::string all = readText(folder / "list.txt.problems");
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 2000);
  EXPECT_THAT(all, HasSubstr("list.txt:2000: there are 5 classes (0 to 4), found label 7\n"));
}

// Where the list's folder cannot be written, the file goes to the folder for temporary files.
TEST_F(VideoListTest, TheSummaryIsToldWhereNothingCanBeWritten) {
  std::string text;
  for (int i = 0; i < 11; ++i)
    text += "a\n";
  std::filesystem::create_directory(folder / "list.txt.problems");
  const char *before = std::getenv("TMPDIR");
  const std::string kept = before ? before : "";
  std::filesystem::create_directory(folder / "tmp");
  setenv("TMPDIR", (folder / "tmp").c_str(), 1);
  EXPECT_THAT(refused(text), HasSubstr("all of them are in " + (folder / "tmp/list.txt.problems") + "\n"));
  std::filesystem::remove(folder / "tmp/list.txt.problems");
  std::filesystem::create_directory(folder / "tmp/list.txt.problems");
  EXPECT_THAT(
      refused(text),
      HasSubstr("11 lines cannot be used; there is no room for all of them beside the list or in TMPDIR\n"));
  before ? setenv("TMPDIR", kept.c_str(), 1) : unsetenv("TMPDIR");
}

TEST_F(VideoListTest, DuplicatesAndMissingFilesAreRemarks) {
  for (const char *name : {"a.mp4", "b.mp4"})
    writeText(folder / name, "");
  writeText(folder / "list.txt",
            "a.mp4 0\nb.mp4 1\na.mp4 0\nb.mp4 0\nno1.mp4 1\nno2.mp4 1\nno3.mp4 1\nno4.mp4 1\n");
  ListOptions options;
  options.findMissing = true;
  VideoList list = readVideoList(folder / "list.txt", options);
  EXPECT_EQ(list.videos.size(), 8u);
  EXPECT_THAT(list.notes,
              ElementsAre(folder / "list.txt: videos that are named again: 2, a.mp4 of line 1; b.mp4 of line "
                                   "2, with another label",
                          folder / "list.txt: missing videos: 4, such as " + (folder / "no1.mp4") + "; " +
                              (folder / "no2.mp4") + "; " + (folder / "no3.mp4") + "; all of them are in " +
                              (folder / "list.txt.problems")));
  EXPECT_THAT(list.unreadable,
              testing::ElementsAre(testing::Pair(4, "no such file"), testing::Pair(5, "no such file"),
                                   testing::Pair(6, "no such file"), testing::Pair(7, "no such file")));
  EXPECT_THAT(readText(folder / "list.txt.problems"),
              HasSubstr("list.txt:8: " + (folder / "no4.mp4") + "\n"));
  EXPECT_TRUE(readVideoList(folder / "list.txt").unreadable.empty());
}

TEST_F(VideoListTest, TheDigestIsOfWhatTheListSays) {
  auto digest = [&](const std::string &text) { return read(text, 0, {"up", "down"}).digest.text(); };
  const std::string plain = digest("a.mp4 0\nb.mp4 1\n");
  EXPECT_EQ(digest("# a comment\n a.mp4\t0 \r\n\nb.mp4 down"), plain);
  EXPECT_NE(digest("b.mp4 1\na.mp4 0\n"), plain);
  EXPECT_NE(digest("a.mp4 1\nb.mp4 1\n"), plain);
  EXPECT_NE(digest("a.mp4 0\n"), plain);
}

TEST_F(VideoListTest, NotAList) {
  EXPECT_THAT(errorOf([&] { readVideoList(folder / "none.txt"); }), HasSubstr("none.txt: No such file"));
  EXPECT_THAT(errorOf([&] { readVideoList(folder.path.string()); }),
              HasSubstr("is a folder that holds neither folders of classes nor split files of HMDB51"));
  EXPECT_THAT(errorOf([&] { readClassNames(folder.path.string()); }),
              HasSubstr("is a directory, not a text file"));
  EXPECT_THAT(refused(""), HasSubstr("list.txt: the list holds no video"));
  EXPECT_THAT(refused("# nothing\n"), HasSubstr("holds no video"));
  EXPECT_THAT(refused(std::string("a\0b 1\n", 6)), HasSubstr("list.txt:1: a zero byte"));
}

TEST_F(VideoListTest, ReadsClassNames) {
  writeText(folder / "classes.txt", "left\nright\n");
  EXPECT_THAT(readClassNames(folder / "classes.txt"), ElementsAre("left", "right"));
  writeText(folder / "list.txt", "a.mp4 right\n");
  EXPECT_EQ(readVideoList(folder / "list.txt").videos[0].label, 1);
  writeText(folder / "classes.txt", "left\n\n turn right \n");
  EXPECT_THAT(errorOf([&] { readClassNames(folder / "classes.txt"); }),
              HasSubstr("classes.txt:2: an empty name"));
  writeText(folder / "classes.txt", "left\n turn right \n\n");
  EXPECT_THAT(readClassNames(folder / "classes.txt"), ElementsAre("left", "turn right"));
  writeText(folder / "classes.txt", "");
  EXPECT_THAT(errorOf([&] { readClassNames(folder / "classes.txt"); }),
              HasSubstr("classes.txt: no names of classes"));
  writeText(folder / "classes.txt", "left\nup\nleft\n");
  EXPECT_THAT(errorOf([&] { readClassNames(folder / "classes.txt"); }),
              HasSubstr("classes.txt:3: class 'left' is on line 1 already"));
}

TEST_F(VideoListTest, ReadsNumberedClassNames) {
  writeText(folder / "classInd.txt", "1 Apply Eye Makeup\r\n2 Archery\r\n");
  EXPECT_THAT(readClassNames(folder / "classInd.txt"), ElementsAre("Apply Eye Makeup", "Archery"));
  writeText(folder / "classInd.txt", "1 Archery\n3 Biking\n");
  EXPECT_THAT(readClassNames(folder / "classInd.txt"), ElementsAre("1 Archery", "3 Biking")) << "plain names";
  writeText(folder / "k400.csv", "id,name\n1,archery\n0,abseiling\n2,\"air, drumming\"\n");
  EXPECT_THAT(readClassNames(folder / "k400.csv"), ElementsAre("abseiling", "archery", "air, drumming"));
  writeText(folder / "k400.csv", "id,name\n0,archery\n0,abseiling\n");
  EXPECT_THAT(errorOf([&] { readClassNames(folder / "k400.csv"); }),
              HasSubstr("k400.csv: the classes have the numbers 0 to 0, but there are 2: no class has the "
                        "number 1, or two do"));
  writeText(folder / "labels.json",
            R"({"Bending something": "1", "Approaching something with your camera": 0})");
  EXPECT_THAT(readClassNames(folder / "labels.json"),
              ElementsAre("Approaching something with your camera", "Bending something"));
  writeText(folder / "labels.json", R"({"Bending something": "one"})");
  EXPECT_THAT(errorOf([&] { readClassNames(folder / "labels.json"); }),
              HasSubstr("labels.json: class 'Bending something' has no number but \"one\""));
  writeText(folder / "labels.json", "[1]");
  EXPECT_THAT(errorOf([&] { readClassNames(folder / "labels.json"); }),
              HasSubstr("labels.json: is no JSON object of classes and their numbers"));
}

} // namespace

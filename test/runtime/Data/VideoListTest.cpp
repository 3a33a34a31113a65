#include "runtime/Data/VideoList.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>

#include <algorithm>

using namespace kinema;
using namespace kinema::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class VideoListTest : public testing::Test {
protected:
  VideoList read(const std::string &text, int64_t classes = 0, const std::vector<std::string> &names = {}) {
    writeText(folder / "list.txt", text);
    return readVideoList(folder / "list.txt", classes, names);
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
  EXPECT_THAT(refused("a.mp4 99999999999\n"), HasSubstr("list.txt:1: label '99999999999'"));
  EXPECT_THAT(refused("a.mp4 1.5\n"), HasSubstr("label '1.5' is neither a number nor a name"));
  EXPECT_THAT(refused("a.mp4 left\n", 2, {"up", "down"}),
              HasSubstr("label 'left' is neither a number nor the name"));
  EXPECT_THAT(refused("a.mp4 2\n", 0, {"up", "down"}), HasSubstr("there are 2 classes"));
  // All of them at once.
  EXPECT_THAT(refused("a\nb.mp4 0\nc\n"), testing::AllOf(HasSubstr("list.txt:1:"), HasSubstr("list.txt:3:")));
}

// One mistake is one line, however often it occurs, and what is left out of a report is counted.
TEST_F(VideoListTest, ManyWrongLabelsAreToldOnce) {
  std::string fromOne, beyond, noLabels;
  for (int i = 1; i <= 30; ++i) {
    fromOne += fmt::format("{}.mp4 {}\n", i, 1 + i % 3);
    beyond += fmt::format("{}.mp4 {}\n", i, i % 5);
    noLabels += fmt::format("{}\n", i);
  }
  EXPECT_EQ(refused(fromOne, 3),
            folder /
                "list.txt: labels count from 1 to 3, but classes from 0 to 2: subtract 1 from each label "
                "(awk '{ $NF -= 1; print }' LIST)");
  EXPECT_EQ(refused(beyond, 3),
            folder / "list.txt:3: there are 3 classes (0 to 2), found label 4, as on 11 lines more");
  std::string report = refused(noLabels);
  EXPECT_EQ(std::count(report.begin(), report.end(), '\n'), 10);
  EXPECT_THAT(report, HasSubstr("list.txt: 20 lines more are wrong"));

  EXPECT_EQ(labelRemark(read(fromOne, 4)),
            folder / "list.txt: the labels are 1 to 3 and none is 0: classes count from 0");
  EXPECT_EQ(labelRemark(read(beyond)), "");
  EXPECT_EQ(labelRemark(read("a.mp4 1\nb.mp4 1\nc.mp4 3\n")), "");
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
  EXPECT_THAT(errorOf([&] { readVideoList(folder / "none.txt", 0); }), HasSubstr("none.txt: No such file"));
  EXPECT_THAT(errorOf([&] { readVideoList(folder.path.string(), 0); }),
              HasSubstr("is a directory, not a list"));
  EXPECT_THAT(refused(""), HasSubstr("list.txt: the list holds no video"));
  EXPECT_THAT(refused("# nothing\n"), HasSubstr("holds no video"));
  EXPECT_THAT(refused(std::string("a\0b 1\n", 6)), HasSubstr("list.txt:1: a zero byte"));
}

TEST_F(VideoListTest, ReadsClassNames) {
  EXPECT_THAT(classNamesBeside(folder / "list.txt"), ElementsAre());
  writeText(folder / "classes.txt", "left\nright\n");
  EXPECT_THAT(classNamesBeside(folder / "list.txt"), ElementsAre("left", "right"));
  writeText(folder / "list.txt", "a.mp4 right\n");
  EXPECT_EQ(readVideoList(folder / "list.txt", 0).videos[0].label, 1);
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

} // namespace

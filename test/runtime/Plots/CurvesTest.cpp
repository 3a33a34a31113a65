#include "runtime/Plots/Curves.h"

#include "runtime/Plots/Plot.h"
#include "runtime/Support/Files.h"
#include "runtime/Support/Progress.h"
#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

using namespace kinema;
using namespace kinema::test;

namespace {

std::vector<EpochRow> sample() {
  std::vector<EpochRow> rows(3);
  for (int64_t i = 0; i < 3; ++i) {
    rows[i].epoch = i + 1;
    rows[i].rate = 0.1;
    rows[i].trainLoss = 2.0 / static_cast<double>(i + 1);
    rows[i].trainClipTop1 = 0.25 * static_cast<double>(i + 1);
  }
  rows[2].testVideoTop1 = 0.5;
  return rows;
}

// Returns whether tags are closed in the order in which they were opened.
bool isWellFormed(const std::string &xml) {
  std::vector<std::string> open;
  for (size_t at = xml.find('<'); at != std::string::npos; at = xml.find('<', at + 1)) {
    size_t end = xml.find('>', at);
    std::string tag = xml.substr(at + 1, end - at - 1);
    if (tag.ends_with('/'))
      continue;
    std::string name = tag.substr(0, tag.find(' '));
    if (name.starts_with('/')) {
      if (open.empty() || "/" + open.back() != name)
        return false;
      open.pop_back();
    } else {
      open.push_back(name);
    }
  }
  return open.empty();
}

} // namespace

TEST(Curves, Table) {
  std::string text = formatRows(sample());
  EXPECT_EQ(text.substr(0, text.find('\n')),
            "epoch,rate,train_loss,train_clip_top1,test_loss,test_clip_top1,test_video_top1,"
            "test_video_top5,clips_per_second,waiting,seconds,unreadable");
  EXPECT_NE(text.find("\n2,0.1,1,0.5,,,,,0,0,0,0\n"), std::string::npos) << text;
  EXPECT_EQ(formatRows(parseRows(text, "x")), text);
  EXPECT_NE(errorOf([] { parseRows("a,b\n1,2\n", "x.csv"); }).find("x.csv is no table"), std::string::npos);
  EXPECT_EQ(errorOf([&] { parseRows(text + "4,zz\n", "x.csv"); }),
            "x.csv:5: this is no row of the table: 4,zz");
}

TEST(Curves, RowsAfterTheCheckpointAreDropped) {
  TemporaryFolder folder;
  {
    CurveWriter writer(folder.name(), "net");
    for (const EpochRow &row : sample())
      writer.add(row);
  }
  EXPECT_EQ(CurveWriter(folder.name(), "net", 2).rows().size(), 2u);
  EXPECT_EQ(CurveWriter(folder.name(), "net").rows().size(), 0u);
  EXPECT_TRUE(isWellFormed(readFile(folder / "curves.svg")));
}

TEST(Curves, Picture) {
  std::string svg = drawCurves("R(2+1)D <18> & \"more\"", sample());
  EXPECT_TRUE(isWellFormed(svg)) << svg;
  EXPECT_NE(svg.find("R(2+1)D &lt;18&gt; &amp; &quot;more&quot;"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  for (const char *text : {">epoch<", ">loss<", ">accuracy<", ">train, clip<", ">test, video<", ">100%<"})
    EXPECT_NE(svg.find(text), std::string::npos) << text;
}

TEST(Curves, PicturesOfLittleData) {
  EXPECT_TRUE(isWellFormed(drawCurves("none", {})));
  EXPECT_TRUE(isWellFormed(drawCurves("one", {sample()[0]})));
  EpochRow huge = sample()[0];
  huge.trainLoss = 1e30;
  EXPECT_TRUE(isWellFormed(drawCurves("huge", {sample()[0], huge})));
}

TEST(Progress, Line) {
  ProgressState state;
  state.phase = "epoch 3/45";
  state.done = 512;
  state.total = 1024;
  state.clipsPerSecond = 84.25;
  state.loss = 1.23456;
  state.accuracy = 0.452;
  state.rate = 0.01;
  state.waiting = 0.034;
  state.secondsLeft = 3754;
  EXPECT_EQ(formatProgress(state), "epoch 3/45  512/1024 clips  84.2 clips/s  loss 1.2346  top-1 45.2%  rate "
                                   "0.01  waiting 3%  1:02:34 left");
}

TEST(Progress, Count) {
  EXPECT_EQ(formatCount(0, 9537, "videos", 0), "0/9537 videos");
  EXPECT_EQ(formatCount(512, 9537, "videos", 6.4), "512/9537 videos  80.0 videos/s  0:01:53 left");
}

TEST(Progress, PlainLinesWhereThereIsNoTerminal) {
  TemporaryFolder folder;
  std::FILE *file = std::fopen((folder / "log").c_str(), "w");
  {
    Progress progress(file);
    progress.update({});
    progress.note("a note");
  }
  std::fclose(file);
  EXPECT_EQ(readFile(folder / "log"), "a note\n");
}

#include "runtime/Commands/RunReport.h"

#include "runtime/Commands/EvaluationFiles.h"
#include "runtime/Plots/Packing.h"
#include "runtime/Plots/RunFolder.h"
#include "runtime/Support/Error.h"
#include "runtime/Support/Files.h"
#include "test/runtime/LinearPackage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

using namespace kinema;
using namespace kinema::test;
using testing::HasSubstr;
using testing::Not;

namespace {

StepRow step(double seconds, double waited, double copied) {
  return {.step = 1, .epoch = 1, .batch = 1, .seconds = seconds, .waited = waited, .copied = copied};
}

JudgedVideo judged(const char *video, int64_t label, int64_t said, double score) {
  return {.video = video,
          .label = label,
          .rank = label == said ? 0 : 1,
          .said = said,
          .score = score,
          .saidScore = 1 - score,
          .labels = {{label, label == said ? 0 : 1}}};
}

RunRecord exampleRun() {
  RunRecord run;
  run.checkpoint.network = "tiny <net>";
  run.checkpoint.state = {
      .epoch = 2, .batch = 0, .count = {}, .lossScale = {}, .sums = {}, .best = 0.75, .bestEpoch = 1};
  run.checkpoint.recipe.train.rate = 0.125;
  run.checkpoint.origin.train = {"train & all.txt", 12, "d"};
  run.checkpoint.origin.decoder = "FFmpeg <5>";
  run.checkpoint.classes = {"run", "jump"};
  run.epochs = {{.epoch = 1, .trainLoss = 1.5, .clipsPerSecond = 8},
                {.epoch = 2, .trainLoss = 0.5, .clipsPerSecond = 9}};
  run.steps = {step(1, 0.5, 0), step(1, 0.9, 0)};
  run.videos = {judged("nowhere/a.y4m", 0, 1, 0.25), judged("nowhere/b.y4m", 1, 1, 0.75)};
  run.spec = "network tiny classes=2 {\n}\n";
  return run;
}

TEST(RunReport, SharesOfTheTime) {
  const std::vector<StepRow> steps = {step(2, 1, 0.25), step(2, 0, 0.25)};
  const StepShares shares = sharesOf(steps);
  EXPECT_DOUBLE_EQ(shares.waiting, 0.25);
  EXPECT_DOUBLE_EQ(shares.copying, 0.125);
  EXPECT_DOUBLE_EQ(shares.computing, 0.625);
  EXPECT_EQ(describe(shares), "Computing bounded the run: it took 62.5% of the time.");
  EXPECT_EQ(describe(StepShares{0.5, 0.2, 0.3}),
            "Decoding bounded the run: in 50.0% of the time no batch was ready.");
  EXPECT_EQ(describe(StepShares{0.1, 0.6, 0.3}),
            "Copying clips to the device bounded the run: it took 60.0% of the time.");
  EXPECT_DOUBLE_EQ(sharesOf({}).computing, 1);
}

TEST(RunReport, TheWorstVideosAreWrongOnesWithTheLeastScores) {
  const std::vector<JudgedVideo> videos = {judged("right", 1, 1, 0.1), judged("a", 0, 1, 0.3),
                                           judged("b", 0, 1, 0.2), judged("c", 0, 1, 0.3)};
  const std::vector<JudgedVideo> worst = worstVideos(videos, 2);
  ASSERT_EQ(worst.size(), 2u);
  EXPECT_EQ(worst[0].video, "b");
  EXPECT_EQ(worst[1].video, "a");
}

TEST(RunReport, ThePageSaysWhatTheRunDid) {
  const std::string page = reportPage(exampleRun());
  EXPECT_THAT(page, HasSubstr("<h1>tiny &lt;net&gt;</h1>"));
  EXPECT_THAT(page, HasSubstr("<b>2 of 45</b>epochs"));
  EXPECT_THAT(page, HasSubstr("<b>75.0%</b>best video top-1, in epoch 2"));
  EXPECT_THAT(page, HasSubstr("Decoding bounded the run: in 70.0% of the time no batch was ready."));
  EXPECT_THAT(page, HasSubstr("<td class=\"number\">1</td><td>run</td><td>jump</td>"));
  EXPECT_THAT(page, HasSubstr("train &amp; all.txt"));
  EXPECT_THAT(page, HasSubstr("<p>decoded by FFmpeg &lt;5&gt;</p>"));
  EXPECT_THAT(page, HasSubstr("<tr class=\"own\"><td>train.rate</td><td>0.125</td><td>0.01</td></tr>"));
  EXPECT_THAT(page, HasSubstr("<tr><td>train.seed</td><td>1</td><td>1</td></tr>"));
  EXPECT_THAT(page, HasSubstr("<pre>network tiny classes=2 {\n}\n</pre>"));
  EXPECT_THAT(page, HasSubstr("no frames: nowhere/a.y4m: "));
  EXPECT_THAT(page, Not(HasSubstr("nowhere/b.y4m"))); // it was judged right
  EXPECT_EQ(page, reportPage(exampleRun()));
}

TEST(RunReport, EachOfSeveralLabelsCounts) {
  RunRecord run = exampleRun();
  run.checkpoint.recipe.train.loss = "binary_cross_entropy";
  run.videos[1].labels = {{0, 1}, {1, 0}};
  const std::string page = reportPage(run);
  EXPECT_THAT(page, HasSubstr("<b>75.0%</b>best mean average precision of the classes, in epoch 2"));
  EXPECT_THAT(page, HasSubstr("stands for it in the matrix"));
  EXPECT_THAT(page, HasSubstr("<td>run</td><td class=\"number\">2</td>"));
  EXPECT_THAT(page, HasSubstr("<td>jump</td><td class=\"number\">1</td>"));
}

TEST(RunReport, ARunWithoutTestsHasNoTestOnItsPage) {
  RunRecord run = exampleRun();
  run.videos.clear();
  run.epochs.clear();
  run.steps.clear();
  run.spec.clear();
  const std::string page = reportPage(run);
  EXPECT_THAT(page, Not(HasSubstr("The last test")));
  EXPECT_THAT(page, Not(HasSubstr("<h2>Spec")));
  EXPECT_THAT(page, HasSubstr("</html>"));
}

TEST(RunReport, AFolderWithoutARunIsRefused) {
  TemporaryFolder folder;
  EXPECT_THAT([&] { readRun(folder.name()); },
              testing::ThrowsMessage<Error>(HasSubstr("holds no training: there is no " +
                                                      folder / "last.safetensors" +
                                                      "; name the folder that `train --out` had")));
}

TEST(RunReport, ALineThatIsNoEvaluationsIsNamed) {
  TemporaryFolder folder;
  const std::string right = "{\"video\":\"a\",\"label\":1,\"rank\":0,\"said\":1,\"scores\":[0.25,0.75]}\n";
  for (const char *wrong :
       {"{", "[]", "{\"video\":\"a\",\"said\":1,\"scores\":[1]}",
        "{\"video\":\"a\",\"label\":2,\"rank\":0,\"said\":1,\"scores\":[0.25,0.75]}",
        "{\"video\":\"a\",\"label\":-1,\"rank\":0,\"said\":1,\"scores\":[0.25,0.75]}",
        "{\"video\":\"a\",\"label\":1,\"rank\":0,\"said\":1,\"scores\":7}",
        "{\"video\":\"a\",\"label\":1,\"labels\":[1,2],\"rank\":0,\"said\":1,\"scores\":[0.2,"
        "0.7]}"}) {
    folder.write("videos.jsonl", right + wrong + "\n");
    EXPECT_THAT([&] { readJudgedVideos(folder / "videos.jsonl"); },
                testing::ThrowsMessage<Error>(
                    HasSubstr("videos.jsonl:2: this is no line that an evaluation with labels writes")))
        << wrong;
  }
  folder.write("videos.jsonl", right);
  EXPECT_DOUBLE_EQ(readJudgedVideos(folder / "videos.jsonl").at(0).score, 0.75);
}

// The bytes are those of RFC 4648's examples; pictures are read by other programs in report.test.
TEST(Packing, BytesAsText) {
  EXPECT_EQ(dataAddress("text/plain", ""), "data:text/plain;base64,");
  EXPECT_EQ(dataAddress("a/b", "f"), "data:a/b;base64,Zg==");
  EXPECT_EQ(dataAddress("a/b", "fo"), "data:a/b;base64,Zm8=");
  EXPECT_EQ(dataAddress("a/b", "foobar"), "data:a/b;base64,Zm9vYmFy");
}

} // namespace

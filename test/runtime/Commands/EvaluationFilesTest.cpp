#include "runtime/Commands/EvaluationFiles.h"

#include "runtime/Plots/Matrix.h"
#include "runtime/Plots/Svg.h"
#include "runtime/Support/Files.h"
#include "test/runtime/LinearPackage.h"
#include "test/runtime/SyntheticSource.h"

#include <gtest/gtest.h>

using namespace kinema;
using namespace kinema::test;

namespace {

// Two videos of class 0, of which one is said to be of class 1, and one of class 1; class 2 has none.
class EvaluationFiles : public testing::Test {
protected:
  SyntheticSource source{3, 7, false};
  Evaluation evaluation;

  EvaluationFiles() {
    evaluation.scores = VideoScores(3, false);
    const std::vector<float> logits = {9, 0, 0, 0, 9, 0, 0, 9, 0};
    evaluation.scores.add(logits, std::vector<ClipLabels>{{{0}}, {{0}}, {{1}}},
                          std::vector<int64_t>{0, 1, 2});
    evaluation.videos = evaluation.scores.metrics();
  }
};

TEST_F(EvaluationFiles, ALineAVideo) {
  const std::string text = scoresText(evaluation, source, {"run", "jump", "sit"}, true);
  const std::string second = text.substr(text.find('\n') + 1);
  EXPECT_EQ(
      second.substr(0, second.find("\"scores\"")),
      "{\"video\":\"" + source.videoName(1) +
          "\",\"label\":0,\"class\":\"run\",\"rank\":1,\"said\":1,\"said_class\":\"jump\",\"clips\":1,");
  const std::string plain = scoresText(evaluation, source, {}, false);
  EXPECT_EQ(plain.substr(0, plain.find("\"scores\"")),
            "{\"video\":\"" + source.videoName(0) + "\",\"said\":0,\"clips\":1,");
}

TEST_F(EvaluationFiles, Classes) {
  EXPECT_EQ(classesText(evaluation, {"run", "jump, high", "sit"}),
            "label,name,videos,top1,top5,top1_share,top5_share\n"
            "0,run,2,1,2,0.5,1\n"
            "1,\"jump, high\",1,1,1,1,1\n"
            "2,sit,0,0,0,,\n");
}

TEST_F(EvaluationFiles, Confusion) {
  EXPECT_EQ(confusionText(evaluation, {}), "class,0,1,2\n0,1,1,0\n1,0,1,0\n2,0,0,0\n");
  EXPECT_EQ(confusionText(evaluation, {"a \"b\"", "c", "d"}).substr(0, 20), "class,\"a \"\"b\"\"\",c,d\n");
}

TEST_F(EvaluationFiles, AllInAFolder) {
  Folder folder;
  prepareEvaluation(folder / "out");
  writeEvaluation(folder / "out", evaluation, source, {"a & b", "<c>", "d"});
  for (const char *name : {"videos.jsonl", "classes.csv", "confusion.csv"})
    EXPECT_FALSE(readFile(folder / "out/" + name).empty()) << name;
  const std::string picture = readFile(folder / "out/confusion.svg");
  EXPECT_NE(picture.find("<title>a &amp; b: 1 of 2 said to be &lt;c&gt;</title>"), std::string::npos);
  EXPECT_EQ(picture.substr(picture.size() - 7), "</svg>\n");
}

// XML has neither bytes that are not UTF-8 nor most control characters.
TEST(Matrix, TextIsXml) {
  EXPECT_EQ(escapedForSvg("a\tb & \xc3\xa9\xf0\x9f\x98\x80\n"), "a\tb &amp; \xc3\xa9\xf0\x9f\x98\x80\n");
  for (const char *wrong : {"\x01", "\x1b", "\xe9", "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xef\xbf\xbe",
                            "\xf0\x9f", "\xf9\x80\x80\x80"}) {
    const std::string text = escapedForSvg(wrong);
    EXPECT_EQ(text.substr(0, 3), "\xef\xbf\xbd") << wrong;
    EXPECT_EQ(escapedForSvg(text), text) << wrong;
  }
}

TEST(Matrix, LeavesOutTheNamesOfManyClasses) {
  std::vector<int64_t> counts(61 * 61);
  counts[5] = 2;
  const std::string picture = drawMatrix("many", std::vector<std::string>(61, "name"), counts);
  EXPECT_EQ(picture.find(">name<"), std::string::npos);
  EXPECT_NE(picture.find("name: 2 of 2 said to be name"), std::string::npos);
}

} // namespace

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

TEST_F(EvaluationFiles, FeaturesAreMeansOverClips) {
  OutputTensor output;
  output.name = "features.a";
  output.shape = {3, 2};
  LayerFeatures &layer = evaluation.features.emplace_back(output);
  layer.add(std::vector<float>{1, 2, 3, 4, 5, 6}, std::vector<int32_t>{0, 0, 1},
            std::vector<int64_t>{0, 1, 2});
  layer.add(std::vector<float>{4, 4, 9, 9}, std::vector<int32_t>{0, -1}, std::vector<int64_t>{0, -1});
  const TensorFile file = featuresFile(evaluation, source, /*labelled=*/true);
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_EQ(file.tensors[0].name, "features.a");
  EXPECT_EQ(file.tensors[0].shape, (std::vector<int64_t>{3, 2}));
  const std::vector<float> means = {2.5, 3, 3, 4, 5, 6};
  EXPECT_TRUE(std::ranges::equal(file.tensors[0].as<float>(), means));
  EXPECT_EQ(file.tensors[1].name, "labels");
  EXPECT_TRUE(std::ranges::equal(file.tensors[1].as<int32_t>(), std::vector<int32_t>{0, 0, 1}));
  EXPECT_EQ(file.metadata.at("videos"), "[\"" + source.videoName(0) + "\",\"" + source.videoName(1) +
                                            "\",\"" + source.videoName(2) + "\"]");
  EXPECT_EQ(featuresFile(evaluation, source, /*labelled=*/false).tensors.size(), 1u);
}

TEST_F(EvaluationFiles, AllInAFolder) {
  TemporaryFolder folder;
  makeDirectory(folder / "out");
  folder.write("out/classes.csv.unfinished-aB3xYz", "what a killed evaluation left");
  prepareEvaluation(folder / "out");
  EXPECT_FALSE(std::filesystem::exists(folder / "out/classes.csv.unfinished-aB3xYz"));
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

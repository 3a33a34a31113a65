// Evaluations of two networks together.
#include "runtime/Package/Safetensors.h"
#include "runtime/Training/Checkpoint.h"
#include "test/runtime/Commands/CommandsFixture.h"

#include <filesystem>
#include <sstream>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;

// Two networks are evaluated on the same videos, each as if it were alone, and by the mean of their scores.
TEST_F(Commands, TwoNetworksAreFused) {
  writeVideos(folder, "train.txt", 3);
  writeVideos(folder, "test.txt", 5);
  std::filesystem::copy_file(package, folder / "other.kin");
  ASSERT_EQ(run("train linear.kin --train train.txt --out a.d --epochs 1"), 0) << errors;
  ASSERT_EQ(run("train linear.kin --train train.txt --out b.d --epochs 2 --seed 5"), 0) << errors;
  auto scoresOf = [&](const std::string &arguments) {
    EXPECT_EQ(run("eval linear.kin --test test.txt --json --out found " + arguments), 0) << errors;
    std::vector<std::vector<double>> scores;
    std::istringstream lines(readFile(folder / "found/videos.jsonl"));
    for (std::string line; std::getline(lines, line);)
      scores.push_back(json::parse(line).at("scores"));
    return scores;
  };
  const std::string a = "--weights a.d/last.safetensors", b = "--weights b.d/last.safetensors";
  auto first = scoresOf(a);
  json firstAlone = json::parse(output);
  auto second = scoresOf(b);
  json secondAlone = json::parse(output);
  auto fused = scoresOf(a + " --with other.kin --with-weights b.d/last.safetensors --with-share 0.25");
  json document = json::parse(output);
  ASSERT_EQ(fused.size(), 5u);
  for (size_t video = 0; video < 5; ++video)
    for (size_t label = 0; label < 3; ++label)
      EXPECT_NEAR(fused[video][label], 0.75 * first[video][label] + 0.25 * second[video][label], 1e-9);
  ASSERT_EQ(document.at("alone").size(), 2u);
  EXPECT_EQ(document.at("alone")[0].at("loss"), firstAlone.at("loss"));
  EXPECT_EQ(document.at("alone")[1].at("loss"), secondAlone.at("loss"));
  EXPECT_FALSE(document.contains("loss"));
  EXPECT_EQ(document.at("videos"), 5);

  std::filesystem::remove(folder / "test.txt4.mp4");
  ASSERT_EQ(run("eval linear.kin --test test.txt --set data.missing=0.5 " + a +
                " --with other.kin --with-weights b.d/last.safetensors"),
            0)
      << errors;
  for (const char *text :
       {"linear with a.d/last.safetensors: 8 clips of 4 videos (1 more could not be read), loss",
        "linear with b.d/last.safetensors: 8 clips of 4 videos (1 more could not be read), loss",
        "both, with weights of 0.5 and 0.5: 4 videos (1 more could not be read)\nvideo_top1"})
    EXPECT_NE(output.find(text), std::string::npos) << output;
}

TEST_F(Commands, NetworksThatCannotBeFused) {
  writeVideos(folder, "train.txt", 3);
  ASSERT_EQ(run("train linear.kin --train train.txt --out a.d --epochs 1"), 0) << errors;
  const std::string eval = "eval linear.kin --test train.txt --weights a.d/last.safetensors ";
  EXPECT_EQ(run(eval + "--with-share 0.3"), 2);
  EXPECT_NE(errors.find("--with-share requires --with"), std::string::npos) << errors;
  EXPECT_EQ(run(eval + "--with linear.kin"), 2);
  EXPECT_NE(errors.find("carries no weights; name a file with --with-weights"), std::string::npos) << errors;
  TensorFile weights = readTensors(folder / "a.d/last.safetensors");
  for (const char *name : {"a", "b"}) {
    nameClasses({name, "green", "blue"}, weights);
    writeTensors(folder / name, weights);
  }
  EXPECT_EQ(run("eval linear.kin --test train.txt --weights a --with linear.kin --with-weights b"), 1);
  EXPECT_NE(
      errors.find("the weights of linear and linear are for different classes: class 0 is 'a' in the one "
                  "and 'b' in the other"),
      std::string::npos)
      << errors;
}

// Trainings as a user meets them: how they begin, end and go on.
#include "runtime/Package/Safetensors.h"
#include "test/runtime/Commands/CommandsFixture.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;

TEST_F(Commands, TrainEvalPredict) {
  writeVideos(folder, "train.txt", 9);
  writeVideos(folder, "test.txt", 5);
  ASSERT_EQ(
      run("train linear.kin --train train.txt --test test.txt --out out.d --epochs 4 --set train.rate=0.05"),
      0)
      << errors;
  EXPECT_NE(output.find("video_top1  100.00%  (5 of 5)"), std::string::npos) << output << errors;
  EXPECT_NE(errors.find("epoch 4/4"), std::string::npos) << errors;
  std::string first = readFile(folder / "out.d/last.safetensors");

  EXPECT_EQ(run("train linear.kin --train train.txt --out out.d"), 2);
  EXPECT_NE(errors.find("out.d holds a run already"), std::string::npos) << errors;

  // In two parts and with other threads: the same bits.
  ASSERT_EQ(run("train linear.kin --train train.txt --test test.txt --out two.d --epochs 2 --set "
                "train.rate=0.05 --loaders 1"),
            0)
      << errors;
  ASSERT_EQ(run("train linear.kin --train train.txt --test test.txt --out two.d --epochs 4 --resume "
                "--threads 2 --loaders 3"),
            0)
      << errors;
  EXPECT_TRUE(readFile(folder / "two.d/last.safetensors") == first);

  ASSERT_EQ(run("eval linear.kin --test test.txt --weights out.d/best.safetensors --json"), 0) << errors;
  EXPECT_EQ(json::parse(output).at("video_top1"), 1.0);
  EXPECT_EQ(json::parse(output).at("clips"), 10);
  ASSERT_EQ(run("eval linear.kin --test test.txt --weights out.d/last.safetensors --confusion"), 0) << errors;
  EXPECT_NE(output.find("2         0    0    1"), std::string::npos) << output;

  folder.write("names.txt", "red\ngreen\nblue\n");
  ASSERT_EQ(
      run("predict linear.kin test.txt1.mp4 --weights out.d/best.safetensors --labels names.txt --top 2"), 0)
      << errors;
  EXPECT_EQ(output.rfind("test.txt1.mp4\n", 0), 0u) << output;
  EXPECT_NE(output.find("%  green\n"), std::string::npos) << output;
  EXPECT_EQ(std::count(output.begin(), output.end(), '\n'), 3) << output;

  folder.write("bad.mp4", "no video");
  EXPECT_EQ(run("predict linear.kin bad.mp4 --weights out.d/best.safetensors"), 1);
  EXPECT_EQ(errors.rfind("cannot read bad.mp4: ", 0), 0u) << errors;
  EXPECT_EQ(run("eval linear.kin --test test.txt"), 2);
  EXPECT_NE(errors.find("carries no weights; name a file with --weights"), std::string::npos) << errors;
  EXPECT_EQ(run("train linear.kin --train train.txt --out x.d --set data.crop=4x4"), 2);
  EXPECT_NE(
      errors.find("data.crop: a crop of 4x4 for an input of 2x3, as the package was compiled: leave the "
                  "size out: it follows the input, or compile the spec with --frames and --size"),
      std::string::npos)
      << errors;
}

TEST_F(Commands, AProfileOfTrainingIsOfItsSteps) {
  writeVideos(folder, "train.txt", 9);
  std::string training = "train linear.kin --train train.txt --epochs 2 --out ";
  ASSERT_EQ(run(training + "a.d --profile"), 0) << errors;
  EXPECT_NE(output.find("the launches of a step, medians of 6; this machine's peak: "), std::string::npos)
      << output;
  EXPECT_NE(output.find("x floor"), std::string::npos) << output;
  ASSERT_EQ(run(training + "b.d"), 0) << errors;
  EXPECT_EQ(output.find("x floor"), std::string::npos) << output;
  EXPECT_TRUE(readFile(folder / "a.d/last.safetensors") == readFile(folder / "b.d/last.safetensors"));
}

// An interrupt in mid-training, sent twice as timeout(1) does: the step is finished, the checkpoint written,
// and the run goes on to the same bits.
TEST_F(Commands, AnInterruptLosesNothing) {
  writeVideos(folder, "train.txt", 9);
  std::string line = fmt::format(
      "cd '{}' && {{ '{}' train linear.kin --train train.txt --set train.epochs=1000000 --out a.d 2>err & "
      "pid=$!; "
      "n=0; until [ -e a.d/last.safetensors ] || [ $n = 6000 ]; do sleep 0.01; n=$((n + 1)); done; "
      "kill -INT $pid; kill -INT $pid; wait $pid; echo $? >status; }}",
      folder.name(), KINEMA_RUNTIME);
  ASSERT_EQ(std::system(line.c_str()), 0);
  errors = readFile(folder / "err");
  EXPECT_EQ(readFile(folder / "status"), "1\n") << errors;
  ASSERT_NE(errors.find("error: stopped by SIGINT after batch"), std::string::npos) << errors;
  TensorFile checkpoint = readTensors(folder / "a.d/last.safetensors");
  int64_t epoch = json::parse(checkpoint.metadata.at("state")).at("epoch");
  std::string epochs = fmt::format(" --epochs {}", epoch + 2);
  ASSERT_EQ(run("train linear.kin --train train.txt --resume --out a.d" + epochs), 0) << errors;
  ASSERT_EQ(run("train linear.kin --train train.txt --out b.d" + epochs), 0) << errors;
  EXPECT_TRUE(readFile(folder / "a.d/last.safetensors") == readFile(folder / "b.d/last.safetensors"));
}

TEST_F(Commands, FineTuning) {
  writeVideos(folder, "train.txt", 9);
  ASSERT_EQ(run("train linear.kin --train train.txt --out out.d --epochs 1"), 0) << errors;
  TensorFile weights = readTensors(folder / "out.d/last.safetensors");
  weights.metadata.clear();
  std::erase_if(weights.tensors,
                [](const FileTensor &t) { return t.name != "fc.bias" && t.name != "in.bn.running_mean"; });
  writeTensors(folder / "w", weights);
  EXPECT_EQ(run("train linear.kin --train train.txt --out new.d --epochs 1 --weights w"), 1);
  EXPECT_NE(errors.find("w has no tensor fc.weight, which linear needs"), std::string::npos) << errors;
  EXPECT_EQ(run("train linear.kin --train train.txt --out new.d --epochs 1 --weights w --partial"), 0)
      << errors;
  EXPECT_NE(errors.find("2 of 3 parameters are from w\n"), std::string::npos) << errors;
  EXPECT_NE(errors.find("initialised: there is no fc.weight\n"), std::string::npos) << errors;
  EXPECT_NE(readFile(folder / "new.d/weights.txt").find("fc.bias taken from fc.bias of w\n"),
            std::string::npos);
  for (FileTensor &tensor : weights.tensors)
    tensor.name += ".other";
  writeTensors(folder / "w", weights);
  EXPECT_EQ(run("train linear.kin --train train.txt --out other.d --epochs 1 --weights w --partial"), 1);
  EXPECT_NE(errors.find("w has none of the parameters of linear"), std::string::npos) << errors;
}

// A run goes on with what it was made of, or is told what is meant to be another.
TEST_F(Commands, ResumingAnotherRunIsRefused) {
  std::string list = readFile(writeVideos(folder, "train.txt", 9));
  writeVideos(folder, "test.txt", 3);
  std::string training =
      "train linear.kin --train train.txt --test test.txt --out a.d --set train.decay=0.5 ";
  ASSERT_EQ(run(training + "--epochs 1"), 0) << errors;
  std::string before = readFile(folder / "a.d/last.safetensors");
  auto refused = [&](const std::string &arguments) {
    EXPECT_EQ(run("train " + arguments + " --out a.d --epochs 2 --resume"), 2) << errors;
    EXPECT_TRUE(readFile(folder / "a.d/last.safetensors") == before);
    return errors;
  };

  folder.write("short.txt", list.substr(0, list.find("train.txt8")));
  EXPECT_EQ(
      refused("linear.kin --train short.txt --test test.txt"),
      "kinema-runtime: error: a.d holds another run: its train list was train.txt with 9 videos, now it is "
      "short.txt with 8 videos; if that is meant, add --changed train\n");
  EXPECT_NE(refused("linear.kin --train short.txt")
                .find("its test list was test.txt with 3 videos, now it is "
                      "none; if that is meant, add --changed train,test"),
            std::string::npos)
      << errors;
  std::string relabelled = list;
  relabelled[list.find('\n') - 1] = '2';
  folder.write("train.txt", relabelled);
  EXPECT_NE(refused("linear.kin --train train.txt --test test.txt").find("9 videos of other lines"),
            std::string::npos)
      << errors;
  folder.write("train.txt", "# the same videos\n" + list);

  json other = linearManifest();
  other["network"] = "another";
  writeLinearPackage(folder / "other.kin", other);
  EXPECT_NE(refused("other.kin --train train.txt --test test.txt").find("add --changed network"),
            std::string::npos)
      << errors;
  other["recipe"]["train"]["momentum"] = 0.25;
  writeLinearPackage(folder / "other.kin", other);
  EXPECT_NE(
      refused("other.kin --train train.txt --test test.txt --changed network")
          .find("the spec's recipe was another one: train.momentum is 0.25, was 0.9; if that is meant, add "
                "--changed recipe"),
      std::string::npos)
      << errors;
  json many = other;
  for (const char *field : {"nesterov", "warmup", "rate", "smoothing"})
    many["recipe"]["train"][field] = field == std::string("nesterov") ? json(true) : json(0.75);
  many["recipe"]["train"]["warmup"] = 7;
  writeLinearPackage(folder / "many.kin", many);
  EXPECT_NE(refused("many.kin --train train.txt --test test.txt --changed network").find(" and 1 more; if"),
            std::string::npos)
      << errors;
  EXPECT_EQ(run("train linear.kin --train train.txt --out b.d --changed train"), 2);
  EXPECT_NE(errors.find("add --resume"), std::string::npos) << errors;

  // Settings that the run was begun with are kept, those of now are added; what is meant is done. A folder
  // that was moved and more threads are the same run.
  std::filesystem::rename(folder / "a.d", folder / "b.d");
  ASSERT_EQ(
      run("train linear.kin --train train.txt --test test.txt --out b.d --epochs 2 --resume --threads 2"), 0)
      << errors;
  std::filesystem::rename(folder / "b.d", folder / "a.d");
  EXPECT_NE(errors.find("the checkpoint's recipe is kept: train.decay is 0.5"), std::string::npos) << errors;
  ASSERT_EQ(
      run("train other.kin --train short.txt --out a.d --epochs 3 --resume --changed train,test,network "
          "--changed recipe"),
      0)
      << errors;
  EXPECT_EQ(errors.find("is kept"), std::string::npos) << errors;
  ASSERT_EQ(run("train other.kin --train short.txt --out a.d --epochs 4 --resume"), 0) << errors;

  // Videos may be decoded by another library, which is said.
  TensorFile elsewhere = readTensors(folder / "a.d/last.safetensors");
  json origin = json::parse(elsewhere.metadata.at("origin"));
  EXPECT_TRUE(origin.at("decoder").get<std::string>().starts_with("FFmpeg ")) << origin;
  origin["decoder"] = "FFmpeg 4.4";
  elsewhere.metadata["origin"] = origin.dump();
  writeTensors(folder / "a.d/last.safetensors", elsewhere);
  ASSERT_EQ(run("train other.kin --train short.txt --out a.d --epochs 5 --resume"), 0) << errors;
  EXPECT_NE(errors.find("FFmpeg 4.4 decoded the videos before, and FFmpeg "), std::string::npos) << errors;

  // So is a spec that asks for more epochs.
  ASSERT_EQ(run("train linear.kin --train train.txt --out c.d --keep 1"), 0) << errors;
  EXPECT_TRUE(readFile(folder / "c.d/epoch-3.safetensors") == readFile(folder / "c.d/last.safetensors"));
  json longer = linearManifest();
  longer["recipe"]["train"]["epochs"] = 4;
  writeLinearPackage(folder / "longer.kin", longer);
  ASSERT_EQ(run("train longer.kin --train train.txt --out c.d --resume --keep 1"), 0) << errors;
  EXPECT_NE(errors.find("epoch 4/4"), std::string::npos) << errors;
  EXPECT_FALSE(std::filesystem::exists(folder / "c.d/epoch-3.safetensors"));
  ASSERT_EQ(run("train linear.kin --train train.txt --out c.d --overwrite --epochs 1"), 0) << errors;
  EXPECT_FALSE(std::filesystem::exists(folder / "c.d/epoch-4.safetensors"));
}

TEST_F(Commands, OneRunWritesToAFolder) {
  writeVideos(folder, "train.txt", 3);
  std::string line = fmt::format(
      "cd '{}' && {{ '{}' train linear.kin --train train.txt --set train.epochs=1000000 --out a.d 2>err & "
      "pid=$!; n=0; until [ -e a.d/last.safetensors ] || [ $n = 6000 ]; do sleep 0.01; n=$((n + 1)); done; "
      "'{}' train linear.kin --train train.txt --out a.d --overwrite 2>second; echo $? >status; "
      "kill -KILL $pid; wait $pid; echo $pid >holder; }}",
      folder.name(), KINEMA_RUNTIME, KINEMA_RUNTIME);
  ASSERT_EQ(std::system(line.c_str()), 0);
  EXPECT_EQ(readFile(folder / "status"), "2\n");
  std::string holder = readFile(folder / "holder");
  holder.pop_back();
  std::string second = readFile(folder / "second");
  EXPECT_EQ(second.rfind("kinema-runtime: error: a.d is in use: process " + holder + " on ", 0), 0u)
      << second;
  // Whoever was killed holds nothing.
  ASSERT_EQ(run("train linear.kin --train train.txt --out a.d --overwrite --epochs 1"), 0) << errors;
  EXPECT_FALSE(std::filesystem::exists(folder / "a.d/.lock"));
}

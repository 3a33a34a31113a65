// kinema-runtime as a user meets it: exit statuses, messages, files.
#include "runtime/Package/Package.h"
#include "runtime/Package/Safetensors.h"
#include "runtime/Program/Program.h"
#include "runtime/Support/Files.h"
#include "runtime/Training/Checkpoint.h"
#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;

namespace {

class Commands : public testing::Test {
protected:
  Folder folder;
  std::string package = writeLinearPackage(folder / "linear.kin");
  std::string output, errors;

  int run(const std::string &arguments, const std::string &program = KINEMA_RUNTIME) {
    std::string line = fmt::format("cd '{}' && {} {} >out 2>err", folder.name(), program, arguments);
    int status = std::system(line.c_str());
    output = readFile(folder / "out");
    errors = readFile(folder / "err");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
};

} // namespace

TEST_F(Commands, WrongArgumentsEndWithStatus2) {
  EXPECT_EQ(run(""), 2);
  EXPECT_EQ(run("fly"), 2);
  EXPECT_EQ(run("info"), 2);
  EXPECT_EQ(errors, "kinema-runtime: error: PACKAGE is required (--help lists the options)\n");
  EXPECT_EQ(run("train linear.kin --train list"), 2);
  EXPECT_EQ(run("bench linear.kin --runs -3"), 2);
  EXPECT_EQ(run("bnch linear.kin"), 2);
  EXPECT_EQ(errors, "kinema-runtime: error: kinema-runtime has no command bnch; did you mean 'bench'? "
                    "(--help lists the options)\n");
  EXPECT_EQ(run("bench linear.kin --rwns=3"), 2);
  EXPECT_EQ(errors, "kinema-runtime: error: bench has no option --rwns; did you mean '--runs'? (--help lists "
                    "the options)\n");
  EXPECT_EQ(run("bench linear.kin --per-krnel"), 2);
  EXPECT_NE(errors.find("did you mean '--per-kernel'?"), std::string::npos) << errors;
  EXPECT_EQ(run("bench linear.kin more"), 2);
  EXPECT_EQ(errors, "kinema-runtime: error: bench has no further argument more (--help lists the options)\n");
  EXPECT_EQ(run("--version"), 0);
  EXPECT_TRUE(output.starts_with("Kinema ")) << output;
  EXPECT_EQ(run("--help"), 0);
  EXPECT_NE(output.find("bench"), std::string::npos);
}

TEST_F(Commands, WorkThatFailsEndsWithStatus1) {
  EXPECT_EQ(run("info none.kin"), 1);
  EXPECT_EQ(errors, "kinema-runtime: error: cannot read none.kin: No such file or directory\n");
  folder.write("text", "a text");
  EXPECT_EQ(run("bench text"), 1);
  EXPECT_EQ(errors, "kinema-runtime: error: text is no package: there is no zip directory at its end\n");
}

TEST_F(Commands, InfoAndBench) {
  EXPECT_EQ(run("info linear.kin"), 0);
  EXPECT_NE(output.find("parameters  57 values in 3 tensors"), std::string::npos) << output;
  EXPECT_EQ(run("info linear.kin --json"), 0);
  EXPECT_EQ(json::parse(output).at("parameters").at("total"), 57);
  EXPECT_EQ(run("bench linear.kin --runs 2 --threads 2"), 0);
  EXPECT_NE(output.find("train_step: median"), std::string::npos) << output;
  EXPECT_EQ(output.find("x floor"), std::string::npos) << output;
  EXPECT_EQ(run("bench linear.kin --runs 2 --per-kernel"), 0);
  EXPECT_NE(output.find("x floor"), std::string::npos) << output;
  EXPECT_EQ(run("bench linear.kin --runs 2 --json"), 0);
  EXPECT_EQ(json::parse(output).at("entries").size(), 2u);
}

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

// The weights keep the names of the classes, by which evaluation and prediction tell them.
TEST_F(Commands, NamesOfClassesGoWithTheWeights) {
  writeVideos(folder, "all.txt", 9);
  const char *names[] = {"red", "green leaf", "blue"};
  for (int video = 0; video < 9; ++video) {
    std::string in = fmt::format("{}/videos/{}", folder.name(), names[video % 3]);
    std::filesystem::create_directories(in);
    std::filesystem::rename(folder / fmt::format("all.txt{}.mp4", video),
                            fmt::format("{}/{}.mp4", in, video));
  }
  folder.write("test.csv",
               "label,youtube_id,time_start,time_end,split\ngreen leaf,1,0,1,val\nred,0,0,1,val\n");
  ASSERT_EQ(
      run("train linear.kin --train videos --test test.csv --test-root videos --out out.d --epochs 4 --set "
          "train.rate=0.05"),
      0)
      << errors;
  EXPECT_NE(errors.find("videos: class folders: 9 videos, 3 classes in the order of their names\n"),
            std::string::npos)
      << errors;
  EXPECT_NE(errors.find("test.csv: Kinetics list: 2 videos, 3 classes\n"), std::string::npos) << errors;
  for (const char *weights : {"best", "last"}) {
    ASSERT_EQ(run(fmt::format("eval linear.kin --test test.csv --root videos --weights out.d/{}.safetensors "
                              "--confusion",
                              weights)),
              0)
        << errors;
    EXPECT_NE(
        output.find("blue           0    0    0\ngreen leaf     0    1    0\nred            0    0    1\n"),
        std::string::npos)
        << output;
  }
  ASSERT_EQ(run("predict linear.kin 'videos/green leaf/1.mp4' --weights out.d/last.safetensors --top 1"), 0)
      << errors;
  EXPECT_NE(output.find("%  green leaf\n"), std::string::npos) << output;

  // So do the weights that a package carries.
  PackageWriter writer;
  writer.add("manifest.json", linearManifest().dump());
  writer.add("code/x86-64-v3.so", linearCode());
  writer.add(weightsEntry, weightsForPackage(parseManifest(linearManifest().dump(), "linear"),
                                             folder / "out.d/last.safetensors"));
  writer.write(folder / "named.kin");
  ASSERT_EQ(run("eval named.kin --test test.csv --root videos --json"), 0) << errors;
  EXPECT_EQ(json::parse(output).at("classes"), json({"blue", "green leaf", "red"}));
  ASSERT_EQ(run("predict named.kin 'videos/green leaf/1.mp4' --top 1"), 0) << errors;
  EXPECT_NE(output.find("%  green leaf\n"), std::string::npos) << output;

  // What nobody says is not guessed.
  ASSERT_EQ(run("train linear.kin --train videos --out out.d --epochs 5 --resume --changed test"), 0)
      << errors;
  ASSERT_EQ(run("train linear.kin --train test.csv --root videos --out few.d --epochs 1 --weights "
                "out.d/last.safetensors"),
            0)
      << errors;
  EXPECT_NE(
      errors.find(
          "test.csv: its 2 classes are the first of the 3 of linear; if there are more, name the file "
          "of all of them with --labels\nout.d/last.safetensors was trained on other classes than those "
          "of test.csv: class 0 is 'blue' in the one and 'green leaf' in the other\n"),
      std::string::npos)
      << errors;
  ASSERT_EQ(run("eval linear.kin --test test.csv --root videos --weights out.d/last.safetensors --json"), 0);
  EXPECT_EQ(json::parse(output).at("classes"), json({"blue", "green leaf", "red"}));
  folder.write("numbers.txt", "videos/red/0.mp4 0\nvideos/blue/2.mp4 2\n");
  ASSERT_EQ(run("train linear.kin --train numbers.txt --out unnamed.d --epochs 1"), 0) << errors;
  EXPECT_EQ(run("eval linear.kin --test test.csv --root videos --weights unnamed.d/last.safetensors"), 1);
  EXPECT_NE(errors.find("test.csv: it has videos of 2 classes, linear knows 3, and nothing says which: name "
                        "the file of all of them with --labels"),
            std::string::npos)
      << errors;
  folder.write("names", "red\ngreen leaf\nblue\n");
  ASSERT_EQ(
      run("eval linear.kin --test test.csv --root videos --weights out.d/last.safetensors --labels names"),
      0);
  EXPECT_NE(
      errors.find("out.d/last.safetensors was trained on other classes than those of test.csv: class 0 is "
                  "'blue' in the one and 'red' in the other"),
      std::string::npos)
      << errors;
  std::filesystem::create_directory(folder / "lists");
  folder.write("lists/classes.txt", "red\ngreen leaf\nblue\n");
  EXPECT_EQ(run("train linear.kin --train videos --test lists/test.txt --out x.d"), 1);
  folder.write("lists/test.txt", "../videos/red/0.mp4 0\n");
  EXPECT_EQ(run("train linear.kin --train videos --test lists/test.txt --out x.d"), 1);
  EXPECT_NE(
      errors.find("videos and lists/test.txt have different classes: class 0 is 'blue' in the one and 'red' "
                  "in the other; name the file of both with --labels"),
      std::string::npos)
      << errors;
  folder.write("unlabelled.csv", "youtube_id,time_start,time_end,split\n--6bJUbfpnQ,17,27,test\n");
  EXPECT_EQ(run("train linear.kin --train unlabelled.csv --out x.d"), 1);
  EXPECT_NE(errors.find(
                "unlabelled.csv: not all of its videos have labels, without which they cannot be used here"),
            std::string::npos)
      << errors;
}

TEST_F(Commands, ListsAreCheckedWithoutANetwork) {
  writeVideos(folder, "train.txt", 3);
  EXPECT_EQ(run("data check train.txt"), 0) << errors;
  EXPECT_NE(errors.find("train.txt: paths and labels: 3 videos, 3 classes\n"), std::string::npos) << errors;
  EXPECT_EQ(run("data check train.txt --format kinetics"), 1);
  EXPECT_NE(errors.find("train.txt: its first line names no column youtube_id"), std::string::npos) << errors;
  EXPECT_EQ(run("data check train.txt --format nothing"), 2);
  EXPECT_EQ(run("data bench train.txt --clips 3 --set data.resize=16x24 --set data.crop=16x24"), 0) << errors;
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

TEST_F(Commands, FlowThatIsNotToBeHad) {
  writeVideos(folder, "train.txt", 3);
  writeLinearPackage(folder / "two.kin", twoInputManifest());
  setenv("KINEMA_FLOW_LIBRARY", "none.so", 1);
  EXPECT_EQ(run("train two.kin --train train.txt --out out.d"), 1);
  unsetenv("KINEMA_FLOW_LIBRARY");
  EXPECT_NE(errors.find("optical flow is computed by libkinema-flow.so, which cannot be opened"),
            std::string::npos)
      << errors;
  EXPECT_EQ(run("train two.kin --train train.txt --out out.d --flow flow"), 1);
  EXPECT_NE(errors.find("there is no folder flow with stored flow"), std::string::npos) << errors;
  EXPECT_EQ(run("train linear.kin --train train.txt --out out.d --flow flow"), 2);
  EXPECT_NE(errors.find("--flow flow: linear has no input of kind flow"), std::string::npos) << errors;
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

// Damaged or unsuitable files are refused before anything is written.
TEST_F(Commands, ConvertingAndInflatingWeights) {
  TensorFile pictures;
  for (auto &[name, shape] : std::vector<std::pair<std::string, std::vector<int64_t>>>{
           {"conv1.weight", {2, 3, 7, 7}}, {"bn1.num_batches_tracked", {}}, {"fc.bias", {3}}})
    pictures.tensors.emplace_back(name, ElementType::F32, shape);
  writeTensors(folder / "w", pictures);
  EXPECT_EQ(run("weights convert w own --from torchvision-2d --verbose"), 0) << errors;
  EXPECT_EQ(output, "stem.weight: float32 [2, 3, 1, 7, 7]\nfc.bias: float32 [3]\n"
                    "own: 2 of 3 tensors of w, called as in the spec\n");
  EXPECT_EQ(run("weights convert own other --to mmaction2-2d"), 0) << errors;
  EXPECT_EQ(readTensors(folder / "other").tensors[0].shape, (std::vector<int64_t>{2, 3, 7, 7}));
  EXPECT_EQ(run("weights inflate w inflated linear.kin --from torchvision-2d"), 0) << errors;
  EXPECT_NE(output.find("1 of 3 parameters are from w\n"), std::string::npos) << output;
  EXPECT_NE(output.find("inflated lacks the other parameters: train from it with --partial\n"),
            std::string::npos)
      << output;
  EXPECT_EQ(readTensors(folder / "inflated").tensors.size(), 1u);
  EXPECT_EQ(run("weights inflate w inflated linear.kin --from torchvision-2d --verbose"), 0) << errors;
  EXPECT_NE(output.find("fc.bias taken from fc.bias of w\n"), std::string::npos) << output;

  folder.write("cut", readFile(folder / "w").substr(0, 300));
  auto said = [&](const std::string &arguments, const std::string &message) {
    EXPECT_NE(run(arguments), 0);
    EXPECT_NE(errors.find(message), std::string::npos) << arguments << ": " << errors;
    EXPECT_FALSE(std::filesystem::exists(folder / "no"));
  };
  said("weights convert cut no --from torchvision-2d", "cut");
  said("weights convert w no", "--from and --to are the same");
  said("weights convert w no --from slowfast", "tensor conv1.weight has no name in the naming slowfast");
  said("weights convert w no linear.kin --from torchvision-2d", "w has no tensor");
  said("weights convert w none/no --from torchvision-2d", "none/no");
  said("weights inflate own no linear.kin --from slowfast", "own has none of the parameters of linear");
  said("weights inflate cut no linear.kin", "cut");
}

TEST_F(Commands, WeightsUnderOtherNamesSayWhichOption) {
  nlohmann::json manifest = linearManifest();
  manifest["parameters"][0]["name"] = "stem.weight";
  writeLinearPackage(folder / "stem.kin", manifest);
  writeVideos(folder, "train.txt", 3);
  ASSERT_EQ(run("train linear.kin --train train.txt --out out.d --epochs 1"), 0) << errors;
  TensorFile weights = readTensors(folder / "out.d/last.safetensors");
  weights.metadata.clear();
  std::erase_if(weights.tensors, [](const FileTensor &t) { return t.name.starts_with("momentum."); });
  for (FileTensor &tensor : weights.tensors)
    if (tensor.name == "fc.weight")
      tensor.name = "stem.0.weight";
  writeTensors(folder / "w", weights);
  EXPECT_EQ(run("eval stem.kin --test train.txt --weights w"), 1);
  EXPECT_NE(errors.find(
                "w has no tensor stem.weight, which linear needs; it has stem.0.weight, as torchvision calls "
                "it: say --names torchvision"),
            std::string::npos)
      << errors;
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

TEST_F(Commands, VideosThatAreMissingAreCounted) {
  std::string list = readFile(writeVideos(folder, "train.txt", 3));
  for (int missing = 0; missing < 5; ++missing)
    list += fmt::format("none{}.mp4 {}\n", missing, missing % 3);
  ASSERT_EQ(mkfifo((folder / "none4.mp4").c_str(), 0600), 0);
  folder.write("train.txt", list);
  ASSERT_EQ(
      run("train linear.kin --train train.txt --test train.txt --out a.d --epochs 2 --set data.missing=0.7"),
      0)
      << errors;
  EXPECT_NE(
      errors.find("train.txt: missing videos: 4, such as none0.mp4; none1.mp4; none2.mp4; all of them are in "
                  "train.txt.problems\n"),
      std::string::npos)
      << errors;
  EXPECT_EQ(errors.find("cannot read none0.mp4"), std::string::npos) << "it is told once\n" << errors;
  EXPECT_NE(output.find("trained without 5 of 8 videos, which could not be read\n"), std::string::npos)
      << output;
  EXPECT_NE(output.find(" clips of 3 videos (5 more could not be read), loss "), std::string::npos) << output;
  EXPECT_NE(errors.find("none4.mp4: is a named pipe, not a regular file; it is left out\n"),
            std::string::npos)
      << errors;
  EXPECT_NE(errors.find("  without 5 of 8 videos  rate "), std::string::npos) << errors;
}

// More missing videos than the recipe allows end the work: before it begins where they are known, else with a
// checkpoint.
TEST_F(Commands, TooManyMissingVideosAreAnError) {
  std::string list = readFile(writeVideos(folder, "train.txt", 9));
  ASSERT_EQ(mkfifo((folder / "pipe.mp4").c_str(), 0600), 0);
  folder.write("train.txt", list + "pipe.mp4 0\n");
  std::string training = "train linear.kin --train train.txt --epochs 2 --out ";
  ASSERT_EQ(run(training + "a.d"), 0) << "a tenth is allowed" << errors;
  EXPECT_NE(output.find("trained without 1 of 10 videos, which could not be read\n"), std::string::npos)
      << output;
  EXPECT_EQ(run(training + "b.d --set data.missing=0.05"), 1);
  EXPECT_NE(errors.find(
                "error: train.txt: 1 of 10 videos cannot be read, 10.0%, and data.missing allows 5.0%: mend "
                "them, take them off the list, or allow more with --set data.missing=10%\n"),
            std::string::npos)
      << errors;
  ASSERT_EQ(run(training + "b.d --resume --set data.missing=10%"), 0) << errors;
  EXPECT_TRUE(readTensors(folder / "a.d/last.safetensors").tensors.front().bytes ==
              readTensors(folder / "b.d/last.safetensors").tensors.front().bytes);

  folder.write("test.txt", list + "none.mp4 0\nnothing.mp4 0\n");
  std::string evaluation = "eval linear.kin --test test.txt --weights a.d/last.safetensors";
  EXPECT_EQ(run(evaluation), 1);
  EXPECT_EQ(output, "");
  EXPECT_NE(
      errors.find("error: test.txt: 2 of 11 videos cannot be read, 18.2%, and data.missing allows 10.0%"),
      std::string::npos)
      << errors;
  EXPECT_EQ(run(training + "c.d --test test.txt"), 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "c.d"));
  EXPECT_EQ(run(evaluation + " --set data.missing=0.19"), 0) << errors;
  EXPECT_NE(output.find("of 9 videos (2 more could not be read)"), std::string::npos) << output;
  folder.write("test.txt", list + "pipe.mp4 0\npipe.mp4 1\n");
  EXPECT_EQ(run(evaluation), 1) << "found out while the others are looked at";
  EXPECT_NE(output.find("of 9 videos (2 more could not be read)"), std::string::npos) << output;
  EXPECT_NE(errors.find("test.txt: 2 of 11 videos cannot be read"), std::string::npos) << errors;
  EXPECT_EQ(run(training + "d.d --test test.txt"), 1);
  EXPECT_NE(errors.find("test.txt: 2 of 11 videos cannot be read"), std::string::npos) << errors;
  EXPECT_TRUE(std::filesystem::exists(folder / "d.d/last.safetensors"));
}

// The loader uses what a check has found out; the same bits come of it.
TEST_F(Commands, TrainingUsesTheIndex) {
  std::string list = readFile(writeVideos(folder, "train.txt", 19));
  folder.write("bad.mp4", "no video");
  folder.write("train.txt", list + "bad.mp4 0\n");
  std::string training = "train linear.kin --train train.txt --epochs 2 --out ";
  ASSERT_EQ(run(training + "a.d"), 0) << errors;
  EXPECT_NE(errors.find("cannot read bad.mp4: not a video that FFmpeg can read; it is left out\n"),
            std::string::npos)
      << errors;
  EXPECT_EQ(run("data check train.txt"), 1);
  EXPECT_NE(errors.find("train.txt: 1 of 20 videos cannot be read; all of them are in train.txt.bad\n"),
            std::string::npos)
      << errors;
  EXPECT_EQ(readFile(folder / "train.txt.bad"), "bad.mp4: not a video that FFmpeg can read\n");
  ASSERT_EQ(run(training + "b.d"), 0) << errors;
  EXPECT_NE(errors.find("train.txt.index: it knows 20 of 20 videos\ntrain.txt: unreadable videos: 1, such as "
                        "bad.mp4: not a video that FFmpeg can read; all of them are in train.txt.bad\n"),
            std::string::npos)
      << errors;
  EXPECT_EQ(errors.find("it is left out"), std::string::npos) << errors;
  EXPECT_NE(errors.find("  without 1 of 20 videos  rate "), std::string::npos) << errors;
  EXPECT_NE(output.find("trained without 1 of 20 videos, which could not be read\n"), std::string::npos)
      << output;
  EXPECT_TRUE(readFile(folder / "a.d/last.safetensors") == readFile(folder / "b.d/last.safetensors"));

  // An index may lie elsewhere; a damaged one is refused.
  EXPECT_EQ(run("data check train.txt --index cache"), 1);
  EXPECT_EQ(run("data check train.txt --index cache"), 1);
  EXPECT_NE(errors.find(": it knew 20 of 20 videos already\n"), std::string::npos) << errors;
  ASSERT_EQ(run("data bench train.txt --clips 1 --index cache --set data.resize=16x24 --set data.crop=16x24"),
            0)
      << errors;
  EXPECT_NE(errors.find(": it knows 20 of 20 videos\n"), std::string::npos) << errors;
  folder.write("train.txt.index", "an index");
  EXPECT_EQ(run(training + "c.d"), 1);
  EXPECT_NE(
      errors.find("train.txt.index: is no index of videos, or one of another version; remove it, and `data "
                  "check` makes it anew\n"),
      std::string::npos)
      << errors;

  // Where no index can be written, the videos are checked without one.
  std::filesystem::remove(folder / "train.txt.index");
  std::filesystem::create_directory(folder / "train.txt.index");
  folder.write("train.txt", list);
  EXPECT_EQ(run("data check train.txt"), 0) << errors;
  EXPECT_NE(
      errors.find("cannot write train.txt.index: it is a directory: no index is kept; --index names a folder "
                  "that can be written\n"),
      std::string::npos)
      << errors;
}

// A check that is killed goes on where it was, and leaves the same index as one that was not.
TEST_F(Commands, AKilledCheckGoesOn) {
  writeVideos(folder, "train.txt", 60);
  std::filesystem::copy_file(folder / "train.txt", folder / "whole.txt");
  ASSERT_EQ(run("data check whole.txt"), 0) << errors;
  // The last video is so large that no check comes to its end before it is killed.
  const std::filesystem::path last = folder / "train.txt59.mp4", kept = folder / "kept.mp4";
  std::filesystem::rename(last, kept);
  folder.write(last.filename().string(), "");
  std::filesystem::resize_file(last, uintmax_t{1} << 38);
  for (int64_t bytes : {1, 500, 2000}) {
    std::string line = fmt::format(
        "cd '{}' && {{ '{}' data check train.txt --threads 1 >out 2>err & pid=$!; n=0; until [ $(stat -c %s "
        "train.txt.index.part 2>/dev/null || echo 0) -ge {} ] || [ $n = 6000 ]; do sleep 0.01; n=$((n + 1)); "
        "done; "
        "kill -KILL $pid; wait $pid; }} 2>/dev/null; test -e train.txt.index.part",
        folder.name(), KINEMA_RUNTIME, bytes);
    ASSERT_EQ(std::system(line.c_str()), 0);
  }
  std::filesystem::rename(kept, last);
  EXPECT_FALSE(std::filesystem::exists(folder / "train.txt.index"));
  ASSERT_EQ(run("data check train.txt"), 0) << errors;
  EXPECT_NE(errors.find(" of 60 videos already\n"), std::string::npos) << errors;
  EXPECT_TRUE(readFile(folder / "train.txt.index") == readFile(folder / "whole.txt.index"));
  EXPECT_FALSE(std::filesystem::exists(folder / "train.txt.index.part"));
}

// Names of folders need not be UTF-8. They are found again all the same.
TEST_F(Commands, NamesOfClassesAreAnyBytes) {
  writeVideos(folder, "all.txt", 3);
  for (int video = 0; std::string name : {"a,b", "caf\xe9", "new\nline"}) {
    std::filesystem::create_directories(folder / "videos/" + name);
    std::filesystem::rename(folder / fmt::format("all.txt{}.mp4", video++),
                            folder / "videos/" + name + "/1.mp4");
  }
  ASSERT_EQ(run("train linear.kin --train videos --out out.d --epochs 1"), 0) << errors;
  EXPECT_EQ(classNamesIn(readTensorHeader(folder / "out.d/last.safetensors")),
            (std::vector<std::string>{"a,b", "caf\xe9", "new\nline"}));
  ASSERT_EQ(run("eval linear.kin --test videos --weights out.d/last.safetensors --out found"), 0) << errors;
  EXPECT_NE(readFile(folder / "found/classes.csv").find("1,caf\xe9,1,"), std::string::npos);
}

// What can be known before the code is loaded is told without it.
TEST_F(Commands, ArgumentsAreLookedAtFirst) {
  PackageWriter writer;
  writer.add("manifest.json", linearManifest().dump());
  writer.add("code/x86-64-v3.so", "this cannot be loaded");
  writer.write(folder / "codeless.kin");
  writer.add(weightsEntry, formatTensors(TensorFile()));
  writer.write(folder / "named.kin");
  writeVideos(folder, "train.txt", 3);
  TensorFile file;
  file.tensors.emplace_back("fc.weight", ElementType::F32, std::vector<int64_t>{1});
  writeTensors(folder / "w", file);
  auto said = [&](const std::string &arguments, const std::string &message) {
    EXPECT_NE(run(arguments), 0);
    EXPECT_NE(errors.find(message), std::string::npos) << arguments << ": " << errors;
  };
  said("train codeless.kin --train none.txt --out a.d", "none.txt: No such file");
  said("train codeless.kin --train train.txt --test none.txt --out a.d", "none.txt: No such file");
  said("train codeless.kin --train train.txt --out a.d --weights w", "w: tensor fc.weight is float32 [1]");
  said("train codeless.kin --train train.txt --out a.d --resume", "there is nothing to resume");
  said("train codeless.kin --train train.txt --out w", "cannot create the directory w: ");
  said("eval codeless.kin --test train.txt --weights none", "cannot read none: No such file");
  said("eval codeless.kin --test train.txt", "carries no weights");
  said("predict codeless.kin train.txt0.mp4 --weights w --names no", "there is no naming 'no'");
  said("predict codeless.kin train.txt0.mp4 --weights w", "w: tensor fc.weight is float32 [1]");
  std::filesystem::create_directories(folder / "taken/videos.jsonl");
  said("eval named.kin --test train.txt --out taken", "cannot write taken/videos.jsonl: it is a directory");
  said("run codeless.kin --input w --output none/y", "cannot write none/y");
  said("eval codeless.kin --test train.txt --weights w --set data.resize=1x1",
       "data.resize: frames are resized to less than the crop of 2x3");
  said("predict codeless.kin train.txt0.mp4 --weights w --top 0", "--top must be at least 1, found 0");
  std::filesystem::create_directory(folder / "b.d");
  folder.write("b.d/last.safetensors", "");
  said("train codeless.kin --train train.txt --out b.d --resume --weights w",
       "--resume takes its weights from b.d/last.safetensors: leave --weights out");
  writeLinearPackage(folder / "infer.kin", linearManifest(false));
  said("run infer.kin --input w --output y --step",
       "package linear was compiled for inference and cannot do a step; compile it with --mode train");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.d"));
  said("train codeless.kin --train train.txt --out a.d", "cannot load code/x86-64-v3.so");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.d"));
}

// FFmpeg is looked for before anything is made, and what is said names releases and packages.
TEST_F(Commands, FFmpegIsMissedOnce) {
  writeVideos(folder, "train.txt", 3);
  ASSERT_EQ(run("train linear.kin --train train.txt --out w.d --epochs 1"), 0) << errors;
  std::filesystem::create_directory(folder / "lib");
  folder.write("lib/libavutil.so.57", "");
  for (const char *arguments : {"train linear.kin --train train.txt --out a.d",
                                "eval linear.kin --test train.txt --weights w.d/last.safetensors"}) {
    EXPECT_EQ(run(arguments, "env LD_LIBRARY_PATH=lib KINEMA_FFMPEG=5 " KINEMA_RUNTIME), 1);
    EXPECT_EQ(errors, "kinema-runtime: error: FFmpeg 5, which KINEMA_FFMPEG asks for, is needed to read "
                      "videos, FFmpeg 5 on this machine cannot be used: lib/libavutil.so.57: file too short; "
                      "install FFmpeg 4.4 to 8 (Debian, Ubuntu: apt install ffmpeg; Fedora: dnf install "
                      "ffmpeg-free), or make the videos uncompressed ones (.y4m)\n");
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "a.d"));
}

// Libraries that stand in for other releases: one that is too old, one without functions, one that is another
// than its name says.
TEST_F(Commands, TheReleaseOfFFmpegIsChosen) {
  writeVideos(folder, "train.txt", 3);
  ASSERT_EQ(run("train linear.kin --train train.txt --out w.d --epochs 1",
                "env LD_LIBRARY_PATH=" KINEMA_STANDINS " " KINEMA_RUNTIME),
            0)
      << errors;
  auto said = [&](const char *release, const std::string &libraries, const std::string &text,
                  int status = 1) {
    EXPECT_EQ(
        run("train linear.kin --train train.txt --out a.d",
            fmt::format("env LD_LIBRARY_PATH={} KINEMA_FFMPEG={} {}", libraries, release, KINEMA_RUNTIME)),
        status);
    EXPECT_NE(errors.find(text), std::string::npos) << errors;
  };
  said("8", KINEMA_STANDINS,
       "FFmpeg 8, which KINEMA_FFMPEG asks for, is needed to read videos, found FFmpeg 3.4; install FFmpeg");
  said("6", KINEMA_STANDINS, "FFmpeg 6 on this machine cannot be used: it has no function av_dict_free; ");
  said("9", KINEMA_STANDINS, "KINEMA_FFMPEG is 9, expected one of 4.4, 5, 6, 7, 8", 2);
  std::filesystem::create_directory(folder / "lib");
  auto link = [&](const std::string &to, const char *name) {
    std::filesystem::create_symlink(to, folder / fmt::format("lib/{}", name));
  };
  link(KINEMA_STANDINS "/libavutil.so.58", "libavutil.so.59");
  said("7", "lib", "FFmpeg 7 on this machine cannot be used: libavutil.so.59 says that its number is 58; ");
  link("/lib/x86_64-linux-gnu/libm.so.6", "libavutil.so.60");
  said("8", "lib", "FFmpeg 8 on this machine cannot be used: libavutil.so.60 does not say its number; ");
  link(KINEMA_STANDINS "/libavutil.so.58", "libavutil.so.58");
  said("6", "lib",
       "FFmpeg 6 on this machine cannot be used: libavcodec.so.60: cannot open shared object file");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.d"));
}

// Lists, indices, names of classes, packages and the links that lie beside lists lead nowhere: outside of the
// folders that the command line names no file is made, changed or removed.
TEST_F(Commands, NothingIsWrittenElsewhere) {
  namespace fs = std::filesystem;
  const std::string root = folder / "root", outside = folder / "outside";
  fs::create_directories(root);
  fs::create_directories(outside);
  const Folder videos;
  writeVideos(videos, "v", 3);
  for (const char *name : {"v0.mp4", "v1.mp4", "v2.mp4"})
    fs::copy_file(videos / name, outside + "/" + name);
  for (const char *name : {"index", "bad", "problems", "part", "written"})
    folder.write(fmt::format("outside/{}", name), fmt::format("the user's {}", name));
  auto contents = [&] {
    std::map<std::string, std::string> found;
    for (const auto &entry : fs::recursive_directory_iterator(outside))
      found[entry.path()] = entry.is_regular_file() ? readFile(entry.path()) : "";
    return found;
  };
  const auto before = contents();
  folder.write("root/list.txt",
               fmt::format("../outside/v0.mp4 0\n{}/v1.mp4 1\n../outside/../outside/v2.mp4 2\n"
                           "../outside/bad 0\n/dev/null 1\n",
                           outside));
  folder.write("root/names", "../../outside/written\n/outside/written\n..\n");
  json manifest = linearManifest();
  manifest["name"] = "../../outside/written";
  writeLinearPackage(folder / "root/evil.kin", manifest);
  auto link = [&](const char *to, const std::string &name) {
    fs::remove(root + "/" + name);
    fs::create_symlink(fmt::format("../outside/{}", to), root + "/" + name);
  };
  link("index", "list.txt.index");
  link("bad", "list.txt.bad");
  EXPECT_EQ(run("data check root/list.txt"), 1);
  EXPECT_NE(errors.find("is no index of videos"), std::string::npos) << errors; // what the link shows is read
  link("none", "list.txt.index");
  EXPECT_EQ(run("data check root/list.txt"), 1);
  EXPECT_NE(errors.find("2 of 5 videos cannot be read"), std::string::npos) << errors;
  EXPECT_FALSE(fs::is_symlink(root + "/list.txt.bad"));
  fs::remove(root + "/list.txt.index");
  link("part", "list.txt.index.part");
  EXPECT_EQ(run("data check root/list.txt"), 1);
  EXPECT_NE(errors.find("cannot write root/list.txt.index.part: "), std::string::npos) << errors;
  fs::remove(root + "/list.txt.index.part");
  std::string wrong;
  for (int line = 0; line < 20; ++line)
    wrong += "../outside/v0.mp4 x\n";
  folder.write("root/wrong.txt", wrong);
  link("problems", "wrong.txt.problems");
  EXPECT_EQ(run("data check root/wrong.txt"), 1);
  EXPECT_FALSE(fs::is_symlink(root + "/wrong.txt.problems")) << errors;
  const std::string lists = " --labels root/names --set data.missing=50%";
  EXPECT_EQ(
      run("train root/evil.kin --train root/list.txt --test root/list.txt --out root/out --epochs 1" + lists),
      0)
      << errors;
  EXPECT_EQ(
      run("eval root/evil.kin --test root/list.txt --weights root/out/last.safetensors --out root/found" +
          lists),
      0)
      << errors;
  EXPECT_EQ(contents(), before);
}

// As in a chroot: the program finds its package, and the package's code can be loaded.
TEST_F(Commands, ATrainerNeedsNoProc) {
  if (std::system("unshare -rm mount -t tmpfs none /proc 2>/dev/null") != 0)
    GTEST_SKIP() << "no rights to be without /proc here";
  PackageWriter writer;
  writer.add("manifest.json", linearManifest().dump());
  writer.add("code/x86-64-v3.so", linearCode());
  writer.writeBehind(KINEMA_RUNTIME, folder / "trainer");
  EXPECT_EQ(run("-rm sh -c 'mount -t tmpfs none /proc && ./trainer bench --runs 1'", "unshare"), 0) << errors;
  EXPECT_NE(output.find("train_step: median"), std::string::npos) << output;
}

TEST_F(Commands, WhatCannotBePrintedIsAnError) {
  auto redirected = [&](const std::string &arguments) {
    return run(fmt::format("-c '$0 {}' {}", arguments, KINEMA_RUNTIME), "sh");
  };
  for (const char *command : {"info linear.kin >&-", "info linear.kin >/dev/full", "--help >/dev/full"}) {
    EXPECT_EQ(redirected(command), 1) << command;
    EXPECT_EQ(errors, "kinema-runtime: error: cannot write to the standard output\n") << command;
  }
  EXPECT_EQ(redirected("info none 2>&-"), 1);
  // What is printed does not go to the file that is opened next.
  writeVideos(folder, "train.txt", 3);
  EXPECT_EQ(redirected("train linear.kin --train train.txt --out a.d --epochs 1 >&- 2>&-"), 1);
  EXPECT_EQ(redirected("train linear.kin --train train.txt --out b.d --epochs 1"), 0) << errors;
  EXPECT_TRUE(readFile(folder / "a.d/last.safetensors") == readFile(folder / "b.d/last.safetensors"));
}

TEST_F(Commands, ATrainerIsTheRuntimeWithAPackage) {
  PackageWriter writer;
  writer.add("manifest.json", linearManifest().dump());
  writer.add("code/x86-64-v3.so", linearCode());
  writer.writeBehind(KINEMA_RUNTIME, folder / "trainer");
  EXPECT_EQ(run("info", folder / "trainer"), 0) << errors;
  EXPECT_EQ(output.rfind("linear: training package", 0), 0u) << output;
  EXPECT_EQ(run("bench --runs 1", folder / "trainer"), 0) << errors;
}

TEST_F(Commands, RunWritesWhatItIsAskedFor) {
  TensorFile input;
  input.tensors.emplace_back("input", ElementType::F32, std::vector<int64_t>{4, 3, 1, 2, 3});
  writeTensors(folder / "x", input);
  EXPECT_EQ(run("run linear.kin --input x --output y"), 0) << errors;
  EXPECT_TRUE(readTensors(folder / "y").find("logits"));
  EXPECT_EQ(run("run linear.kin --input x --output y --step"), 1);
  EXPECT_EQ(errors, "kinema-runtime: error: x has no tensor labels\n");
  EXPECT_EQ(run("run linear.kin --input x --output y --names caffe"), 2);
  EXPECT_EQ(run("run linear.kin --input x --output no/such/y"), 1);
}

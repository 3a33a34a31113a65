#include "runtime/Training/Trainer.h"

#include "runtime/Support/Files.h"
#include "runtime/Support/Interrupt.h"
#include "runtime/Training/KeptCheckpoints.h"
#include "test/runtime/LinearPackage.h"
#include "test/runtime/SyntheticSource.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <filesystem>
#include <set>

using namespace kinema;
using namespace kinema::test;

namespace {

constexpr int64_t videos = 30; // 8 batches, the last one half full

struct Killed {};

// A training in a folder, as a process would do it.
struct Training {
  Program program;
  SyntheticSource train{videos, 7, true}, test{21, 8, false};
  Recipe recipe = program.manifest().recipe;
  Progress quiet{nullptr};
  TrainerOptions options;

  explicit Training(const TemporaryFolder &folder, int threads = 1)
      : program(Package(folder / "linear.kin"), {threads}) {
    options.folder = folder / "out";
  }

  TrainingResult run(bool resume = false) {
    TrainingState state;
    if (resume)
      state = loadCheckpoint(program, options.folder + "/last.safetensors").state;
    else
      program.initialise(recipe.train.seed);
    Trainer trainer(program, train, &test, recipe, options, quiet);
    if (resume)
      trainer.resume(state);
    return trainer.run();
  }
};

class TrainerTest : public testing::Test {
protected:
  TemporaryFolder folder;
  TrainerTest() { writeLinearPackage(folder / "linear.kin"); }
  ~TrainerTest() override { pretendInterruption(0); }

  std::string last() { return readFile(folder / "out/last.safetensors"); }
};

} // namespace

TEST_F(TrainerTest, Learns) {
  TrainingResult result = Training(folder).run();
  EXPECT_EQ(result.state.epoch, 3);
  ASSERT_TRUE(result.test);
  EXPECT_EQ(result.test->clips.clips, 21);
  EXPECT_EQ(result.test->videos.videos, 21);
  EXPECT_GE(result.test->videos.top1, 18);
  EXPECT_GE(result.state.best, 18.0 / 21);
  auto rows = parseRows(readFile(folder / "out/curves.csv"), "curves.csv");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_LT(rows[2].trainLoss, rows[0].trainLoss);
  EXPECT_TRUE(std::filesystem::exists(folder / "out/best.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(folder / "out/curves.svg"));
}

TEST_F(TrainerTest, TheSameBitsAgainAndAtAnyThreadCount) {
  Training(folder, 1).run();
  std::string first = last();
  Training(folder, 3).run();
  EXPECT_TRUE(last() == first);
}

// Stopped by a signal after any batch, also in mid-epoch, and gone on with: the same bits as in one go.
TEST_F(TrainerTest, ResumesBitForBitAfterASignal) {
  Training(folder).run();
  std::string whole = last();
  for (auto [epoch, batch] : {std::pair{0, 0}, {0, 5}, {1, 3}, {2, 7}}) {
    Training interrupted(folder);
    interrupted.train.before = [&, epoch = epoch, batch = batch](int64_t e, int64_t b) {
      if (e == epoch && b == batch)
        pretendInterruption(SIGTERM);
    };
    std::string error = errorOf([&] { interrupted.run(); });
    EXPECT_EQ(
        error,
        fmt::format("stopped by SIGTERM after batch {} of epoch {}: go on with --resume, {} holds everything",
                    batch + 1, epoch + 1, folder / "out/last.safetensors"));
    pretendInterruption(0);
    TrainingResult result = Training(folder).run(true);
    EXPECT_TRUE(last() == whole) << epoch << " " << batch;
    EXPECT_TRUE(result.test);
    EXPECT_EQ(parseRows(readFile(folder / "out/curves.csv"), "curves.csv").size(), 3u);
  }
}

// So does a run whose clips are mixed.
TEST_F(TrainerTest, MixedClipsAreTheSameAfterAKill) {
  auto mixing = [&] {
    auto training = std::make_unique<Training>(folder);
    training->recipe.train.mixup = 0.8;
    training->recipe.train.cutmix = 1;
    return training;
  };
  Training(folder).run();
  const std::string plain = last();
  mixing()->run();
  const std::string whole = last();
  EXPECT_FALSE(whole == plain);
  auto killed = mixing();
  killed->train.before = [](int64_t epoch, int64_t batch) {
    if (epoch == 1 && batch == 4)
      throw Killed();
  };
  EXPECT_THROW(killed->run(), Killed);
  mixing()->run(true);
  EXPECT_TRUE(last() == whole);
}

// Killed between two steps without warning: the run goes on from the last checkpoint.
TEST_F(TrainerTest, ResumesBitForBitAfterAKill) {
  Training(folder).run();
  std::string whole = last();
  for (double saveSeconds : {0.0, 600.0}) {
    Training killed(folder);
    killed.options.saveSeconds = saveSeconds;
    killed.train.before = [](int64_t epoch, int64_t batch) {
      if (epoch == 1 && batch == 4)
        throw Killed();
    };
    EXPECT_THROW(killed.run(), Killed);
    Training(folder).run(true);
    EXPECT_TRUE(last() == whole);
  }
}

TEST_F(TrainerTest, ResumesAfterAKillInTheTest) {
  Training(folder).run();
  std::string whole = last();
  Training killed(folder);
  int64_t tests = 0;
  killed.test.before = [&](int64_t, int64_t batch) {
    tests += batch == 0;
    if (tests == 2 && batch == 3)
      throw Killed();
  };
  EXPECT_THROW(killed.run(), Killed);
  Training(folder).run(true);
  EXPECT_TRUE(last() == whole);
}

// The checkpoints of the last epochs stay, whether the run is killed between or not; each can be gone on
// from.
TEST_F(TrainerTest, TheLastEpochsAreKept) {
  auto files = [&] {
    std::set<std::string> names;
    for (const auto &entry : std::filesystem::directory_iterator(folder / "out"))
      if (entry.path().filename().string().starts_with("epoch"))
        names.insert(entry.path().filename());
    return names;
  };
  auto train = [&](int64_t epochs, bool resume) {
    Training training(folder);
    training.recipe.train.epochs = epochs;
    training.options.keep = 2;
    training.run(resume);
  };
  std::filesystem::create_directory(folder / "out");
  folder.write("out/epoch-1.safetensors.notes", "a user's");
  folder.write("out/epoch-01.safetensors", "a user's, too");
  train(3, false);
  const std::set<std::string> users{"epoch-1.safetensors.notes", "epoch-01.safetensors"};
  auto and_ = [&](std::set<std::string> names) {
    names.insert(users.begin(), users.end());
    return names;
  };
  EXPECT_EQ(files(), and_({"epoch-2.safetensors", "epoch-3.safetensors"}));
  const std::string third = last(), second = readFile(folder / "out/epoch-2.safetensors");
  EXPECT_TRUE(readFile(folder / "out/epoch-3.safetensors") == third);
  train(4, true);
  EXPECT_EQ(files(), and_({"epoch-3.safetensors", "epoch-4.safetensors"}));
  EXPECT_TRUE(readFile(folder / "out/epoch-3.safetensors") == third);
  const std::string fourth = last();

  // From the second epoch on, as one process that is killed when the fourth is saved under its own name
  // alone.
  folder.write("out/last.safetensors", second);
  folder.write("out/epoch-4.safetensors.unfinished-aB3xYz", "half written");
  removeEpochCheckpoints(folder / "out", 0);
  train(4, true);
  EXPECT_EQ(files(), and_({"epoch-3.safetensors", "epoch-4.safetensors"}));
  EXPECT_TRUE(last() == fourth);
  removeEpochCheckpoints(folder / "out", INT64_MAX);
  EXPECT_EQ(files(), users);
  std::filesystem::create_directories(folder / "out/epoch-7.safetensors/full");
  EXPECT_EQ(errorOf([&] { removeEpochCheckpoints(folder / "out", 7); }),
            "cannot remove " + (folder / "out/epoch-7.safetensors") + ": Directory not empty");
}

TEST_F(TrainerTest, ALossThatIsNoNumberStopsTheRun) {
  Training training(folder);
  training.train.infinite = 4;
  std::string error = errorOf([&] { training.run(); });
  EXPECT_EQ(error.rfind("the loss is ", 0), 0u) << error;
  EXPECT_NE(error.find("try a smaller train.rate"), std::string::npos) << error;

  Training(folder).run();
  std::vector<char> before = readTensors(folder / "out/last.safetensors").find("fc.weight")->bytes;
  Training again(folder);
  again.recipe.train.epochs = 4;
  again.train.infinite = 4;
  TrainingState state = loadCheckpoint(again.program, folder / "out/last.safetensors").state;
  Trainer trainer(again.program, again.train, nullptr, again.recipe, again.options, again.quiet);
  trainer.resume(state);
  error = errorOf([&] { trainer.run(); });
  EXPECT_NE(error.find("last.safetensors holds the last checkpoint"), std::string::npos) << error;
  EXPECT_EQ(readTensors(folder / "out/last.safetensors").find("fc.weight")->bytes, before);
}

TEST_F(TrainerTest, WhatCannotBeTrained) {
  Training training(folder);
  SyntheticSource none(0, 7, true);
  auto trainer = [&](Program &program, BatchSource &source) {
    Trainer(program, source, nullptr, training.recipe, training.options, training.quiet);
  };
  EXPECT_EQ(errorOf([&] { trainer(training.program, none); }), "the training list has no clips");
  Program inference(Package(writeLinearPackage(folder / "infer.kin", linearManifest(false))), {1});
  EXPECT_EQ(errorOf([&] { trainer(inference, training.train); }),
            "package linear was compiled for inference; compile it with --mode train");
  Batch small;
  EXPECT_EQ(errorOf([&] { setInputs(training.program, small); }), "a batch has 0 inputs, linear takes 1");
  small.inputs = {std::vector<float>(5)};
  EXPECT_EQ(
      errorOf([&] { setInputs(training.program, small); }),
      "the clips have 5 values a batch, input rgb of linear takes 72 [4, 3, 1, 2, 3]: frames and crop of "
      "the recipe must be the package's");
}

TEST_F(TrainerTest, ScoresThatAreNoNumbersStopTheTest) {
  Training training(folder);
  training.program.initialise(1);
  training.test.infinite = 4;
  EXPECT_EQ(errorOf([&] { evaluate(training.program, training.test, training.recipe, training.quiet); }),
            "testing: the network's scores are not finite: its weights have diverged or hold NaN");
}

TEST_F(TrainerTest, UnreadableVideosAreLeftOutAndNamed) {
  Training training(folder);
  training.train.unreadable = training.test.unreadable = 20;
  TrainingResult result = training.run();
  ASSERT_TRUE(result.test);
  EXPECT_EQ(result.test->videos.videos, 20);
  ASSERT_EQ(result.test->unreadable.size(), 0u) << "it was told in an earlier epoch's test";
  EXPECT_EQ(result.test->missing, 1);
  EXPECT_EQ(describe(*result.test, training.recipe.eval)
                .rfind("20 clips of 20 videos (1 more could not be read), ", 0),
            0u);
  EXPECT_EQ(result.unreadable, 1);
  for (const EpochRow &row : parseRows(readFile(folder / "out/curves.csv"), "curves.csv"))
    EXPECT_EQ(row.unreadable, 1);
}

TEST_F(TrainerTest, OnlyUnreadableVideosAreAnError) {
  Training training(folder);
  SyntheticSource none(1, 1, false);
  none.unreadable = 0;
  training.program.initialise(1);
  EXPECT_EQ(errorOf([&] { evaluate(training.program, none, training.recipe, training.quiet); }),
            "testing: none of 1 videos could be read, such as video 0: it is damaged");
}

TEST_F(TrainerTest, AFullOrUnwritableFolderLosesNothing) {
  Training training(folder);
  folder.write("file", "");
  training.options.folder = folder / "file";
  EXPECT_EQ(errorOf([&] { training.run(); }),
            "cannot create the directory " + (folder / "file") + ": " +
                std::string(std::make_error_code(std::errc::not_a_directory).message()));
}

TEST_F(TrainerTest, CheckpointsHoldTheScaleOfTheLoss) {
  Training training(folder);
  training.run();
  const std::string path = folder / "out/last.safetensors";
  Checkpoint content = loadCheckpoint(training.program, path);
  LossScale scale;
  scale.coming = {4, 2};
  scale.latest = 2;
  scale.sound = 7;
  scale.skipped = 3;
  content.state.lossScale = scale;
  saveCheckpoint(training.program, content, path);
  EXPECT_EQ(loadCheckpoint(training.program, path).state.lossScale, scale);
}

TEST_F(TrainerTest, WrongCheckpointsAreErrors) {
  Training training(folder);
  training.run();
  std::string path = folder / "out/last.safetensors";
  EXPECT_EQ(errorOf([&] { loadCheckpoint(training.program, folder / "out/best.safetensors"); }),
            (folder / "out/best.safetensors") +
                " holds weights but is no checkpoint: start from it with --weights instead of --resume");
  TensorFile file = readTensors(path);
  auto error = [&](auto change) {
    TensorFile changed = file;
    change(changed);
    writeTensors(folder / "changed", changed);
    std::string message = errorOf([&] { loadCheckpoint(training.program, folder / "changed"); });
    EXPECT_EQ(errorOf([&] { readCheckpoint(training.program.manifest(), folder / "changed"); }), message);
    return message;
  };
  std::string changed = folder / "changed";
  EXPECT_EQ(error([](TensorFile &f) { f.metadata["package"] = "other"; }),
            "checkpoint " + changed + " is of network other, the package is of linear");
  EXPECT_EQ(error([](TensorFile &f) { f.metadata["state"] = "{"; }),
            "checkpoint " + changed + " is damaged: its state cannot be read");
  for (const char *coming : {"[4.0]", "[4.0,0.0]", "[4.0,-2.0]"})
    EXPECT_EQ(error([&](TensorFile &f) {
                std::string &state = f.metadata["state"];
                const std::string none = "\"loss_scale\":null";
                state.replace(state.find(none), none.size(),
                              std::string("\"loss_scale\":{\"coming\":") + coming +
                                  ",\"latest\":2.0,\"skipped\":3,\"sound\":7}");
              }),
              "checkpoint " + changed + " is damaged: its loss scales are not 2 positive numbers");
  EXPECT_EQ(error([](TensorFile &f) { f.metadata["kinema.checkpoint"] = "2"; }),
            "checkpoint " + changed + " has format 2, this runtime reads format 3");
  EXPECT_EQ(error([](TensorFile &f) { f.metadata.erase("origin"); }),
            "checkpoint " + changed + " has no origin");
  EXPECT_EQ(error([](TensorFile &f) {
              std::erase_if(f.tensors, [](auto &t) { return t.name == "momentum.fc.bias"; });
            }),
            "checkpoint " + changed + " has no tensor momentum.fc.bias of float32 [3]");
  EXPECT_EQ(error([](TensorFile &f) {
              auto recipe = nlohmann::json::parse(f.metadata["recipe"]);
              recipe["train"]["optimiser"] = "adamw";
              f.metadata["recipe"] = recipe.dump();
            }),
            "checkpoint " + changed +
                " was trained by other code than the package's: train.optimiser is \"adamw\", was \"sgd\"; "
                "compile the spec as it was, or start from the checkpoint's weights with --weights");
  training.program.loadWeights(file, path); // as weights, its momentum is passed over
}

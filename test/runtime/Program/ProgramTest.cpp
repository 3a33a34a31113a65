#include "runtime/Program/Program.h"

#include "runtime/Support/Random.h"
#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace kinema;
using namespace kinema::test;
using nlohmann::json;

namespace {

struct Linear {
  TemporaryFolder folder;
  Program program;

  explicit Linear(ProgramOptions options = {}, bool train = true)
      : program(Package(writeLinearPackage(folder / "linear.kin", linearManifest(train))), options) {}

  // A batch of random clips; the last one masked.
  void feed(uint64_t seed) {
    std::vector<float> clips(72);
    for (size_t i = 0; i < clips.size(); ++i)
      clips[i] = random::normal(seed, 0, i);
    program.set(program.manifest().input(), clips);
    program.set(*program.manifest().labels, std::vector<int32_t>{0, 1, 2, -1});
  }

  void step(uint64_t seed, float rate = 0.1f) {
    feed(seed);
    program.setHyper({.rate = rate, .momentum = 0.9f, .nesterov = 1, .decay = 0.001f});
    program.run("train_step");
  }

  float loss() { return program.getScalar(program.manifest().output("train_step", "loss")); }
  std::vector<float> weight() { return program.get(*program.manifest().findParameter("fc.weight")); }
};

} // namespace

TEST(Program, LearnsABatch) {
  Linear linear;
  linear.program.initialise(1);
  linear.step(5);
  EXPECT_NEAR(linear.loss(), std::log(3.0f), 0.2);
  for (int i = 0; i < 30; ++i)
    linear.step(5);
  EXPECT_LT(linear.loss(), 0.05);
}

TEST(Program, TheSameBitsAtAnyThreadCount) {
  std::vector<std::vector<float>> weights;
  for (int threads : {1, 2, 3, 5}) {
    Linear linear({threads});
    linear.program.initialise(1);
    for (int i = 0; i < 5; ++i)
      linear.step(i);
    weights.push_back(linear.weight());
    EXPECT_EQ(weights.back(), weights.front()) << threads;
  }
}

TEST(Program, PoisonDoesNotReachResults) {
  auto trained = [] {
    Linear linear;
    linear.program.initialise(1);
    for (int i = 0; i < 3; ++i)
      linear.step(i);
    return linear.weight();
  };
  std::vector<float> plain = trained();
  setenv("KINEMA_POISON", "1", 1);
  std::vector<float> poisoned = trained();
  unsetenv("KINEMA_POISON");
  EXPECT_EQ(poisoned, plain);
}

// An entry that reads what it has not written shows: infer's logits are unread here, the loss of the step
// before stays where no launch writes it, and becomes NaN.
TEST(Program, PoisonFillsWhatNoEntryMayCountOn) {
  setenv("KINEMA_POISON", "1", 1);
  Linear linear;
  unsetenv("KINEMA_POISON");
  linear.program.initialise(1);
  linear.step(1);
  EXPECT_FALSE(std::isnan(linear.loss()));
  linear.program.run("infer");
  EXPECT_TRUE(std::isnan(linear.loss()));
}

// A step that reads nothing but counters leaves gradients of zero, whatever was in their place.
TEST(Program, CountersAreZeroWhenAnEntryBegins) {
  json manifest = linearManifest();
  manifest["counters"] = {{"offset", 1408}, {"bytes", 48}};
  json &step = manifest["entries"]["train_step"];
  step.erase(1);
  step.erase(0);
  for (bool profile : {false, true}) {
    TemporaryFolder folder;
    setenv("KINEMA_POISON", "1", 1);
    Program program(Package(writeLinearPackage(folder / "linear.kin", manifest)), {.profile = profile});
    unsetenv("KINEMA_POISON");
    program.initialise(1);
    program.setHyper({.rate = 0.1f});
    for (int i = 0; i < 2; ++i) {
      program.run("train_step");
      EXPECT_EQ(program.get(program.manifest().output("train_step", "grad.fc.bias")),
                std::vector<float>(3, 0.0f));
    }
  }
}

// What `prepare` has made is there when `infer` begins, and not when a step does.
TEST(Program, PoisonLeavesWhatIsPrepared) {
  json manifest = linearManifest();
  manifest["arena"]["segments"] = {{"parameters", 0, 832},
                                   {"inputs and outputs", 832, 576},
                                   {"prepared", 1408, 64},
                                   {"activations", 1472, 320}};
  manifest["entries"]["prepare"] = manifest["entries"]["infer"];
  manifest["entries"]["prepare"][0]["args"][3] = 1408;
  manifest["entries"]["infer"] = manifest["entries"]["train_step"] = json::array();
  manifest["outputs"]["infer"][0]["offset"] = 1408;
  TemporaryFolder folder;
  setenv("KINEMA_POISON", "1", 1);
  Program program(Package(writeLinearPackage(folder / "linear.kin", manifest)));
  unsetenv("KINEMA_POISON");
  program.initialise(1);
  program.set(program.manifest().input(), std::vector<float>(72, 1));
  auto logits = [&] { return program.get(program.manifest().output("infer", "logits")).front(); };
  program.run("prepare");
  program.run("infer");
  EXPECT_FALSE(std::isnan(logits()));
  program.run("train_step");
  EXPECT_TRUE(std::isnan(logits())) << "its memory is a step's to use";
}

TEST(Program, InitialisationIsAFunctionOfSeedAndIndex) {
  Linear a, b;
  a.program.initialise(1);
  b.program.initialise(1);
  EXPECT_EQ(a.weight(), b.weight());
  b.program.initialise(2);
  EXPECT_NE(a.weight(), b.weight());
}

TEST(Program, InitialValues) {
  Parameter conv;
  conv.shape = conv.fileShape = {64, 16, 1, 3, 3};
  conv.init.kind = Initialisation::Kind::HeNormal;
  auto deviation = [&] {
    double squares = 0;
    for (float value : initialValues(conv, 1, 0))
      squares += static_cast<double>(value) * value;
    return std::sqrt(squares / conv.elements());
  };
  EXPECT_NEAR(deviation(), std::sqrt(2.0 / (64 * 9)), 0.001);
  conv.init.fanOut = false;
  EXPECT_NEAR(deviation(), std::sqrt(2.0 / (16 * 9)), 0.002);

  conv.shape = conv.fileShape = {2, 2, 1, 3, 3};
  conv.init.kind = Initialisation::Kind::Identity;
  std::vector<float> expected(36, 0);
  expected[0 * 18 + 0 * 9 + 4] = expected[1 * 18 + 1 * 9 + 4] = 1;
  EXPECT_EQ(initialValues(conv, 1, 0), expected);

  conv.shape = conv.fileShape = {2, 1, 3, 1, 1}; // depthwise
  EXPECT_EQ(initialValues(conv, 1, 0), (std::vector<float>{0, 1, 0, 0, 1, 0}));
  conv.init.kind = Initialisation::Kind::Later;
  EXPECT_EQ(initialValues(conv, 1, 0), (std::vector<float>{0, 0, 1, 0, 0, 1}));
  conv.init.kind = Initialisation::Kind::Earlier;
  EXPECT_EQ(initialValues(conv, 1, 0), (std::vector<float>{1, 0, 0, 1, 0, 0}));
}

TEST(Program, WeightsRoundTrip) {
  Linear a, b;
  a.program.initialise(1);
  TensorFile file = a.program.storeWeights();
  ASSERT_EQ(file.tensors.size(), 3u);
  EXPECT_EQ(file.tensors[0].shape, (std::vector<int64_t>{3, 18})) << "logical, without padding";
  b.program.loadWeights(file, "w");
  EXPECT_EQ(a.weight(), b.weight());
}

TEST(Program, WrongWeightsAreErrorsThatNameTheTensor) {
  Linear linear;
  linear.program.initialise(1);
  TensorFile good = linear.program.storeWeights();
  std::string partial = "; to fine-tune, `train --partial` takes what fits and initialises the rest";
  auto error = [&](auto change) {
    TensorFile file = good;
    change(file);
    return errorOf([&] { linear.program.loadWeights(file, "w"); });
  };
  EXPECT_EQ(error([](TensorFile &file) { file.tensors.erase(file.tensors.begin()); }),
            "w has no tensor fc.weight, which linear needs" + partial);
  EXPECT_EQ(error([](TensorFile &file) {
              file.tensors.emplace_back("fc.bia", ElementType::F32, std::vector<int64_t>{3});
            }),
            "w: tensor fc.bia belongs to no parameter of linear; did you mean 'fc.bias'?");
  EXPECT_EQ(error([](TensorFile &file) { file.tensors[0].shape = {18, 3}; }),
            "w: tensor fc.weight is float32 [18, 3], linear needs float32 [3, 18]" + partial);
  EXPECT_EQ(error([](TensorFile &file) { file.tensors[1].type = ElementType::I32; }),
            "w: tensor fc.bias is int32 [3], linear needs float32 [3]" + partial);
  EXPECT_EQ(error([](TensorFile &file) {
              file.tensors.emplace_back("a.num_batches_tracked", ElementType::I64, std::vector<int64_t>{});
            }),
            "");
}

TEST(Program, TensorsOfAnotherSizeAreErrors) {
  Linear linear;
  EXPECT_EQ(errorOf([&] { linear.program.set(linear.program.manifest().input(), std::vector<float>(5)); }),
            "tensor rgb has 72 elements, not 5");
}

TEST(Program, MatchingWeightsLeaveTheOthersAsTheyAre) {
  Linear a, b;
  a.program.initialise(1);
  b.program.initialise(2);
  TensorFile file = a.program.storeWeights();
  file.tensors[0].name = "head.weight";
  file.tensors[1].as<float>()[0] = 7;
  std::vector<float> before = b.weight();
  b.program.loadMatchingWeights(findWeights(b.program.manifest(), file, {}));
  EXPECT_EQ(b.weight(), before);
  EXPECT_EQ(b.program.get(*b.program.manifest().findParameter("fc.bias"))[0], 7);
}

TEST(Program, InferencePackageRefusesToTrain) {
  Linear linear({}, false);
  EXPECT_NE(errorOf([&] { linear.program.run("train_step"); }).find("compiled for inference"),
            std::string::npos);
  EXPECT_EQ(errorOf([&] { linear.program.setHyper({}); }),
            "package linear was compiled for inference and takes no learning rate");
}

TEST(Program, Profile) {
  Linear linear({1, true});
  linear.program.initialise(1);
  linear.step(1);
  linear.step(2);
  const auto &times = linear.program.times("train_step");
  ASSERT_EQ(times.size(), 4u);
  EXPECT_EQ(times[1].launch->kernel, "loss");
  EXPECT_EQ(times[1].seconds.size(), 2u);

  linear.program.setProfile(false);
  EXPECT_EQ(linear.program.time("train_step", 3).size(), 3u);
  EXPECT_EQ(times[1].seconds.size(), 2u);
}

TEST(Program, SeveralAtOnce) {
  Linear a, b;
  a.program.initialise(1);
  b.program.initialise(1);
  a.step(1);
  b.step(1);
  EXPECT_EQ(a.weight(), b.weight());
}

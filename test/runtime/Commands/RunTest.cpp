#include "runtime/Commands/Run.h"

#include "runtime/Support/Random.h"
#include "test/runtime/LinearPackage.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace kinema;
using namespace kinema::test;

namespace {

class Run : public testing::Test {
protected:
  TemporaryFolder folder;
  Program program{Package(writeLinearPackage(folder / "linear.kin"))};
  TensorFile weights, input;
  RunOptions options;

  Run() {
    program.initialise(3);
    weights = program.storeWeights();
    FileTensor &clips =
        input.tensors.emplace_back("input", ElementType::F32, std::vector<int64_t>{4, 3, 1, 2, 3});
    for (int i = 0; i < 72; ++i)
      clips.as<float>()[i] = random::normal(1, 2, i);
    FileTensor &labels = input.tensors.emplace_back("labels", ElementType::I64, std::vector<int64_t>{4});
    for (int i = 0; i < 4; ++i)
      labels.as<int64_t>()[i] = i % 3;
    options.weights = folder / "w";
    options.input = folder / "x";
    options.output = folder / "y";
  }

  TensorFile run() {
    writeTensors(options.weights, weights);
    writeTensors(options.input, input);
    runTensors(program, options);
    return readTensors(options.output);
  }

  // logits[n, c], in double precision.
  std::vector<double> expectedLogits() {
    std::vector<double> logits(12);
    for (int n = 0; n < 4; ++n)
      for (int c = 0; c < 3; ++c) {
        logits[n * 3 + c] = weights.find("fc.bias")->as<float>()[c];
        for (int f = 0; f < 18; ++f)
          logits[n * 3 + c] += input.find("input")->as<float>()[n * 18 + f] *
                               weights.find("fc.weight")->as<float>()[c * 18 + f];
      }
    return logits;
  }
};

} // namespace

TEST_F(Run, Logits) {
  TensorFile result = run();
  ASSERT_EQ(result.tensors.size(), 1u);
  const FileTensor *logits = result.find("logits");
  ASSERT_TRUE(logits);
  EXPECT_EQ(logits->shape, (std::vector<int64_t>{4, 3}));
  std::vector<double> expected = expectedLogits();
  for (int i = 0; i < 12; ++i)
    EXPECT_NEAR(logits->as<float>()[i], expected[i], 1e-6);
}

TEST_F(Run, Step) {
  options.steps = 1;
  options.rate = 0.5;
  options.momentum = 0;
  options.decay = 0.25;
  TensorFile result = run();
  std::vector<std::string> names;
  for (const FileTensor &tensor : result.tensors)
    names.push_back(tensor.name);
  EXPECT_EQ(names, (std::vector<std::string>{"loss", "logits", "grad.fc.weight", "grad.fc.bias", "fc.weight",
                                             "fc.bias", "in.bn.running_mean", "momentum.fc.weight",
                                             "momentum.fc.bias"}));

  std::vector<double> logits = expectedLogits();
  double loss = 0;
  for (int n = 0; n < 4; ++n)
    loss += std::log(std::exp(logits[n * 3]) + std::exp(logits[n * 3 + 1]) + std::exp(logits[n * 3 + 2])) -
            logits[n * 3 + n % 3];
  EXPECT_NEAR(result.find("loss")->as<float>()[0], loss / 4, 1e-6);
  for (int i = 0; i < 54; ++i) {
    float before = weights.find("fc.weight")->as<float>()[i];
    float gradient = result.find("grad.fc.weight")->as<float>()[i];
    EXPECT_NEAR(result.find("fc.weight")->as<float>()[i], before - 0.5 * (gradient + 0.25 * before), 1e-6);
    EXPECT_NEAR(result.find("momentum.fc.weight")->as<float>()[i], gradient + 0.25 * before, 1e-6);
  }
}

TEST_F(Run, WrongTensorsAreErrorsThatNameThem) {
  auto error = [&](auto change) {
    TensorFile kept = input;
    change();
    std::string text = errorOf([&] { run(); });
    input = kept;
    return text;
  };
  std::string x = folder / "x";
  EXPECT_EQ(error([&] { input.tensors.erase(input.tensors.begin()); }), x + " has no tensor input");
  EXPECT_EQ(
      error([&] { input.tensors[0].shape = {4, 3, 1, 6, 1}; }),
      x + ": tensor input is float32 [4, 3, 1, 6, 1], the package was compiled for float32 [4, 3, 1, 2, 3]");
  EXPECT_EQ(error([&] { input.tensors.emplace_back("mask", ElementType::F32, std::vector<int64_t>{1}); }),
            x + ": tensor mask is not known; input and labels are");
  options.steps = 1;
  EXPECT_EQ(error([&] { input.tensors.pop_back(); }), x + " has no tensor labels");
  EXPECT_EQ(error([&] { input.tensors[1].as<int64_t>()[2] = 3; }),
            x + ": tensor labels holds 3 at 2, linear has 3 classes");
  EXPECT_EQ(error([&] { input.tensors[1].shape = {2, 2}; }),
            x + ": tensor labels is int64 [2, 2], expected int64 [4]");
  options.names = "torchvision";
  EXPECT_NE(error([] {}).find("parameter in.bn.running_mean has no name"), std::string::npos);
}

TEST_F(Run, FeaturesAreOfAnEvaluation) {
  options.layers = {"fc"};
  EXPECT_EQ(errorOf([&] { run(); }),
            "linear was compiled without features of layer 'fc': compile or build its spec with "
            "--layers fc");
  options.steps = 1;
  EXPECT_EQ(errorOf([&] { run(); }),
            "--layers gives features of an evaluation: leave out --step and --steps");
}

TEST_F(Run, SeveralInputsHaveTheirOwnNames) {
  program = Program(Package(writeLinearPackage(folder / "two.kin", twoInputManifest())));
  std::string x = folder / "x";
  EXPECT_EQ(errorOf([&] { run(); }), x + ": tensor input is not known; rgb, flow and labels are");
  input.tensors[0].name = "rgb";
  EXPECT_EQ(errorOf([&] { run(); }), x + " has no tensor flow");
  input.tensors.emplace_back("flow", ElementType::F32, std::vector<int64_t>{4, 2, 1, 2, 3});
  EXPECT_EQ(run().tensors.size(), 1u);
}

// The clip passes as a whole, numerically, on a small residual (2+1)D network.
#include "test/compiler/ClipTesting.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Transforms/Passes.h"

using namespace kinema;
using namespace kinema::testing;

namespace {

class Step : public ::testing::Test {
protected:
  void SetUp() override {
    module = parseFile(KINEMA_SOURCE_DIR "/test/compiler/Inputs/residual.mlir");
    ASSERT_TRUE(module);
  }

  Interpreter interpreter(Interpreter::Storage storage = Interpreter::Storage::Double) {
    Interpreter made(*module, storage);
    setRandomParams(made, *module, 11);
    return made;
  }

  std::map<std::string, Tensor> trainStep(Interpreter &interpreter) {
    return runNamed(interpreter, *module, "train_step", {clip, labels, hyper});
  }

  Tensor clip = random({2, 3, 4, 9, 8}, 1);
  Tensor labels = Tensor({2}, {2, 0});
  Tensor hyper = Tensor({4}, {0.1, 0.9, 1, 0.01});
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TEST_F(Step, GradientsOfTheNetworkEqualFiniteDifferences) {
  differentiate(*module);
  auto setUp = [&](Interpreter &interpreter) { setRandomParams(interpreter, *module, 11); };
  for (const char *param : {"stem.spatial.weight", "stem.spatial.bn.weight", "stem.temporal.weight",
                            "stem.temporal.bn.bias", "block0.conv1.weight", "block0.shortcut.weight",
                            "block0.shortcut.bn.weight", "block1.conv1.weight", "fc.weight", "fc.bias"})
    expectGradient(*module, setUp, {clip, labels, hyper}, param, 6);
}

TEST(Probabilities, GradientsEqualFiniteDifferences) {
  const char *text = R"(
    !y = tensor<3x4x1x1x1xf32>
    !w = tensor<4x5x1x1x1xf32>
    clip.param @a.weight : !w {role = "weight"}
    clip.param @b.weight : !w {role = "weight"}
    func.func @forward(%x: tensor<3x5x1x1x1xf32> {clip.input = "rgb", clip.name = "rgb"}) -> (!y {clip.name = "logits"}) {
      %a = clip.read @a.weight : !w
      %b = clip.read @b.weight : !w
      %z = clip.conv %x, %a window <1x1x1> : (tensor<3x5x1x1x1xf32>, !w) -> !y
      %v = clip.conv %x, %b window <1x1x1> : (tensor<3x5x1x1x1xf32>, !w) -> !y
      %p = clip.softmax %z : (!y) -> !y
      %q = clip.softmax %v : (!y) -> !y
      %sum = clip.add %p, %q : (!y, !y) -> !y
      %mean = clip.scale %sum {factor = 0.5} : (!y) -> !y
      return %mean : !y
    })";
  auto module = parse(text);
  differentiate(*module, /*smoothing=*/0.1);
  auto setUp = [&](Interpreter &interpreter) { setRandomParams(interpreter, *module, 3); };
  const Tensor clips = random({3, 5, 1, 1, 1}, 1), labels({3}, {2, -1, 0}), hyper({4}, {0.1, 0.9, 1, 0.01});
  for (const char *param : {"a.weight", "b.weight"})
    expectGradient(*module, setUp, {clips, labels, hyper}, param);
  differentiate(*(module = parse(text)));
  Interpreter interpreter(*module, Interpreter::Storage::Double);
  setUp(interpreter);
  auto found = runNamed(interpreter, *module, "train_step", {clips, labels, hyper});
  const std::vector<double> &logs = found["logits"].values; // of probabilities, [3, 4]
  EXPECT_NEAR(found["loss"].values[0], -(logs[2] + logs[8]) / 2, 1e-12);
  double all = 0;
  for (int c = 0; c < 4; ++c)
    all += std::exp(logs[c]);
  EXPECT_NEAR(all, 1, 1e-12);
}

TEST_F(Step, DecomposedBatchNormsEqualWholeOnes) {
  differentiate(*module);
  Interpreter whole = interpreter();
  auto expected = trainStep(whole);
  runPasses(*module, createClipDecomposeBatchNorm(), mlir::createCSEPass());
  module->walk([](clip::BatchNormOp norm) { EXPECT_FALSE(norm.getTraining()); });
  Interpreter pieces = interpreter();
  auto found = trainStep(pieces);
  ASSERT_EQ(found.size(), expected.size());
  for (auto &[name, value] : expected)
    if (name != "grad.block1.conv1.bias") // a bias in front of a batch norm: zero up to rounding
      EXPECT_LT(relativeError(found[name], value), 1e-10) << name;
  for (auto param : module->getOps<clip::ParamOp>())
    EXPECT_LT(relativeError(*pieces.getParam(param.getSymName()), *whole.getParam(param.getSymName())), 1e-10)
        << param.getSymName().str();
}

TEST_F(Step, StoredInFloatItIsAlmostTheSame) {
  differentiate(*module);
  runPasses(*module, createClipDecomposeBatchNorm());
  Interpreter exact = interpreter(), stored = interpreter(Interpreter::Storage::Float);
  auto expected = trainStep(exact), found = trainStep(stored);
  EXPECT_LT(relativeError(found["logits"], expected["logits"]), 1e-5);
  EXPECT_LT(relativeError(found["grad.stem.spatial.weight"], expected["grad.stem.spatial.weight"]), 1e-4);
}

TEST_F(Step, FoldedInferenceEqualsTheForwardNetwork) {
  runPasses(*module, createClipLinearToConv());
  Interpreter plain = interpreter();
  auto expected = plain.run("forward", {clip});
  ASSERT_TRUE(mlir::succeeded(expected));
  runPasses(*module, createClipFoldBatchNorm());
  ASSERT_FALSE(module->lookupSymbol("forward"));
  Interpreter folded = interpreter();
  auto found = folded.run("infer", {clip});
  ASSERT_TRUE(mlir::succeeded(found));
  EXPECT_LT(relativeError(found->front(), expected->front()), 1e-12);
}

TEST_F(Step, RunningStatisticsMoveByPyTorchsRule) {
  differentiate(*module);
  runPasses(*module, createClipDecomposeBatchNorm());
  Interpreter trained = interpreter();
  double before = trained.getParam("stem.spatial.bn.running_var")->values[1];
  // z of the first conv, through a module of its own
  Tensor weight = *trained.getParam("stem.spatial.weight");
  trainStep(trained);
  auto conv = parse("clip.param @w : tensor<4x3x1x3x3xf32> {role = \"weight\"}\n"
                    "func.func @f(%x: tensor<2x3x4x9x8xf32>) -> (tensor<4xf32>, tensor<4xf32>) {\n"
                    "%w = clip.read @w : tensor<4x3x1x3x3xf32>\n"
                    "%z = clip.conv %x, %w window <1x3x3 stride 1x2x2 pad 0x1x1> : (tensor<2x3x4x9x8xf32>, "
                    "tensor<4x3x1x3x3xf32>) -> tensor<2x4x4x5x4xf32>\n"
                    "%m, %v = clip.moments %z : (tensor<2x4x4x5x4xf32>) -> (tensor<4xf32>, tensor<4xf32>)\n"
                    "return %m, %v : tensor<4xf32>, tensor<4xf32>\n}");
  Interpreter alone(*conv, Interpreter::Storage::Double);
  alone.setParam("w", weight);
  auto moments = alone.run("f", {clip});
  ASSERT_TRUE(mlir::succeeded(moments));
  double unbiased = (*moments)[1].values[1] * 160 / 159; // 2 clips x 4 frames x 5 x 4
  EXPECT_NEAR(trained.getParam("stem.spatial.bn.running_var")->values[1], 0.9 * before + 0.1 * unbiased,
              1e-12);
}

/// Where the recipe has precise batch norm, @statistics leaves the batch's statistics as the running ones.
TEST_F(Step, StatisticsAreTheBatchs) {
  (*module)->setAttr("clip.recipe",
                     mlir::parseAttribute("{train = {precise_bn = 5 : i64}}", module->getContext()));
  differentiate(*module);
  runPasses(*module, createClipDecomposeBatchNorm());
  Interpreter trained = interpreter(), precise = interpreter();
  Tensor before = *trained.getParam("stem.spatial.bn.running_mean"),
         weight = *precise.getParam("stem.spatial.weight");
  trainStep(trained);
  ASSERT_TRUE(mlir::succeeded(precise.run("statistics", {clip})));
  EXPECT_EQ(precise.getParam("stem.spatial.weight")->values, weight.values);
  for (size_t c = 0; c < before.values.size(); ++c)
    EXPECT_NEAR(trained.getParam("stem.spatial.bn.running_mean")->values[c],
                0.9 * before.values[c] + 0.1 * precise.getParam("stem.spatial.bn.running_mean")->values[c],
                1e-12);
}

TEST_F(Step, TrainingOnOneBatchLowersItsLoss) {
  differentiate(*module);
  runPasses(*module, createClipDecomposeBatchNorm());
  Interpreter trained = interpreter(Interpreter::Storage::Float);
  double first = trainStep(trained)["loss"].values[0], last = first;
  for (int step = 0; step < 15; ++step)
    last = trainStep(trained)["loss"].values[0];
  EXPECT_LT(last, 0.1 * first);
}

/// Two steps of PyTorch's SGD, by hand, on one weight.
TEST(Sgd, FollowsPyTorchsFormula) {
  auto module =
      parse("!h = tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>\n"
            "func.func @f(%w: tensor<1xf32>, %v: tensor<1xf32>, %g: tensor<1xf32>, %h: !h) -> "
            "(tensor<1xf32>, tensor<1xf32>) {\n"
            "%a, %b = clip.update sgd %w, %v, %g, %h : (tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, !h) "
            "-> (tensor<1xf32>, tensor<1xf32>)\n"
            "return %a, %b : tensor<1xf32>, tensor<1xf32>\n}");
  ASSERT_TRUE(module);
  Interpreter interpreter(*module, Interpreter::Storage::Double);
  auto step = [&](double w, double v, double g, double nesterov) {
    auto results = interpreter.run(
        "f", {Tensor({1}, w), Tensor({1}, v), Tensor({1}, g), Tensor({4}, {0.1, 0.9, nesterov, 0.01})});
    return std::pair((*results)[0].values[0], (*results)[1].values[0]);
  };
  auto [w1, v1] = step(2.0, 0.0, 0.5, 0); // g = 0.5 + 0.01 * 2 = 0.52
  EXPECT_NEAR(v1, 0.52, 1e-15);
  EXPECT_NEAR(w1, 2.0 - 0.052, 1e-15);
  auto [w2, v2] = step(w1, v1, -0.3, 0); // g = -0.3 + 0.01948, v = 0.9 * 0.52 + g = 0.18748
  EXPECT_NEAR(v2, 0.18748, 1e-15);
  EXPECT_NEAR(w2, 1.948 - 0.018748, 1e-15);
  auto [w3, v3] = step(w1, v1, -0.3, 1); // nesterov: g + 0.9 * v
  EXPECT_NEAR(v3, 0.18748, 1e-15);
  EXPECT_NEAR(w3, 1.948 - 0.1 * (-0.28052 + 0.9 * 0.18748), 1e-15);
}

/// A label of -1 takes a clip out of the mean, as if it were not there.
TEST(SoftmaxCrossEntropy, MasksClipsWithoutLabel) {
  auto loss = [](int64_t clips, std::vector<double> scores, std::vector<double> labels) {
    std::string n = std::to_string(clips), type = "tensor<" + n + "x3x1x1x1xf32>",
                ints = "tensor<" + n + "xi32>";
    auto module = parse("func.func @f(%x: " + type + ", %l: " + ints + ") -> (tensor<f32>, " + type +
                        ") {\n%a, %d = clip.softmax_xent %x, %l {smoothing = 0.2} : (" + type + ", " + ints +
                        ") -> (tensor<f32>, " + type + ")\nreturn %a, %d : tensor<f32>, " + type + "\n}");
    Interpreter interpreter(*module, Interpreter::Storage::Double);
    return *interpreter.run(
        "f", {Tensor({clips, 3, 1, 1, 1}, std::move(scores)), Tensor({clips}, std::move(labels))});
  };
  auto both = loss(2, {1, 2, 3, -1, 0, 4}, {0, 2}),
       masked = loss(3, {1, 2, 3, 9, 9, 9, -1, 0, 4}, {0, -1, 2});
  EXPECT_DOUBLE_EQ(masked[0].values[0], both[0].values[0]);
  EXPECT_DOUBLE_EQ(masked[1].values[0], both[1].values[0]);
  EXPECT_EQ(masked[1].values[4], 0.0);
  EXPECT_DOUBLE_EQ(masked[1].values[8], both[1].values[5]);
  auto none = loss(1, {1, 2, 3}, {-1});
  EXPECT_EQ(none[0].values[0], 0.0);
  EXPECT_EQ(none[1].values, std::vector<double>(3, 0.0));
}

} // namespace

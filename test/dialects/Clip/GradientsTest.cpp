// Compares every differentiable operation with finite differences of the loss, at sizes that are odd on
// purpose. An operation's inputs are parameters here, so that the training step returns their gradients.
#include "test/compiler/ClipTesting.h"

#include "mlir/AsmParser/AsmParser.h"

#include <list>

using namespace kinema;
using namespace kinema::testing;

namespace {

struct Case {
  const char *name;
  std::vector<std::pair<const char *, const char *>> params; // %name = its value; role weight
  const char *body;                                          // computes %y
  const char *result;                                        // the type of %y, without `xf32`
};

/// Serves GoogleTest's messages.
void PrintTo(const Case &c, std::ostream *out) { *out << c.name; }

std::string printCase(const ::testing::TestParamInfo<Case> &info) { return info.param.name; }

int64_t features(const std::string &type) {
  int64_t product = 1;
  for (size_t at = type.find('x'); at != std::string::npos; at = type.find('x', at + 1))
    product *= std::stoll(type.substr(at + 1));
  return product;
}

/// Returns @forward: the case's body, then a fully connected layer to three scores.
std::string moduleText(const Case &c) {
  std::string clips = std::string(c.result).substr(0, 1), params, reads;
  std::string scores = "tensor<" + clips + "x3x1x1x1xf32>",
              head = "tensor<3x" + std::to_string(features(c.result)) + "xf32>";
  auto declare = [&](const std::string &name, const std::string &type) {
    params += "clip.param @" + name + " : " + type + " {role = \"weight\"}\n";
    reads += "  %" + name + " = clip.read @" + name + " : " + type + "\n";
  };
  for (auto [name, type] : c.params)
    declare(name, std::string("tensor<") + type + "xf32>");
  declare("head", head);
  return params +
         "clip.param @mean : tensor<3xf32> {role = \"running_mean\", init = {kind = \"constant\", value = "
         "0.0}}\n"
         "clip.param @var : tensor<3xf32> {role = \"running_var\", init = {kind = \"constant\", value = "
         "1.0}}\n"
         "func.func @forward() -> (" +
         scores + " {clip.name = \"logits\"}) {\n" + reads + c.body +
         "\n  %scores = clip.linear %y, %head : (tensor<" + c.result + "xf32>, " + head + ") -> " + scores +
         "\n  return %scores : " + scores + "\n}\n";
}

class Gradients : public ::testing::TestWithParam<Case> {};

TEST_P(Gradients, EqualFiniteDifferences) {
  auto module = parse(moduleText(GetParam()));
  ASSERT_TRUE(module);
  differentiate(*module, /*smoothing=*/0.1);
  auto step = module->lookupSymbol<mlir::func::FuncOp>("train_step");
  auto sizeOf = [&](unsigned argument) {
    return mlir::cast<mlir::RankedTensorType>(step.getArgument(argument).getType()).getDimSize(0);
  };
  Tensor labels({sizeOf(0)}, 1.0), hyper({sizeOf(1)});
  hyper.values.back() = 5; // a dropout's step
  auto setUp = [&](Interpreter &interpreter) { setRandomParams(interpreter, *module, 3); };
  for (auto [name, type] : GetParam().params)
    expectGradient(*module, setUp, {labels, hyper}, name);
}

/// The losses of targets, at targets and shares as mixed clips, weighed classes and several labels have them.
TEST(LossOfTargets, EqualsFiniteDifferences) {
  for (const char *recipe : {"{mixup = 0.5 : f64}", "{loss = \"binary_cross_entropy\"}"}) {
    auto module = parse(moduleText({"Linear",
                                    {{"x", "3x4x1x1x1"}},
                                    "%y = clip.relu %x : (tensor<3x4x1x1x1xf32>) -> tensor<3x4x1x1x1xf32>",
                                    "3x4x1x1x1"}));
    ASSERT_TRUE(module);
    auto train = mlir::parseAttribute("{train = " + std::string(recipe) + "}", module->getContext());
    (*module)->setAttr("clip.recipe", train);
    differentiate(*module);
    Tensor targets({3, 3}, {0.2, 0.5, 0.3, 0.9, 0, 0.4, 0, 0, 0}), shares({3}, {0.6, 0.3, 0}), hyper({4});
    auto setUp = [&](Interpreter &interpreter) { setRandomParams(interpreter, *module, 3); };
    for (const char *name : {"x", "head"})
      expectGradient(*module, setUp, {targets, shares, hyper}, name);
  }
}

/// Returns a clip.map of two operands, %a and %b in its region, to the type of `X`.
const char *mapOf(const std::string &types, const std::string &operands, const std::string &body,
                  const std::string &result) {
  static std::list<std::string> texts; // outlive the cases
  return texts
      .emplace_back("%y = clip.map " + operands + " : (" + types +
                    ") -> tensor<2x3x3x5x4xf32> {\n  ^bb0(%a: f32, %b: f32):\n" + body + "\n    clip.yield " +
                    result + " : f32\n  }")
      .c_str();
}

#define X "tensor<2x3x3x5x4xf32>"
INSTANTIATE_TEST_SUITE_P(
    Clip, Gradients,
    ::testing::Values(
        Case{"ConvStridedPaddedAsymmetrically",
             {{"x", "2x4x5x7x6"}, {"w", "6x2x3x3x2"}, {"b", "6"}},
             "%y = clip.conv %x, %w bias %b window <3x3x2 stride 2x2x1 pad 1x0x1 to 0x3x0 dilate 1x2x1> "
             "{groups = 2} : "
             "(tensor<2x4x5x7x6xf32>, tensor<6x2x3x3x2xf32>, tensor<6xf32>) -> tensor<2x6x2x3x6xf32>",
             "2x6x2x3x6"},
        Case{"ConvOfOneFrame",
             {{"x", "2x3x1x5x5"}, {"w", "2x3x1x3x3"}},
             "%y = clip.conv %x, %w window <1x3x3 pad 0x1x1> : (tensor<2x3x1x5x5xf32>, "
             "tensor<2x3x1x3x3xf32>) -> tensor<2x2x1x5x5xf32>",
             "2x2x1x5x5"},
        Case{"ConvDepthwise",
             {{"x", "1x3x3x5x4"}, {"w", "3x1x3x3x3"}},
             "%y = clip.conv %x, %w window <3x3x3 stride 1x2x2 pad 1x1x1> {groups = 3} : "
             "(tensor<1x3x3x5x4xf32>, tensor<3x1x3x3x3xf32>) -> tensor<1x3x3x3x2xf32>",
             "1x3x3x3x2"},
        Case{"ConvShortcut",
             {{"x", "2x3x3x5x4"}, {"w", "2x3x1x1x1"}},
             "%y = clip.conv %x, %w window <1x1x1 stride 2x2x2> : (" X
             ", tensor<2x3x1x1x1xf32>) -> tensor<2x2x2x3x2xf32>",
             "2x2x2x3x2"},
        Case{"Linear",
             {{"x", "2x3x2x1x2"}, {"w", "4x12"}, {"b", "4"}},
             "%y = clip.linear %x, %w, %b : (tensor<2x3x2x1x2xf32>, tensor<4x12xf32>, tensor<4xf32>) -> "
             "tensor<2x4x1x1x1xf32>",
             "2x4x1x1x1"},
        Case{"BatchNorm",
             {{"x", "2x3x3x5x4"}, {"gamma", "3"}, {"beta", "3"}},
             "%y, %m, %r = clip.batch_norm %x, %gamma, %beta running(@mean, @var) {eps = 1.0e-2, momentum = "
             "0.1} : (" X ", tensor<3xf32>, tensor<3xf32>) -> (" X ", tensor<3xf32>, tensor<3xf32>)",
             "2x3x3x5x4"},
        Case{"Relu", {{"x", "2x3x3x5x4"}}, "%y = clip.relu %x : (" X ") -> " X, "2x3x3x5x4"},
        Case{"Map",
             {{"x", "2x3x3x5x4"}, {"z", "2x3x3x5x4"}},
             mapOf(X ", " X, "%x, %z", R"(
    %0 = arith.constant 0.3 : f32
    %1 = math.exp %a : f32
    %2 = math.tanh %b : f32
    %3 = arith.mulf %1, %2 : f32
    %4 = math.erf %a : f32
    %5 = arith.subf %3, %4 : f32
    %6 = math.absf %5 : f32
    %7 = arith.addf %6, %0 : f32
    %8 = math.sqrt %7 : f32
    %9 = math.log %7 : f32
    %10 = clip.expit %b : f32
    %11 = arith.divf %8, %10 : f32
    %12 = math.fma %9, %a, %11 : f32
    %13 = arith.maximumf %12, %b : f32
    %14 = arith.minimumf %13, %7 : f32
    %15 = arith.cmpf olt, %14, %a : f32
    %16 = arith.negf %14 : f32
    %17 = arith.select %15, %16, %13 : f32)",
                   "%17"),
             "2x3x3x5x4"},
        Case{"MapSpread",
             {{"x", "2x1x3x1x4"}, {"z", "1x3x3x5x1"}},
             mapOf("tensor<2x1x3x1x4xf32>, tensor<1x3x3x5x1xf32>", "%x, %z",
                   "    %0 = arith.mulf %a, %b : f32", "%0"),
             "2x3x3x5x4"},
        Case{"MapOfChannels",
             {{"x", "2x3x3x5x4"}, {"c", "3"}},
             mapOf(X ", tensor<3xf32>", "%x, %c", "    %0 = arith.mulf %a, %b : f32", "%0"),
             "2x3x3x5x4"},
        Case{"MapThatIgnoresAnOperand",
             {{"x", "2x3x3x5x4"}, {"z", "2x3x3x5x4"}},
             "%m = clip.map %x, %z : (" X ", " X ") -> " X " {\n  ^bb0(%a: f32, %b: f32):\n"
             "    %0 = arith.mulf %a, %a : f32\n    clip.yield %0 : f32\n  }\n"
             "  %y = clip.add %m, %z : (" X ", " X ") -> " X,
             "2x3x3x5x4"},
        Case{"Sigmoid", {{"x", "2x3x3x5x4"}}, "%y = clip.sigmoid %x : (" X ") -> " X, "2x3x3x5x4"},
        Case{"LogOfProbabilities",
             {{"x", "2x3x3x5x4"}},
             "%p = clip.softmax %x : (" X ") -> " X "\n  %y = clip.log %p : (" X ") -> " X,
             "2x3x3x5x4"},
        Case{
            "Scale", {{"x", "2x3x3x5x4"}}, "%y = clip.scale %x {factor = 0.25} : (" X ") -> " X, "2x3x3x5x4"},
        Case{"Add",
             {{"x", "2x3x3x5x4"}, {"z", "2x3x3x5x4"}},
             "%y = clip.add %x, %z : (" X ", " X ") -> " X,
             "2x3x3x5x4"},
        Case{"AddOfItself", {{"x", "2x3x3x5x4"}}, "%y = clip.add %x, %x : (" X ", " X ") -> " X, "2x3x3x5x4"},
        Case{"Mul",
             {{"x", "2x3x3x5x4"}, {"z", "2x3x3x5x4"}},
             "%y = clip.mul %x, %z : (" X ", " X ") -> " X,
             "2x3x3x5x4"},
        Case{"MulSpread",
             {{"x", "2x3x3x5x4"}, {"z", "2x3x1x1x1"}},
             "%y = clip.mul %x, %z : (" X ", tensor<2x3x1x1x1xf32>) -> " X,
             "2x3x3x5x4"},
        Case{"MaxPoolOverlapping",
             {{"x", "2x3x3x5x4"}},
             "%y = clip.max_pool %x window <3x3x3 stride 2x2x2 pad 1x1x1> : (" X ") -> tensor<2x3x2x3x2xf32>",
             "2x3x2x3x2"},
        Case{"MaxPoolCeil",
             {{"x", "2x3x3x5x4"}},
             "%y = clip.max_pool %x window <2x2x2 stride 2x2x2> {ceil} : (" X ") -> tensor<2x3x2x3x2xf32>",
             "2x3x2x3x2"},
        Case{"MaxPoolAsSubsample",
             {{"x", "2x3x3x5x4"}},
             "%y = clip.max_pool %x window <1x1x1 stride 2x2x2> : (" X ") -> tensor<2x3x2x3x2xf32>",
             "2x3x2x3x2"},
        Case{"AvgPoolPaddedAsymmetrically",
             {{"x", "2x3x3x5x4"}},
             "%y = clip.avg_pool %x window <2x3x3 stride 1x2x2 pad 0x1x0 to 1x0x2> : (" X
             ") -> tensor<2x3x3x2x2xf32>",
             "2x3x3x2x2"},
        Case{"AvgPoolCeil",
             {{"x", "2x3x3x5x4"}},
             "%y = clip.avg_pool %x window <2x2x3 stride 2x2x2> {ceil} : (" X ") -> tensor<2x3x2x3x2xf32>",
             "2x3x2x3x2"},
        Case{"Concat",
             {{"x", "2x3x3x5x4"}, {"z", "2x2x3x5x4"}},
             "%y = clip.concat %x, %z, %x : (" X ", tensor<2x2x3x5x4xf32>, " X ") -> tensor<2x8x3x5x4xf32>",
             "2x8x3x5x4"},
        Case{"Slice",
             {{"x", "2x3x3x5x4"}},
             "%y = clip.slice %x[1, 2] : (" X ") -> tensor<2x2x3x5x4xf32>",
             "2x2x3x5x4"},
        Case{"PadChannels",
             {{"x", "2x3x3x5x4"}},
             "%y = clip.pad_channels %x[2, 6] : (" X ") -> tensor<2x6x3x5x4xf32>",
             "2x6x3x5x4"},
        Case{"Softmax", {{"x", "2x3x3x5x4"}}, "%y = clip.softmax %x : (" X ") -> " X, "2x3x3x5x4"},
        Case{"MulSpreadOverChannels",
             {{"x", "2x3x3x5x4"}, {"z", "2x1x3x5x4"}},
             "%y = clip.mul %x, %z : (" X ", tensor<2x1x3x5x4xf32>) -> " X,
             "2x3x3x5x4"},
        Case{"MulSpreadOverSpace",
             {{"x", "2x3x3x5x4"}, {"z", "2x3x3x1x1"}},
             "%y = clip.mul %x, %z : (" X ", tensor<2x3x3x1x1xf32>) -> " X,
             "2x3x3x5x4"},
        Case{"AvgPoolOverSpace",
             {{"x", "2x3x3x5x4"}},
             "%y = clip.avg_pool %x window <1x5x4 stride 1x5x4> : (" X ") -> tensor<2x3x3x1x1xf32>",
             "2x3x3x1x1"},
        Case{"MulSpreadOverAll",
             {{"x", "2x3x3x5x4"}, {"z", "1x1x1x1x1"}},
             "%y = clip.mul %x, %z : (" X ", tensor<1x1x1x1x1xf32>) -> " X,
             "2x3x3x5x4"},
        Case{"Shift",
             {{"x", "2x5x3x3x2"}},
             "%y = clip.shift %x {channels = 2, frames = 1} : (tensor<2x5x3x3x2xf32>) -> "
             "tensor<2x5x3x3x2xf32>",
             "2x5x3x3x2"},
        Case{"Matmul",
             {{"l", "2x5x1x2x3"}, {"r", "2x6x2x3x1"}},
             "%y = clip.matmul %l, %r : (tensor<2x5x1x2x3xf32>, tensor<2x6x2x3x1xf32>) -> "
             "tensor<2x5x2x3x1xf32>",
             "2x5x2x3x1"},
        Case{"MatmulRightTransposed",
             {{"l", "2x5x1x2x3"}, {"r", "2x4x6x1x1"}},
             "%y = clip.matmul %l, %r {transpose_rhs} : (tensor<2x5x1x2x3xf32>, tensor<2x4x6x1x1xf32>) -> "
             "tensor<2x5x1x2x2xf32>",
             "2x5x1x2x2"},
        Case{"MatmulBothTransposed",
             {{"l", "2x5x1x2x3"}, {"r", "2x4x5x1x1"}},
             "%y = clip.matmul %l, %r {transpose_lhs, transpose_rhs} : (tensor<2x5x1x2x3xf32>, "
             "tensor<2x4x5x1x1xf32>) -> tensor<2x6x1x2x2xf32>",
             "2x6x1x2x2"},
        Case{"Attention",
             {{"q", "2x3x2x3x2"}, {"k", "2x3x1x2x2"}, {"v", "2x5x1x2x2"}},
             "%s = clip.matmul %k, %q {transpose_lhs} : (tensor<2x3x1x2x2xf32>, tensor<2x3x2x3x2xf32>) -> "
             "tensor<2x4x2x3x2xf32>\n %a = clip.softmax %s : (tensor<2x4x2x3x2xf32>) -> "
             "tensor<2x4x2x3x2xf32>\n "
             "%y = clip.matmul %v, %a : (tensor<2x5x1x2x2xf32>, tensor<2x4x2x3x2xf32>) -> "
             "tensor<2x5x2x3x2xf32>",
             "2x5x2x3x2"},
        Case{"Arrange",
             {{"x", "2x3x3x5x4"}},
             "%y = clip.arrange %x <0, 1, 2, 3, 4 5 -> 4 6, 1, _, 7 5, 0 2 of 2x3x3x5x2x2x2x3> : (" X
             ") -> tensor<4x3x1x6x6xf32>",
             "4x3x1x6x6"},
        Case{"StandardiseChannels",
             {{"x", "2x3x3x5x4"}},
             "%y = clip.standardise %x over [1] {eps = 1.0e-3} : (" X ") -> " X,
             "2x3x3x5x4"},
        Case{"StandardiseGroups",
             {{"x", "2x6x3x1x4"}},
             "%y = clip.standardise %x over [1, 2, 3, 4] {groups = 2, eps = 1.0e-3} : "
             "(tensor<2x6x3x1x4xf32>) -> "
             "tensor<2x6x3x1x4xf32>",
             "2x6x3x1x4"},
        Case{"StandardiseSomeAxes",
             {{"x", "2x3x3x5x4"}},
             "%y = clip.standardise %x over [2, 4] {eps = 1.0e-3} : (" X ") -> " X,
             "2x3x3x5x4"},
        Case{"SpreadSum",
             {{"x", "2x3x3x5x4"}},
             "%y = clip.spread_sum %x : (" X ") -> tensor<2x1x3x5x1xf32>",
             "2x1x3x5x1"},
        Case{"Dropout",
             {{"x", "2x3x3x5x4"}},
             "%y = clip.dropout %x {rate = 0.4, stream = 7} : (" X ") -> " X,
             "2x3x3x5x4"},
        Case{"ForkOfThree",
             {{"x", "2x3x3x5x4"}},
             "%a = clip.sigmoid %x : (" X ") -> " X "\n %b = clip.mul %a, %x : (" X ", " X ") -> " X
             "\n %y = clip.add %b, %a : (" X ", " X ") -> " X,
             "2x3x3x5x4"}),
    printCase);

} // namespace

// Tests what the interpreter says of functions that it cannot run.
#include "test/compiler/ClipTesting.h"

using namespace kinema;
using namespace kinema::testing;

namespace {

/// Returns what is said when @f of a module runs on such inputs.
std::string errorOf(const std::string &text, std::vector<Tensor> inputs, const char *function = "f") {
  auto module = parse(text);
  std::string said;
  mlir::ScopedDiagnosticHandler listening(&context(),
                                          [&](mlir::Diagnostic &diagnostic) { said = diagnostic.str(); });
  EXPECT_TRUE(mlir::failed(Interpreter(*module).run(function, std::move(inputs))));
  return said;
}

const std::string identity = "func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> { return %x : tensor<2xf32> }";

TEST(ClipInterpreter, Functions) {
  EXPECT_EQ(errorOf(identity, {}, "g"), "no function of one block @g");
  EXPECT_EQ(errorOf(identity, {}), "takes 1 inputs, found 0");
  EXPECT_EQ(errorOf(R"mlir(
    func.func private @g(tensor<2xf32>) -> tensor<2xf32>
    func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
      %y = call @g(%x) : (tensor<2xf32>) -> tensor<2xf32>
      return %y : tensor<2xf32>
    })mlir",
                    {Tensor({2})}),
            "the interpreter knows no operation func.call");
}

TEST(ClipInterpreter, Parameters) {
  const std::string parameter = R"mlir(
    clip.param @p : tensor<2xf32> {role = "weight"}
    func.func @f() -> tensor<2xf32> {
      %p = clip.read @p : tensor<2xf32>
      return %p : tensor<2xf32>
    })mlir";
  EXPECT_EQ(errorOf(parameter, {}), "the parameter is not set");
  EXPECT_EQ(errorOf(R"mlir(
    clip.param @m : tensor<3xf32> {role = "running_mean"}
    clip.param @v : tensor<3xf32> {role = "running_var"}
    func.func @f(%z: tensor<2x3x1x4x4xf32>, %c: tensor<3xf32>) -> tensor<2x3x1x4x4xf32> {
      %y, %mean, %rstd = clip.batch_norm %z, %c, %c running(@m, @v) {eps = 1.0e-05 : f64, momentum = 0.1 : f64, unbiased} : (tensor<2x3x1x4x4xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3x1x4x4xf32>, tensor<3xf32>, tensor<3xf32>)
      return %y : tensor<2x3x1x4x4xf32>
    })mlir",
                    {Tensor({2, 3, 1, 4, 4}), Tensor({3})}),
            "the running statistics @m are not set");
  auto module = parse(parameter);
  std::string said;
  mlir::ScopedDiagnosticHandler listening(&context(),
                                          [&](mlir::Diagnostic &diagnostic) { said = diagnostic.str(); });
  Interpreter interpreter(*module);
  interpreter.setParam("p", Tensor({3}));
  EXPECT_TRUE(mlir::failed(interpreter.run("f", {})));
  EXPECT_EQ(said, "the parameter is of another shape");
}

} // namespace

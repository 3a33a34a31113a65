// Compares, for every pointwise operation, the formula that kernels are made of with the number that the
// interpreter takes, and some numbers with PyTorch.
#include "dialects/Clip/Formula.h"
#include "test/compiler/ClipTesting.h"

#include "llvm/ADT/TypeSwitch.h"

#include <set>

using namespace kinema;
using namespace kinema::testing;

namespace {

/// Each pointwise operation; a global pool's gradient is one, another pool's is not.
constexpr char pointwise[] = R"(
  !x = tensor<2x3x2x5x4xf32>
  !c = tensor<3xf32>
  func.func @all(%x: !x, %y: !x, %a: !c, %b: !c, %d: !c, %n: tensor<2x3x1x1x1xf32>, %p: tensor<2x3x1x2x2xf32>) {
    %0 = clip.relu %x : (!x) -> !x
    %1 = clip.sigmoid %x : (!x) -> !x
    %2 = clip.scale %x {factor = 0.3} : (!x) -> !x
    %3 = clip.add %x, %y : (!x, !x) -> !x
    %4 = clip.mul %x, %y : (!x, !x) -> !x
    %5 = clip.mul %x, %n : (!x, tensor<2x3x1x1x1xf32>) -> !x
    %6 = clip.relu_grad %x, %y : (!x, !x) -> !x
    %7 = clip.affine %x, %a, %b : (!x, !c, !c) -> !x
    %8 = clip.affine2 %x, %y, %a, %b, %d : (!x, !x, !c, !c, !c) -> !x
    %16 = clip.frozen_norm_grad %x, %a, %b : (!x, !c, !c) -> !x
    %9 = clip.avg_pool_grad %n window <2x5x4> : (tensor<2x3x1x1x1xf32>) -> !x
    %11 = clip.log %x : (!x) -> !x
    %12 = clip.log_grad %x, %y : (!x, !x) -> !x
    %13 = clip.scale %x {factor = 4.0} : (!x) -> !x
    %17 = clip.map %x, %y : (!x, !x) -> !x {
    ^bb0(%u: f32, %v: f32):
      %half = arith.constant 0.5 : f32
      %m0 = clip.expit %u : f32
      %m1 = arith.subf %m0, %v : f32
      %m2 = math.fma %m1, %u, %half : f32
      %m3 = arith.maximumf %m2, %v : f32
      %m4 = math.absf %m3 : f32
      %m5 = arith.divf %m4, %u : f32
      %m6 = arith.cmpf ogt, %m5, %v : f32
      %m7 = arith.select %m6, %m5, %half : f32
      clip.yield %m7 : f32
    }
    %10 = clip.avg_pool_grad %p window <2x2x2 stride 1x2x2> : (tensor<2x3x1x2x2xf32>) -> tensor<2x3x2x4x4xf32>
    return
  })";

/// Computes a formula's arithmetic in double.
double evaluate(mlir::Value value) {
  mlir::Operation *op = value.getDefiningOp();
  auto x = [&](unsigned i) { return evaluate(op->getOperand(i)); };
  return llvm::TypeSwitch<mlir::Operation *, double>(op)
      .Case([](mlir::arith::ConstantOp c) {
        return mlir::cast<mlir::FloatAttr>(c.getValue()).getValueAsDouble();
      })
      .Case([&](mlir::arith::AddFOp) { return x(0) + x(1); })
      .Case([&](mlir::arith::SubFOp) { return x(0) - x(1); })
      .Case([&](mlir::arith::MulFOp) { return x(0) * x(1); })
      .Case([&](mlir::arith::DivFOp) { return x(0) / x(1); })
      .Case([&](mlir::math::FmaOp) { return std::fma(x(0), x(1), x(2)); })
      .Case([&](mlir::arith::NegFOp) { return -x(0); })
      .Case([&](mlir::math::ExpOp) { return std::exp(x(0)); })
      .Case([&](mlir::math::LogOp) { return std::log(x(0)); })
      .Case([&](mlir::math::AbsFOp) { return std::abs(x(0)); })
      .Case([&](mlir::math::SqrtOp) { return std::sqrt(x(0)); })
      .Case([&](mlir::arith::MaximumFOp) { return std::max(x(0), x(1)); })
      .Case([&](mlir::arith::CmpFOp) { return x(0) > x(1) ? 1.0 : 0.0; })
      .Case([&](mlir::arith::SelectOp) { return x(0) != 0 ? x(1) : x(2); });
}

void expectSame(clip::PointwiseOp op, unsigned seed) {
  context().loadDialect<mlir::arith::ArithDialect, mlir::math::MathDialect>();
  mlir::OwningOpRef<mlir::ModuleOp> holder = mlir::ModuleOp::create(op.getLoc());
  auto builder = mlir::OpBuilder::atBlockEnd(holder->getBody());
  Tensor drawn = random({int64_t(op->getNumOperands())}, seed, -3, 3);
  for (double &value : drawn.values)
    value = float(value);
  auto scalarOf = [&](mlir::Value operand) -> mlir::Value {
    size_t number = llvm::find(op->getOperands(), operand) - op->operand_begin();
    return mlir::arith::ConstantOp::create(builder, op.getLoc(),
                                           builder.getF32FloatAttr(float(drawn.values[number])));
  };
  clip::Formula formula(builder, op.getLoc(), scalarOf);
  double number = op.number(drawn.values);
  EXPECT_NEAR(evaluate(op.formula(formula)), number, 1e-6 * std::max(1.0, std::abs(number)))
      << op->getName().getStringRef().str() << ", draw " << seed;
}

TEST(Formulas, SayTheSameAsNumbers) {
  auto module = parse(pointwise);
  ASSERT_TRUE(module);
  std::set<std::string> known, found;
  for (mlir::RegisteredOperationName name : context().getRegisteredOperations())
    if (name.hasInterface<clip::PointwiseOp>())
      known.insert(name.getStringRef().str());
  module->walk([&](clip::PointwiseOp op) {
    if (!op.isPointwise())
      return;
    found.insert(op->getName().getStringRef().str());
    for (unsigned seed = 1; seed <= 20; ++seed)
      expectSame(op, seed);
  });
  EXPECT_EQ(found, known) << "an operation without a line above";
}

Tensor run(const std::string &op, Tensor x) {
  std::string shape;
  for (int64_t size : x.shape)
    shape += std::to_string(size) + "x";
  std::string type = "tensor<" + shape + "f32>";
  auto module = parse("func.func @f(%x: " + type + ") -> " + type + " {\n  %y = " + op + " %x : (" + type +
                      ") -> " + type + "\n  return %y : " + type + "\n}");
  Interpreter interpreter(*module, Interpreter::Storage::Double);
  return (*interpreter.run("f", {std::move(x)}))[0];
}

/// The expected number is PyTorch 1.13's, in double: the sum of y[i] * sin(0.7 i), for inputs sin(1.3 i).
TEST(Formulas, NumbersAreThoseOfPyTorch) {
  Tensor x({2, 4, 5, 7, 6});
  for (size_t i = 0; i < x.values.size(); ++i)
    x.values[i] = std::sin(1.3 * double(i));
  double sum = 0;
  Tensor y = run("clip.sigmoid", x);
  for (size_t i = 0; i < y.values.size(); ++i)
    sum += y.values[i] * std::sin(0.7 * double(i));
  EXPECT_NEAR(sum, 0.303999410590963, 1e-11);
  EXPECT_TRUE(std::isnan(run("clip.relu", Tensor({1, 1, 1, 1, 1}, std::nan(""))).values[0]));
  EXPECT_EQ(run("clip.log", Tensor({1, 1, 1, 1, 1}, 0)).values[0], -100 * std::log(2.0));
}

} // namespace

// Provides what the tests of the clip level share: reading modules, running passes, random tensors,
// comparing.
#ifndef KINEMA_TEST_COMPILER_CLIPTESTING_H
#define KINEMA_TEST_COMPILER_CLIPTESTING_H

#include "compiler/Interpreter/ClipInterpreter.h"
#include "compiler/Transforms/Passes.h"
#include "dialects/Clip/Clip.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

#include <cmath>
#include <random>

namespace kinema::testing {

inline mlir::MLIRContext &context() {
  static mlir::MLIRContext *context = [] {
    auto *made = new mlir::MLIRContext(mlir::MLIRContext::Threading::DISABLED);
    made->loadDialect<clip::ClipDialect, mlir::func::FuncDialect>();
    return made;
  }();
  return *context;
}

inline mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context());
  EXPECT_TRUE(module) << text;
  return module;
}

inline mlir::OwningOpRef<mlir::ModuleOp> parseFile(const std::string &path) {
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(path, &context());
  EXPECT_TRUE(module) << path;
  return module;
}

/// Runs one pass or several; a pass that fails makes the test fail.
template <typename... Passes> void runPasses(mlir::ModuleOp module, Passes... passes) {
  mlir::PassManager manager(&context());
  (manager.addPass(std::move(passes)), ...);
  ASSERT_TRUE(mlir::succeeded(manager.run(module)));
}

/// Turns fully connected layers into convs and adds @train_step, which returns the gradients too.
inline void differentiate(mlir::ModuleOp module, double smoothing = 0.0) {
  ClipDifferentiateOptions options;
  options.keepGradients = true;
  options.smoothing = smoothing;
  runPasses(module, createClipLinearToConv(), createClipDifferentiate(options));
}

/// Returns values uniform in [low, high), the same for the same seed.
inline Tensor random(std::vector<int64_t> shape, unsigned seed, double low = -1.0, double high = 1.0) {
  Tensor tensor(std::move(shape));
  std::mt19937 bits(seed);
  for (double &value : tensor.values)
    value = low + (high - low) * double(bits()) / 4294967296.0;
  return tensor;
}

/// Gives every parameter that training reads random values; variances are positive, momenta zero.
inline void setRandomParams(Interpreter &interpreter, mlir::ModuleOp module, unsigned seed) {
  for (auto param : module.getOps<clip::ParamOp>()) {
    bool isVariance = param.getRole() == "running_var" || param.getRole() == "gamma";
    if (!param.isState() && param.getRole() != "prepared")
      interpreter.setParam(param.getSymName(),
                           random(std::vector<int64_t>(param.getTensorType().getShape()), ++seed,
                                  isVariance ? 0.5 : -1.0, isVariance ? 1.5 : 1.0));
  }
}

/// Returns |a - b| / |b| over all elements.
inline double relativeError(const Tensor &a, const Tensor &b) {
  EXPECT_EQ(a.shape, b.shape);
  double difference = 0, norm = 0;
  for (size_t i = 0; i < a.values.size() && i < b.values.size(); ++i) {
    difference += (a.values[i] - b.values[i]) * (a.values[i] - b.values[i]);
    norm += b.values[i] * b.values[i];
  }
  return std::sqrt(difference) / std::max(std::sqrt(norm), 1e-30);
}

/// Runs a function such as @train_step and returns its results by their names (`clip.name`).
inline std::map<std::string, Tensor> runNamed(Interpreter &interpreter, mlir::ModuleOp module,
                                              llvm::StringRef name, std::vector<Tensor> inputs) {
  auto results = interpreter.run(name, std::move(inputs));
  EXPECT_TRUE(mlir::succeeded(results));
  std::map<std::string, Tensor> named;
  auto function = module.lookupSymbol<mlir::func::FuncOp>(name);
  for (size_t i = 0; mlir::succeeded(results) && i < results->size(); ++i)
    named[function.getResultAttrOfType<mlir::StringAttr>(i, "clip.name").str()] = (*results)[i];
  return named;
}

/// Compares central differences of the loss, at some elements of a parameter, with the gradient that
/// @train_step returns.
inline void expectGradient(mlir::ModuleOp module, const std::function<void(Interpreter &)> &setUp,
                           const std::vector<Tensor> &inputs, const std::string &param,
                           int64_t samples = 12) {
  constexpr double step = 1e-5;
  auto lossWith = [&](int64_t element, double change) {
    Interpreter interpreter(module, Interpreter::Storage::Double);
    setUp(interpreter);
    Tensor value = *interpreter.getParam(param);
    value.values[element] += change;
    interpreter.setParam(param, value);
    return runNamed(interpreter, module, "train_step", inputs)["loss"].values[0];
  };
  Interpreter interpreter(module, Interpreter::Storage::Double);
  setUp(interpreter);
  Tensor gradient = runNamed(interpreter, module, "train_step", inputs)["grad." + param];
  int64_t count = int64_t(gradient.values.size()), stride = std::max<int64_t>(1, count / samples);
  for (int64_t i = 0; i < count; i += stride) {
    double difference = (lossWith(i, step) - lossWith(i, -step)) / (2 * step);
    EXPECT_NEAR(gradient.values[i], difference, 1e-7 + 1e-5 * std::abs(difference))
        << param << " element " << i;
  }
}

} // namespace kinema::testing

#endif

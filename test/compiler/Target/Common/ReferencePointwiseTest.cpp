// Maps and merges against plain loops.
#include "test/compiler/Target/Common/ReferenceHarness.h"

#include "gtest/gtest.h"

#include <cmath>
#include <numeric>

using namespace kinema::testing;

namespace {
struct Size {
  int64_t n, c, t, h, w;
  std::vector<int64_t> shape() const { return {n, c, t, h, w}; }
};

const Size sizes[] = {
    {1, 3, 1, 1, 7}, {3, 45, 2, 5, 7}, {1, 230, 1, 3, 3}, {2, 16, 4, 28, 28}, {70, 8, 1, 1, 1}};

/// Calls body(row-major index, n, c, t, h, w).
template <typename Body> void forEach(const Size &s, Body body) {
  int64_t i = 0;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t c = 0; c < s.c; ++c)
      for (int64_t t = 0; t < s.t; ++t)
        for (int64_t h = 0; h < s.h; ++h)
          for (int64_t w = 0; w < s.w; ++w)
            body(i++, n, c, t, h, w);
}

/// The statistics that a partial result leaves, merged: count, mean, squared deviations, each [C].
std::vector<std::vector<double>> mergeMoments(const Tensor &partials) {
  int64_t channels = partials.shape[2];
  std::vector<std::vector<double>> total(3, std::vector<double>(channels, 0.0));
  for (int64_t p = 0; p < partials.shape[0]; ++p)
    for (int64_t c = 0; c < channels; ++c) {
      double count = partials.at({p, 0, c}), mean = partials.at({p, 1, c}), squares = partials.at({p, 2, c});
      double sum = total[0][c] + count, delta = mean - total[1][c];
      total[2][c] += squares + delta * delta * total[0][c] * count / sum;
      total[1][c] += delta * count / sum;
      total[0][c] = sum;
    }
  return total;
}

const char *affineRelu = R"(kernel.map(pixel %o0, channel %o1, channel %o2) : (TYPES) {
  ^bb0(%x: f32, %s: f32, %o: f32):
    %zero = arith.constant 0.0 : f32
    %n = math.fma %x, %s, %o : f32
    %a = arith.maximumf %n, %zero : f32
    kernel.yield store %a, moments %a
  } -> RESULTS)";

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  return text.replace(text.find(from), from.size(), to);
}

std::string joined(const std::vector<std::string> &types) {
  std::string text;
  for (const auto &type : types)
    text += (text.empty() ? "" : ", ") + type;
  return text;
}

std::string mapText(const char *body, const std::vector<std::string> &operands,
                    const std::vector<std::string> &results) {
  std::string list = results.size() > 1 ? "(" + joined(results) + ")" : results[0];
  return kernelText(operands, replaced(replaced(body, "TYPES", joined(operands)), "RESULTS", joined(results)),
                    results);
}
} // namespace

TEST(ReferenceMap, AffineReluWithMoments) {
  for (const Size &s : sizes)
    for (bool isBlocked : {true, false}) {
      SCOPED_TRACE(std::to_string(s.c) + (isBlocked ? " blocked" : " plain"));
      auto type = isBlocked ? blocked : plain;
      ReferenceKernel kernel(mapText(affineRelu, {type(s.shape()), type({s.c}), type({s.c})},
                                     {type(s.shape()), type({-1, 3, s.c})}));
      Tensor x = random(s.shape(), 1), scale = random({s.c}, 2), offset = random({s.c}, 3);
      auto results = kernel.run({x, scale, offset}, {{0, 0}}); // in place
      Tensor expected = filled(s.shape(), 0);
      std::vector<double> mean(s.c, 0.0), squares(s.c, 0.0);
      double count = double(s.n * s.t * s.h * s.w);
      forEach(s, [&](int64_t i, int64_t, int64_t c, int64_t, int64_t, int64_t) {
        expected.values[i] = std::max(0.0f, std::fma(x.values[i], scale.values[c], offset.values[c]));
        mean[c] += expected.values[i] / count;
      });
      forEach(s, [&](int64_t i, int64_t, int64_t c, int64_t, int64_t, int64_t) {
        squares[c] += (expected.values[i] - mean[c]) * (expected.values[i] - mean[c]);
      });
      expectNear(results[0], expected, 0.0);
      auto total = mergeMoments(results[1]);
      for (int64_t c = 0; c < s.c; ++c) {
        EXPECT_EQ(total[0][c], count);
        EXPECT_NEAR(total[1][c], mean[c], 1e-6);
        EXPECT_NEAR(total[2][c], squares[c], 1e-5 * (1 + squares[c]));
      }
    }
}

TEST(ReferenceMap, MaskAndSumsWithGate) {
  const char *body = R"(kernel.map(pixel %o0, pixel %o1, batch_channel %o2) : (TYPES) {
  ^bb0(%g: f32, %z: f32, %gate: f32):
    %zero = arith.constant 0.0 : f32
    %one = arith.constant 1.0 : f32
    %on = arith.cmpf ogt, %z, %zero : f32
    %m = arith.select %on, %g, %zero : f32
    %b = arith.addf %gate, %one : f32
    %gz = arith.mulf %m, %z : f32
    kernel.yield store %m, store %b, sum %m, sum %gz
  } -> RESULTS)";
  for (const Size &s : sizes) {
    std::vector<int64_t> gateShape = {s.n, s.c, 1, 1, 1};
    ReferenceKernel kernel(mapText(body, {blocked(s.shape()), blocked(s.shape()), blocked(gateShape)},
                                   {blocked(s.shape()), blocked(s.shape()), blocked({-1, 2, s.c})}));
    Tensor g = random(s.shape(), 1), z = random(s.shape(), 2), gate = random(gateShape, 3);
    auto results = kernel.run({g, z, gate});
    Tensor masked = filled(s.shape(), 0), opened = masked, sums = filled({2, s.c}, 0), total = sums;
    forEach(s, [&](int64_t i, int64_t n, int64_t c, int64_t, int64_t, int64_t) {
      masked.values[i] = z.values[i] > 0 ? g.values[i] : 0;
      opened.values[i] = gate.values[n * s.c + c] + 1;
      sums.values[c] += masked.values[i];
      sums.values[s.c + c] += masked.values[i] * z.values[i];
    });
    expectNear(results[0], masked, 0.0);
    expectNear(results[1], opened, 0.0);
    for (size_t i = 0; i < results[2].values.size(); ++i)
      total.values[i % (2 * s.c)] += results[2].values[i];
    expectNear(total, sums, 1e-5);
  }
}

TEST(ReferenceMap, Lattice) {
  const char *body = R"(kernel.map(pixel %o0, lattice %o1) : (TYPES) {
  ^bb0(%x: f32, %y: f32):
    %s = arith.addf %x, %y : f32
    kernel.yield store %s, moments %s
  } -> RESULTS)";
  for (auto type : {blocked, plain}) {
    Size s{2, 45, 3, 7, 5};
    std::vector<int64_t> coarse = {2, 45, 2, 4, 3}; // strides 2, 2, 2
    ReferenceKernel kernel(
        mapText(body, {type(s.shape()), type(coarse)}, {type(s.shape()), type({-1, 3, s.c})}));
    Tensor x = random(s.shape(), 1), y = random(coarse, 2), expected = x;
    auto results = kernel.run({x, y});
    forEach(s, [&](int64_t i, int64_t n, int64_t c, int64_t t, int64_t h, int64_t w) {
      if (t % 2 == 0 && h % 2 == 0 && w % 2 == 0)
        expected.values[i] += y.at({n, c, t / 2, h / 2, w / 2});
    });
    expectNear(results[0], expected, 0.0);
  }
}

TEST(ReferenceMap, MomentsOfWhatIsNotStored) {
  const char *body = R"(kernel.map(pixel %o0) : (TYPES) {
  ^bb0(%x: f32):
    kernel.yield moments %x
  } -> RESULTS)";
  Size s{2, 12, 3, 9, 31};
  ReferenceKernel kernel(mapText(body, {blocked(s.shape())}, {blocked({-1, 3, s.c})}));
  Tensor x = random(s.shape(), 5);
  for (float &value : x.values)
    value += 1000; // a mean far from zero must not spoil the variance
  auto total = mergeMoments(kernel.run({x})[0]);
  std::vector<double> mean(s.c, 0.0), squares(s.c, 0.0);
  forEach(s,
          [&](int64_t i, int64_t, int64_t c, int64_t, int64_t, int64_t) { mean[c] += x.values[i] / 1674.0; });
  forEach(s, [&](int64_t i, int64_t, int64_t c, int64_t, int64_t, int64_t) {
    squares[c] += (x.values[i] - mean[c]) * (x.values[i] - mean[c]);
  });
  for (int64_t c = 0; c < s.c; ++c)
    EXPECT_NEAR(total[2][c] / squares[c], 1.0, 1e-3);
}

TEST(ReferenceMap, FillWithoutOperands) {
  const char *body = R"(kernel.map() : (TYPES) {
    %half = arith.constant 0.5 : f32
    kernel.yield store %half
  } -> RESULTS)";
  Size s{1, 5, 1, 2, 3};
  ReferenceKernel kernel(mapText(body, {}, {blocked(s.shape())}));
  expectNear(kernel.run({})[0], filled(s.shape(), 0.5f), 0.0);
}

//===-- Finalize, reduce --------------------------------------------------===//

TEST(ReferenceFinalize, Moments) {
  // More partials than a block has threads, as large activations leave them, too.
  for (auto [rows, c] : {std::pair<int64_t, int64_t>{4, 3}, {4, 45}, {4, 230}, {1500, 12}}) {
    Tensor partials = random({rows, 3, c}, 1), gamma = random({c}, 2);
    for (int64_t p = 0; p < rows; ++p)
      for (int64_t i = 0; i < c; ++i) {
        partials.at({p, 0, i}) = float(10 + p % 7);
        partials.at({p, 2, i}) = std::abs(partials.at({p, 2, i}));
      }
    std::string type = blocked({c}), partialsType = blocked({rows, 3, c});
    ReferenceKernel kernel(kernelText({partialsType, type},
                                      "kernel.finalize %o0 : " + partialsType + " (%o1 : " + type + R"() {
      ^bb0(%mean: f32, %var: f32, %gamma: f32):
        %eps = arith.constant 1.0e-5 : f32
        %v = arith.addf %var, %eps : f32
        %rstd = math.rsqrt %v : f32
        %s = arith.mulf %gamma, %rstd : f32
        kernel.yield value %s, value %mean
      } {moments} -> )" + type + ", " + type,
                                      {type, type}));
    auto results = kernel.run({partials, gamma}, {{0, 1}});
    auto total = mergeMoments(partials);
    Tensor scale = filled({c}, 0), mean = scale;
    for (int64_t i = 0; i < c; ++i) {
      scale.values[i] = float(gamma.values[i] / std::sqrt(total[2][i] / total[0][i] + 1e-5));
      mean.values[i] = float(total[1][i]);
    }
    expectNear(results[0], scale, 1e-6);
    expectNear(results[1], mean, 1e-6);
  }
}

TEST(ReferenceFinalize, SumsAndNothing) {
  std::string type = plain({12});
  ReferenceKernel sums(kernelText({blocked({5, 2, 12})},
                                  "kernel.finalize %o0 : " + blocked({5, 2, 12}) + R"( () {
    ^bb0(%a: f32, %b: f32):
      %c = arith.subf %a, %b : f32
      kernel.yield value %c
    } -> )" + type,
                                  {type}));
  Tensor partials = random({5, 2, 12}, 3), expected = filled({12}, 0);
  for (int64_t p = 0; p < 5; ++p)
    for (int64_t c = 0; c < 12; ++c)
      expected.values[c] += partials.at({p, 0, c}) - partials.at({p, 1, c});
  expectNear(sums.run({partials})[0], expected, 1e-6);

  ReferenceKernel none(kernelText({type}, "kernel.finalize (%o0 : " + type + R"() {
    ^bb0(%a: f32):
      %c = arith.addf %a, %a : f32
      kernel.yield value %c
    } -> )" + type,
                                  {type}));
  Tensor x = random({12}, 4), twice = x;
  for (float &value : twice.values)
    value *= 2;
  expectNear(none.run({x})[0], twice, 0.0);
}

TEST(ReferenceReduce, InOrder) {
  for (auto type : {weight, plain}) {
    std::vector<int64_t> shape = {5, 3, 1, 3, 3}, stacked = {3, 5, 3, 1, 3, 3};
    ReferenceKernel kernel(kernelText(
        {type(stacked)}, "kernel.reduce %o0 : " + type(stacked) + " -> " + type(shape), {type(shape)}));
    Tensor partials = random(stacked, 1), expected = filled(shape, 0);
    for (size_t i = 0; i < expected.values.size(); ++i)
      expected.values[i] = partials.values[i] + partials.values[135 + i] + partials.values[270 + i];
    expectNear(kernel.run({partials})[0], expected, 0.0);
  }
}

//===-- Loss and update ---------------------------------------------------===//

/// Compares the loss of so many clips, of which some have no label, and its gradient with their formulas.
static void expectLoss(int64_t n, int64_t classes, double smoothing,
                       std::string (*type)(const std::vector<int64_t> &)) {
  std::vector<int64_t> shape = {n, classes, 1, 1, 1};
  std::string labelsType = "tensor<" + std::to_string(n) + "xi32>",
              signature = "(" + type(shape) + ", " + labelsType + ") -> (tensor<f32>, " + type(shape) + ")";
  ReferenceKernel kernel(kernelText({type(shape), labelsType},
                                    "kernel.softmax_xent %o0, %o1 {smoothing = " + std::to_string(smoothing) +
                                        " : f64} : " + signature,
                                    {"tensor<f32>", type(shape)}));
  Tensor logits = random(shape, 1), labels = filled({n}, -1);
  double labelled = 0;
  for (int64_t i = 0; i < n; ++i)
    if (i % 4 != 1) {
      labels.values[i] = float(i * 7 % classes);
      ++labelled;
    }
  for (float &value : logits.values)
    value *= 20;
  auto results = kernel.run({logits, labels});
  Tensor gradient = filled(shape, 0);
  double loss = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (labels.values[i] < 0)
      continue;
    double total = 0, largest = -1e30;
    for (int64_t c = 0; c < classes; ++c)
      largest = std::max(largest, double(logits.at({i, c, 0, 0, 0})));
    for (int64_t c = 0; c < classes; ++c)
      total += std::exp(logits.at({i, c, 0, 0, 0}) - largest);
    for (int64_t c = 0; c < classes; ++c) {
      double target = smoothing / classes + (c == labels.values[i] ? 1 - smoothing : 0);
      double logProbability = logits.at({i, c, 0, 0, 0}) - largest - std::log(total);
      loss -= target * logProbability / labelled;
      gradient.at({i, c, 0, 0, 0}) = float((std::exp(logProbability) - target) / labelled);
    }
  }
  EXPECT_NEAR(results[0].values[0], loss, 1e-5 * loss);
  expectNear(results[1], gradient, 1e-6);
  EXPECT_EQ(kernel.run({logits, filled({n}, -1)})[0].values[0], 0.0f);
}

TEST(ReferenceSoftmax, LossAndGradient) {
  for (auto type : {blocked, plain})
    for (double smoothing : {0.0, 0.1}) {
      expectLoss(4, 45, smoothing, type);
      expectLoss(19, 300, smoothing, type); // more clips than warps, more classes than a warp loads at once
    }
}

/// Compares the loss of targets and its gradient with their formulas, at scores that overflow if they are not
/// treated with care, and clips that do not count.
static void expectLossOfTargets(int64_t n, int64_t classes, bool sigmoid,
                                std::string (*type)(const std::vector<int64_t> &)) {
  std::vector<int64_t> shape = {n, classes, 1, 1, 1};
  const std::string targetsType = "tensor<" + std::to_string(n) + "x" + std::to_string(classes) + "xf32>",
                    sharesType = "tensor<" + std::to_string(n) + "xf32>";
  ReferenceKernel kernel(kernelText(
      {type(shape), targetsType, sharesType},
      std::string("kernel.target_xent %o0, %o1, %o2 ") + (sigmoid ? "{sigmoid}" : "") + " : (" + type(shape) +
          ", " + targetsType + ", " + sharesType + ") -> (tensor<f32>, " + type(shape) + ")",
      {"tensor<f32>", type(shape)}));
  Tensor logits = random(shape, 1), targets = random({n, classes}, 2), shares = filled({n}, 0);
  for (float &value : logits.values)
    value *= 100;
  for (float &value : targets.values)
    value = std::abs(value);
  for (int64_t i = 0; i < n; ++i)
    shares.values[i] = i % 4 == 1 ? 0 : 0.1f + 0.01f * float(i);
  Tensor gradient = filled(shape, 0);
  double loss = 0;
  for (int64_t i = 0; i < n; ++i) {
    double largest = -1e30, total = 0, all = 0;
    for (int64_t c = 0; c < classes; ++c) {
      largest = std::max(largest, double(logits.at({i, c, 0, 0, 0})));
      all += targets.at({i, c});
    }
    for (int64_t c = 0; c < classes; ++c)
      total += std::exp(logits.at({i, c, 0, 0, 0}) - largest);
    for (int64_t c = 0; c < classes; ++c) {
      const double x = logits.at({i, c, 0, 0, 0}), target = targets.at({i, c}), share = shares.values[i];
      const double logProbability = x - largest - std::log(total);
      loss += share * (sigmoid ? std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))) - target * x
                               : -target * logProbability);
      const double probability = sigmoid ? 1 / (1 + std::exp(-x)) : all * std::exp(logProbability);
      gradient.at({i, c, 0, 0, 0}) = float(share * (probability - target));
    }
  }
  auto results = kernel.run({logits, targets, shares});
  EXPECT_NEAR(results[0].values[0], loss, 1e-5 * std::abs(loss));
  expectNear(results[1], gradient, 1e-5);
}

TEST(ReferenceLossOfTargets, LossAndGradient) {
  for (auto type : {blocked, plain})
    for (bool sigmoid : {false, true}) {
      expectLossOfTargets(4, 45, sigmoid, type);
      expectLossOfTargets(19, 300, sigmoid, type); // more clips than warps, more classes than a warp loads
    }
}

TEST(ReferenceSgd, StepsWithPartials) {
  for (bool nesterov : {false, true})
    for (int64_t partials : {0, 3}) {
      std::vector<int64_t> shape = {45, 3, 1, 3, 3}, stacked = shape;
      if (partials)
        stacked.insert(stacked.begin(), partials);
      std::string type = weight(shape),
                  hyperType = "tensor<5xf32, #clip.hyper<step, decay, nesterov, rate, momentum>>";
      ReferenceKernel kernel(kernelText({type, type, weight(stacked), hyperType},
                                        "kernel.update sgd %o0, %o1, %o2, %o3 : (" + type + ", " + type +
                                            ", " + weight(stacked) + ", " + hyperType + ") -> (" + type +
                                            ", " + type + ")",
                                        {type, type}));
      Tensor w = random(shape, 1), v = random(shape, 2), g = random(stacked, 3);
      Tensor hyper{{5}, {123.0f, 0.01f, nesterov ? 1.0f : 0.0f, 0.1f, 0.9f}};
      auto results = kernel.run({w, v, g, hyper}, {{0, 0}, {1, 1}});
      for (size_t i = 0; i < w.values.size(); ++i) {
        double gradient = 0;
        for (size_t at = i; at < g.values.size(); at += w.values.size())
          gradient += g.values[at];
        gradient += 0.01 * w.values[i];
        double velocity = 0.9 * v.values[i] + gradient;
        v.values[i] = float(velocity);
        w.values[i] = float(w.values[i] - 0.1 * (nesterov ? gradient + 0.9 * velocity : velocity));
      }
      expectNear(results[0], w, 1e-6);
      expectNear(results[1], v, 1e-6);
    }
}

TEST(ReferenceSgd, StepsSeveralParametersAsEachAlone) {
  const std::vector<std::vector<int64_t>> shapes = {{45, 3, 1, 3, 3}, {7},     {33000}, {1},
                                                    {129, 5},         {33000}, {7},     {33000}};
  const std::vector<int64_t> partials = {3, 1, 1, 2, 5, 1, 1, 1};
  std::vector<std::string> types, gradientTypes;
  std::vector<Tensor> weights, velocities, gradients;
  for (size_t i = 0; i < shapes.size(); ++i) {
    std::vector<int64_t> stacked = shapes[i];
    if (partials[i] > 1)
      stacked.insert(stacked.begin(), partials[i]);
    auto type = shapes[i].size() == 5 ? weight : plain;
    types.push_back(type(shapes[i]));
    gradientTypes.push_back(type(stacked));
    weights.push_back(random(shapes[i], 3 * i));
    velocities.push_back(random(shapes[i], 3 * i + 1));
    gradients.push_back(random(stacked, 3 * i + 2));
  }
  Tensor hyper{{4}, {0.1f, 0.9f, 1.0f, 0.01f}};
  auto step = [&](const std::vector<size_t> &which) {
    std::vector<std::string> operandTypes, resultTypes;
    std::vector<Tensor> operands;
    std::map<unsigned, unsigned> inPlace;
    auto add = [&](const std::vector<std::string> &list, const std::vector<Tensor> &values) {
      for (size_t i : which) {
        operandTypes.push_back(list[i]);
        operands.push_back(values[i]);
      }
    };
    add(types, weights);
    add(types, velocities);
    for (unsigned i = 0; i < operands.size(); ++i)
      inPlace[i] = i;
    resultTypes = operandTypes;
    add(gradientTypes, gradients);
    operandTypes.push_back("tensor<4xf32, #clip.hyper<rate, momentum, nesterov, decay>>");
    operands.push_back(hyper);
    std::string names;
    for (size_t i = 0; i < operands.size(); ++i)
      names += (i ? ", %o" : "%o") + std::to_string(i);
    std::string text =
        "kernel.update sgd " + names + " : (" + joined(operandTypes) + ") -> (" + joined(resultTypes) + ")";
    return ReferenceKernel(kernelText(operandTypes, text, resultTypes)).run(operands, inPlace);
  };
  std::vector<size_t> all(shapes.size());
  std::iota(all.begin(), all.end(), 0);
  auto together = step(all);
  for (size_t i : all) {
    auto alone = step({i});
    EXPECT_EQ(together[i].values, alone[0].values) << "weight " << i;
    EXPECT_EQ(together[shapes.size() + i].values, alone[1].values) << "velocity " << i;
  }
}

//===-- Storage -----------------------------------------------------------===//

TEST(ReferenceConvert, Layouts) {
  auto check = [](const std::string &from, const std::string &to, std::vector<int64_t> shape,
                  std::vector<int64_t> result) {
    SCOPED_TRACE(from + " -> " + to);
    ReferenceKernel kernel(kernelText({from}, "kernel.convert %o0 : " + from + " -> " + to, {to}));
    Tensor x = random(shape, 1), expected{result, x.values};
    expectNear(kernel.run({x})[0], expected, 0.0);
  };
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{230, 45, 1, 3, 3}, {5, 3, 3, 1, 1}, {16, 24, 1, 3, 3}, {9, 1, 3, 3, 3}}) {
    check(weight(shape), weightTransposed(shape), shape, shape);
    check(weightTransposed(shape), weight(shape), shape, shape);
    check(plain(shape), weight(shape), shape, shape);
    check(weight(shape), plain(shape), shape, shape);
    check(plain(shape), blocked(shape), shape, shape);
    check(blocked(shape), plain(shape), shape, shape);
  }
  std::vector<int64_t> shape = {2, 13, 2, 3, 4}, flat = {2, 312, 1, 1, 1};
  check(blocked(shape), blocked(flat), shape, flat);
  check(blocked(flat), blocked(shape), flat, shape);
  check(plain(shape), blocked({2, 156, 2, 1, 1}), shape, {2, 156, 2, 1, 1});
}

TEST(ReferenceConvert, TapsWithPaddingInEveryPlace) {
  auto in = [](const std::vector<int64_t> &shape, const std::string &layout) {
    std::string type = plain(shape);
    return type.substr(0, type.size() - 1) + ", #kernel.layout<" + layout + ">>";
  };
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{5, 16, 1, 1, 1}, {45, 3, 1, 5, 5}, {16, 4, 3, 1, 1}})
    for (const char *layout : {"cdeBA8a8b", "cdE2eBA8a2e4b", "cdeAB8b8a"})
      for (const std::string &from : {plain(shape), in(shape, layout)}) {
        std::string to = in(shape, layout);
        SCOPED_TRACE(from + " -> " + to);
        ReferenceKernel kernel(kernelText({from}, "kernel.convert %o0 : " + from + " -> " + to, {to}));
        Tensor x = random(shape, 1);
        expectNear(kernel.run({x})[0], x, 0.0);
      }
}

TEST(ReferenceConvert, WidensWeightsOfGroups) {
  // Of 6 groups with 2 outputs and 3 inputs each, 2 share their inputs.
  std::vector<int64_t> shape = {12, 3, 1, 2, 2}, wide = {12, 6, 1, 2, 2};
  Tensor w = random(shape, 1), bias = random({5}, 2), expected = filled(wide, 0);
  for (int64_t o = 0; o < 12; ++o)
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t tap = 0; tap < 4; ++tap)
        expected.values[(o * 6 + o / 2 % 2 * 3 + i) * 4 + tap] = w.values[(o * 3 + i) * 4 + tap];
  std::vector<std::string> from = {plain({5}), plain(shape)}, to = {plain({5}), weight(wide)};
  auto results = ReferenceKernel(kernelText(from,
                                            "kernel.convert %o0, %o1 {kernel.widened = array<i64: 1, 6>} : " +
                                                joined(from) + " -> " + joined(to),
                                            to))
                     .run({bias, w});
  expectNear(results[0], bias, 0.0);
  expectNear(results[1], expected, 0.0);
}

TEST(ReferenceConvert, SeveralTensorsInOneLaunch) {
  struct Conversion {
    std::vector<int64_t> from, to;
    std::string fromType, toType;
  };
  std::vector<int64_t> square = {45, 24, 1, 3, 3}, small = {5}, large = {24, 129, 3, 1, 1},
                       clips = {2, 13, 2, 3, 4}, flat = {2, 312, 1, 1, 1};
  const std::vector<Conversion> conversions = {{square, square, weight(square), weightTransposed(square)},
                                               {small, small, plain(small), blocked(small)},
                                               {clips, flat, blocked(clips), blocked(flat)},
                                               {large, large, weight(large), plain(large)},
                                               {square, square, plain(square), weight(square)},
                                               {large, large, weight(large), plain(large)},
                                               {clips, flat, blocked(clips), blocked(flat)},
                                               {large, large, weight(large), plain(large)}};
  std::vector<std::string> from, to;
  std::vector<Tensor> operands;
  std::string names;
  for (auto [i, conversion] : llvm::enumerate(conversions)) {
    from.push_back(conversion.fromType);
    to.push_back(conversion.toType);
    operands.push_back(random(conversion.from, i));
    names += (i ? ", %o" : "%o") + std::to_string(i);
  }
  ReferenceKernel kernel(
      kernelText(from, "kernel.convert " + names + " : " + joined(from) + " -> " + joined(to), to));
  auto results = kernel.run(operands);
  for (auto [i, conversion] : llvm::enumerate(conversions))
    expectNear(results[i], {conversion.to, operands[i].values}, 0.0);
}

TEST(ReferenceFold, ScalesOutputChannels) {
  for (auto type : {weight, weightInGroups, plain, weightTransposed})
    for (auto vector : {blocked, plain}) {
      std::vector<int64_t> shape = {45, 6, 1, 3, 3};
      ReferenceKernel kernel(
          kernelText({type(shape), vector({45})},
                     "kernel.fold %o0, %o1 : (" + type(shape) + ", " + vector({45}) + ") -> " + type(shape),
                     {type(shape)}));
      Tensor w = random(shape, 1), s = random({45}, 2), expected = w;
      for (size_t i = 0; i < w.values.size(); ++i)
        expected.values[i] *= s.values[i / 54];
      expectNear(kernel.run({w, s})[0], expected, 0.0);
    }
}

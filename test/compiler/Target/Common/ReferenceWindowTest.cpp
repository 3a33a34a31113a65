// Convolutions, their gradients, and pools against plain loops.
#include "test/compiler/Target/Common/ReferenceHarness.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace kinema;
using namespace kinema::testing;

namespace {
struct Conv {
  int64_t n, in, out, groups;
  shape::Size3 size;
  shape::Window window;

  shape::Size3 output() const { return *shape::windowOutput(size, window); }
  std::vector<int64_t> inputShape() const { return {n, in, size[0], size[1], size[2]}; }
  std::vector<int64_t> outputShape() const { return {n, out, output()[0], output()[1], output()[2]}; }
  std::vector<int64_t> weightShape() const {
    return {out, in / groups, window.kernel[0], window.kernel[1], window.kernel[2]};
  }
  std::string windowText() const {
    auto text = [](const shape::Size3 &s) {
      return std::to_string(s[0]) + "x" + std::to_string(s[1]) + "x" + std::to_string(s[2]);
    };
    return "window <" + text(window.kernel) + " stride " + text(window.stride) + " pad " +
           text(window.padLow) + " to " + text(window.padHigh) + " dilate " + text(window.dilation) + ">";
  }
};

const Conv convs[] = {
    {1, 3, 45, 1, {1, 9, 7}, {{1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}}},
    {3, 45, 16, 1, {4, 3, 7}, {{3, 1, 1}, {2, 1, 1}, {1, 0, 0}, {1, 0, 0}, {1, 1, 1}}},
    {1, 5, 12, 1, {3, 6, 7}, {{3, 3, 2}, {1, 1, 1}, {1, 0, 0}, {1, 1, 1}, {1, 2, 1}}},   // uneven pads,
                                                                                         // dilation
    {1, 230, 10, 1, {1, 1, 1}, {}},                                                      // fully connected
    {2, 16, 32, 2, {2, 4, 5}, {{1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}}},  // groups of whole
                                                                                         // vectors
    {1, 12, 8, 4, {2, 4, 5}, {{1, 3, 3}, {1, 2, 1}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}}},   // narrow groups
    {2, 11, 11, 11, {3, 5, 7}, {{3, 3, 3}, {1, 2, 2}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}}}, // depthwise
    {1, 8, 8, 1, {1, 6, 6}, {{1, 1, 1}, {1, 2, 2}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}}},    // strided shortcut
};

/// Calls body(input index, output index, weight index) for each product of the convolution.
template <typename Body> void forEachProduct(const Conv &c, Body body) {
  auto o = c.output();
  int64_t perGroup = c.out / c.groups, inputs = c.in / c.groups;
  auto flat = [](int64_t n, int64_t channels, int64_t channel, const shape::Size3 &size,
                 const shape::Size3 &at) {
    return (((n * channels + channel) * size[0] + at[0]) * size[1] + at[1]) * size[2] + at[2];
  };
  for (int64_t n = 0; n < c.n; ++n)
    for (int64_t out = 0; out < c.out; ++out)
      for (int64_t q = 0; q < shape::product(o); ++q)
        for (int64_t i = 0; i < inputs; ++i)
          for (int64_t k = 0; k < c.window.taps(); ++k) {
            const auto &kernel = c.window.kernel;
            shape::Size3 at = {q / (o[1] * o[2]), q / o[2] % o[1], q % o[2]};
            shape::Size3 tap = {k / (kernel[1] * kernel[2]), k / kernel[2] % kernel[1], k % kernel[2]};
            shape::Size3 source;
            bool inside = true;
            for (int axis = 0; axis < 3; ++axis) {
              source[axis] = at[axis] * c.window.stride[axis] + tap[axis] * c.window.dilation[axis] -
                             c.window.padLow[axis];
              inside &= source[axis] >= 0 && source[axis] < c.size[axis];
            }
            if (inside)
              body(flat(n, c.in, out / perGroup * inputs + i, c.size, source), flat(n, c.out, out, o, at),
                   flat(out, inputs, i, kernel, tap));
          }
}

Tensor rounded(const std::vector<int64_t> &shape, const std::vector<double> &values) {
  return {shape, std::vector<float>(values.begin(), values.end())};
}

/// relu(2 * x * s + o), as the prologues below compute it.
Tensor activated(const Tensor &x, const Tensor &s, const Tensor &o) {
  Tensor y = x;
  int64_t inner = int64_t(x.values.size()) / (x.shape[0] * x.shape[1]);
  for (size_t i = 0; i < x.values.size(); ++i) {
    int64_t c = int64_t(i) / inner % x.shape[1];
    y.values[i] = std::max(0.0f, std::fma(x.values[i], s.values[c], o.values[c]));
  }
  return y;
}

const std::string reluRegion = R"({
  ^bb0(%x: f32, %s: f32, %o: f32):
    %zero = arith.constant 0.0 : f32
    %n = math.fma %x, %s, %o : f32
    %a = arith.maximumf %n, %zero : f32
    kernel.yield value %a
  })";

struct Layouts {
  const char *name;
  std::string (*activation)(const std::vector<int64_t> &);
  std::string (*weight)(const std::vector<int64_t> &);
};
const Layouts allLayouts[] = {
    {"blocked", blocked, weight}, {"transposed weight", blocked, weightTransposed}, {"plain", plain, plain}};
} // namespace

class ReferenceConv : public ::testing::TestWithParam<int> {};

TEST_P(ReferenceConv, ForwardAndTransposed) {
  const Conv &c = convs[GetParam()];
  for (bool forward : {true, false})
    for (const Layouts &layouts : allLayouts) {
      SCOPED_TRACE(std::string(forward ? "forward " : "transposed ") + layouts.name);
      auto sourceShape = forward ? c.inputShape() : c.outputShape(),
           resultShape = forward ? c.outputShape() : c.inputShape();
      std::string source = layouts.activation(sourceShape), result = layouts.activation(resultShape);
      std::string vector = layouts.activation({sourceShape[1]}),
                  moments = layouts.activation({-1, 3, resultShape[1]});
      std::string weights = layouts.weight(c.weightShape());
      ReferenceKernel kernel(kernelText(
          {weights, source, vector, vector, result},
          std::string("kernel.conv ") + (forward ? "forward" : "transposed") + " %o0 " + c.windowText() +
              " prologue(pixel %o1, channel %o2, channel %o3) : (" + source + ", " + vector + ", " + vector +
              ") " + reluRegion + " epilogue(pixel %o4) : (" + result + R"() {
            ^bb0(%acc: f32, %r: f32):
              %y = arith.addf %acc, %r : f32
              kernel.yield store %y, moments %y
            } {groups = )" +
              std::to_string(c.groups) + "} : " + weights + " -> " + result + ", " + moments,
          {result, moments}));
      Tensor w = random(c.weightShape(), 1), x = random(sourceShape, 2), s = random({sourceShape[1]}, 3);
      Tensor o = random({sourceShape[1]}, 4), residual = random(resultShape, 5), a = activated(x, s, o);
      auto results = kernel.run({w, x, s, o, residual}, {{0, 4}});
      std::vector<double> expected(residual.values.begin(), residual.values.end());
      forEachProduct(c, [&](int64_t input, int64_t output, int64_t k) {
        expected[forward ? output : input] += double(a.values[forward ? input : output]) * w.values[k];
      });
      expectNear(results[0], rounded(resultShape, expected), 1e-5);
      double mean = 0, total = 0, count = 0; // over all channels, as a check of the partials
      for (double value : expected)
        mean += value / double(expected.size());
      for (int64_t p = 0; p < results[1].shape[0]; ++p)
        for (int64_t channel = 0; channel < resultShape[1]; ++channel) {
          count += results[1].at({p, 0, channel});
          total += double(results[1].at({p, 0, channel})) * results[1].at({p, 1, channel});
        }
      EXPECT_EQ(count, double(expected.size()));
      EXPECT_NEAR(total / count, mean, 1e-4);
    }
}

TEST_P(ReferenceConv, WeightGradient) {
  const Conv &c = convs[GetParam()];
  for (const Layouts &layouts : allLayouts) {
    SCOPED_TRACE(layouts.name);
    std::string g = layouts.activation(c.outputShape()), x = layouts.activation(c.inputShape());
    std::string vector = layouts.activation({c.in});
    std::vector<int64_t> stacked = c.weightShape();
    stacked.insert(stacked.begin(), -1);
    std::string result = layouts.weight(stacked);
    ReferenceKernel kernel(kernelText({g, x, vector, vector},
                                      "kernel.wgrad " + c.windowText() + " gradient(pixel %o0) : (" + g +
                                          R"() {
            ^bb0(%g: f32):
              %h = arith.addf %g, %g : f32
              kernel.yield value %h
            } activation(pixel %o1, channel %o2, channel %o3) : ()" +
                                          x + ", " + vector + ", " + vector + ") " + reluRegion +
                                          " {groups = " + std::to_string(c.groups) + "} : " + result,
                                      {result}));
    Tensor gradient = random(c.outputShape(), 1), input = random(c.inputShape(), 2), s = random({c.in}, 3),
           o = random({c.in}, 4);
    Tensor a = activated(input, s, o), partials = kernel.run({gradient, input, s, o})[0];
    std::vector<double> expected(random(c.weightShape(), 1).values.size(), 0.0), sum = expected;
    forEachProduct(c, [&](int64_t in, int64_t out, int64_t k) {
      expected[k] += 2.0 * gradient.values[out] * a.values[in];
    });
    for (size_t i = 0; i < partials.values.size(); ++i)
      sum[i % sum.size()] += partials.values[i];
    expectNear(rounded(c.weightShape(), sum), rounded(c.weightShape(), expected), 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, ReferenceConv, ::testing::Range(0, int(std::size(convs))));

//===-- Pools -------------------------------------------------------------===//

namespace {
const Conv pools[] = {
    {2, 12, 12, 12, {1, 7, 7}, {{1, 3, 3}, {1, 2, 2}, {0, 1, 1}, {0, 1, 1}, {1, 1, 1}}},
    {1, 5, 5, 5, {3, 4, 7}, {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}}},
    {3, 45, 45, 45, {2, 3, 7}, {{2, 3, 7}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}}}, // global
    {1, 9, 9, 9, {4, 6, 7}, {{2, 2, 2}, {2, 2, 3}, {0, 0, 0}, {0, 0, 1}, {1, 1, 2}}},
};

/// For each window: its elements in t, h, w order (the products of a depthwise conv come in that order).
std::vector<std::vector<int64_t>> windows(const Conv &c) {
  std::vector<std::vector<int64_t>> elements(c.n * c.out * shape::product(c.output()));
  forEachProduct(c, [&](int64_t input, int64_t output, int64_t) { elements[output].push_back(input); });
  return elements;
}

const std::string negateRegion = R"({
  ^bb0(%x: f32):
    %n = arith.negf %x : f32
    kernel.yield value %n
  })";
} // namespace

class ReferencePool : public ::testing::TestWithParam<int> {};

TEST_P(ReferencePool, ForwardAndGradient) {
  const Conv &c = pools[GetParam()];
  auto elements = windows(c);
  Tensor x = random(c.inputShape(), 1), g = random(c.outputShape(), 2);
  for (float &value : x.values)
    value = std::round(value * 4) / 4; // equal maxima: the first one counts
  for (auto type : {blocked, plain})
    for (bool max : {true, false}) {
      SCOPED_TRACE(max ? "max" : "average");
      std::string input = type(c.inputShape()), output = type(c.outputShape()),
                  kind = max ? "max" : "average";
      ReferenceKernel pool(kernelText({input},
                                      "kernel.pool " + kind + " " + c.windowText() +
                                          " prologue(pixel %o0) : (" + input + ") " + negateRegion + " -> " +
                                          output,
                                      {output}));
      std::string operands = max ? "(pixel %o1) : (" + input + ") " + negateRegion
                                 : "() : () {\n %z = arith.constant 0.0 : f32\n kernel.yield value %z }";
      auto inputs = max ? std::vector{output, input} : std::vector{output};
      ReferenceKernel grad(kernelText(inputs,
                                      "kernel.pool_grad " + kind + " %o0 " + c.windowText() + " prologue" +
                                          operands + " : " + output + " -> " + input,
                                      {input}));
      Tensor expected = filled(c.outputShape(), 0), gradient = filled(c.inputShape(), 0);
      for (size_t q = 0; q < elements.size(); ++q) {
        float best = -std::numeric_limits<float>::infinity(), sum = 0;
        int64_t where = elements[q].front();
        for (int64_t i : elements[q]) {
          sum -= x.values[i];
          if (-x.values[i] > best)
            best = -x.values[where = i];
          if (!max)
            gradient.values[i] += g.values[q] / float(c.window.taps());
        }
        expected.values[q] = max ? best : sum / float(c.window.taps());
        if (max)
          gradient.values[where] += g.values[q];
      }
      expectNear(pool.run({x})[0], expected, 1e-6);
      expectNear(grad.run(max ? std::vector{g, x} : std::vector{g})[0], gradient, 1e-6);
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, ReferencePool, ::testing::Range(0, int(std::size(pools))));

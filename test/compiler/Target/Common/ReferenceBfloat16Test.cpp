// Kernels whose activations and weights are stored as bfloat16.
#include "test/compiler/Target/Common/ReferenceHarness.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>

using namespace kinema::testing;

namespace {
/// To the nearest bfloat16, ties to even.
float rounded(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  bits += 0x7FFF + ((bits >> 16) & 1);
  bits &= 0xFFFF0000;
  std::memcpy(&value, &bits, 4);
  return value;
}

const std::string roundedRegion = R"({
  ^bb0(%x: f32, %s: f32, %o: f32):
    %n = math.fma %x, %s, %o : f32
    %t = arith.truncf %n : f32 to bf16
    %r = arith.extf %t : bf16 to f32
    YIELD
  })";

std::string regionWith(const std::string &yield) {
  std::string text = roundedRegion;
  return text.replace(text.find("YIELD"), 5, yield);
}
} // namespace

TEST(ReferenceBFloat16, ConvertRoundsToNearestEven) {
  for (std::vector<int64_t> shape : {std::vector<int64_t>{45, 3, 1, 7, 7}, {16, 24, 3, 1, 1}}) {
    std::string from = weight(shape), to = weightBFloat16(shape);
    ReferenceKernel kernel(kernelText({from}, "kernel.convert %o0 : " + from + " -> " + to, {to}));
    Tensor x = random(shape, 1), expected = x;
    x.values[0] = 1.00390625f; // half way between two: the even one, below
    x.values[1] = 1.01171875f; // the even one, above
    for (size_t i = 0; i < x.values.size(); ++i)
      expected.values[i] = rounded(x.values[i]);
    EXPECT_EQ(expected.values[0], 1.0f);
    EXPECT_EQ(expected.values[1], 1.015625f);
    expectNear(kernel.run({x})[0], expected, 0.0);
  }
}

TEST(ReferenceBFloat16, OneValueForAllPositions) {
  std::vector<int64_t> vector = {1, 24, 1, 1, 1}, shape = {1, 24, 2, 7, 7};
  std::string from = blocked(vector), to = blockedBFloat16(shape);
  ReferenceKernel kernel(kernelText({from}, "kernel.map(batch_channel %o0) : (" + from + R"MAP() {
  ^bb0(%x: f32):
    %factor = arith.constant 0.3 : f32
    %y = arith.mulf %x, %factor : f32
    kernel.yield store %y
  } -> )MAP" + to,
                                    {to}));
  Tensor x = random(vector, 1), expected{shape, std::vector<float>(24 * 98)};
  for (size_t i = 0; i < expected.values.size(); ++i)
    expected.values[i] = rounded(x.values[i / 98] * 0.3f);
  expectNear(kernel.run({x})[0], expected, 0.0);
}

TEST(ReferenceBFloat16, MomentsAreOfWhatIsStored) {
  std::vector<int64_t> shape = {2, 45, 3, 5, 7};
  std::string type = blockedBFloat16(shape), vector = blocked({45}), moments = blocked({-1, 3, 45});
  ReferenceKernel kernel(kernelText(
      {type, vector, vector},
      "kernel.map(pixel %o0, channel %o1, channel %o2) : (" + type + ", " + vector + ", " + vector + ") " +
          regionWith("kernel.yield store %r, moments %r") + " -> " + type + ", " + moments,
      {type, moments}));
  Tensor x = coarse(shape, 1), s = random({45}, 2), o = random({45}, 3), expected = x;
  auto results = kernel.run({x, s, o});
  std::vector<double> mean(45, 0.0), count(45, 0.0), total(45, 0.0);
  for (size_t i = 0; i < x.values.size(); ++i) {
    size_t c = i / 105 % 45;
    expected.values[i] = rounded(std::fma(x.values[i], s.values[c], o.values[c]));
    mean[c] += expected.values[i] / 210.0;
  }
  expectNear(results[0], expected, 0.0);
  for (int64_t p = 0; p < results[1].shape[0]; ++p)
    for (int64_t c = 0; c < 45; ++c) {
      count[c] += results[1].at({p, 0, c});
      total[c] += double(results[1].at({p, 0, c})) * results[1].at({p, 1, c});
    }
  for (int64_t c = 0; c < 45; ++c) {
    EXPECT_EQ(count[c], 210.0);
    EXPECT_NEAR(total[c] / count[c], mean[c], 1e-6);
  }
}

/// A fully connected layer and its weight's gradient: few enough products to write down.
TEST(ReferenceBFloat16, ProductsOfRoundedValues) {
  int64_t positions = 6, in = 19, out = 13;
  std::vector<int64_t> xShape = {1, in, 1, 2, 3}, yShape = {1, out, 1, 2, 3}, wShape = {out, in, 1, 1, 1};
  std::string xType = blockedBFloat16(xShape), yType = blockedBFloat16(yShape), vector = blocked({in});
  std::string prologue = "(pixel %o1, channel %o2, channel %o3) : (" + xType + ", " + vector + ", " + vector +
                         ") " + regionWith("kernel.yield value %r");
  ReferenceKernel conv(kernelText({weightBFloat16(wShape), xType, vector, vector},
                                  "kernel.conv forward %o0 window <1x1x1> prologue" + prologue +
                                      R"( epilogue() : () {
      ^bb0(%acc: f32):
        kernel.yield store %acc
      } : )" + weightBFloat16(wShape) +
                                      " -> " + yType,
                                  {yType}));
  Tensor w = coarse(wShape, 1), x = coarse(xShape, 2), s = random({in}, 3), o = random({in}, 4), a = x;
  for (int64_t i = 0; i < in * positions; ++i)
    a.values[i] = rounded(std::fma(x.values[i], s.values[i / positions], o.values[i / positions]));
  Tensor y = conv.run({w, x, s, o})[0];
  for (int64_t k = 0; k < out * positions; ++k) {
    double expected = 0;
    for (int64_t i = 0; i < in; ++i)
      expected += double(w.values[k / positions * in + i]) * a.values[i * positions + k % positions];
    EXPECT_EQ(y.values[k], rounded(y.values[k]));
    EXPECT_NEAR(y.values[k], expected, std::abs(expected) / 256 + 1e-5);
  }

  std::string partials = weight({-1, out, in, 1, 1, 1});
  ReferenceKernel grad(kernelText(
      {yType, xType, vector, vector}, "kernel.wgrad window <1x1x1> gradient(pixel %o0) : (" + yType + R"() {
      ^bb0(%g: f32):
        kernel.yield value %g
      } activation)" + prologue + " : " + partials,
      {partials}));
  Tensor g = coarse(yShape, 5), dw = grad.run({g, x, s, o})[0];
  for (int64_t k = 0; k < out * in; ++k) {
    double expected = 0, total = 0;
    for (int64_t q = 0; q < positions; ++q)
      expected += double(g.values[k / in * positions + q]) * a.values[k % in * positions + q];
    for (size_t at = k; at < dw.values.size(); at += out * in)
      total += dw.values[at];
    EXPECT_NEAR(total, expected, 1e-5);
  }
}

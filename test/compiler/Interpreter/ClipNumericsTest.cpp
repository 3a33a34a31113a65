// What the operations mean, against PyTorch 1.13 in double: each expected number is sum(y[i] * sin(0.7 i)) of
// its result y, for inputs sin(f * i). Gradients are tested against finite differences (test/dialects/Clip).
#include "compiler/Interpreter/ClipNumerics.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace kinema;
using namespace kinema::numerics;

namespace {

Tensor wave(Shape shape, double frequency, double offset = 0.0) {
  Tensor tensor(std::move(shape));
  for (size_t i = 0; i < tensor.values.size(); ++i)
    tensor.values[i] = std::sin(frequency * double(i)) + offset;
  return tensor;
}

double fingerprint(const Tensor &y) {
  double sum = 0;
  for (size_t i = 0; i < y.values.size(); ++i)
    sum += y.values[i] * std::sin(0.7 * double(i));
  return sum;
}

constexpr double tolerance = 1e-11;

class ClipNumerics : public ::testing::Test {
protected:
  Tensor x = wave({2, 4, 5, 7, 6}, 1.3);
};

TEST_F(ClipNumerics, Conv) {
  Window window{{3, 3, 2}, {2, 2, 1}, {1, 0, 1}, {0, 3, 0}, {1, 2, 1}};
  Tensor weight = wave({6, 2, 3, 3, 2}, 0.9), bias = wave({6}, 0.5);
  EXPECT_NEAR(fingerprint(conv(x, weight, &bias, window, 2, {2, 6, 2, 3, 6})), -29.6336687870523, tolerance);
}

TEST_F(ClipNumerics, Linear) {
  Tensor weight = wave({3, 840}, 0.6), bias = wave({3}, 0.5);
  EXPECT_NEAR(fingerprint(linear(x, weight, &bias)), 4.17777997828303, tolerance);
}

TEST_F(ClipNumerics, Pools) {
  Window overlapping{{3, 3, 3}, {2, 2, 2}, {1, 1, 1}, {1, 1, 1}}, halves{{2, 2, 2}, {2, 2, 2}};
  Window padded{{2, 3, 3}, {1, 2, 2}, {1, 1, 1}, {1, 1, 1}};
  EXPECT_NEAR(fingerprint(maxPool(x, overlapping, {2, 4, 3, 4, 3})), -0.254899385765454, tolerance);
  EXPECT_NEAR(fingerprint(maxPool(x, halves, {2, 4, 3, 4, 3})), 7.63319291235647, tolerance); // ceil
  EXPECT_NEAR(fingerprint(avgPool(x, padded, {2, 4, 6, 4, 3})), -0.114977925816686, tolerance);
}

TEST_F(ClipNumerics, BatchNorm) {
  Tensor gamma = wave({4}, 0.3, 1.5), beta = wave({4}, 0.8);
  Moments batch = moments(x);
  Coefficients c = bnCoeffs(batch, gamma, beta, 1e-3);
  EXPECT_NEAR(fingerprint(affine(x, c.scale, c.offset)), 1.67414182916053, tolerance);
  Moments running =
      bnRunning({wave({4}, 0.2), wave({4}, 0.4, 2.0)}, batch, 0.1, 2 * 5 * 7 * 6, /*unbiased=*/true);
  EXPECT_NEAR(fingerprint(running.mean), 0.899402843917693, tolerance);
  EXPECT_NEAR(fingerprint(running.var), 6.19819343281022, tolerance);
}

TEST_F(ClipNumerics, Softmax) { EXPECT_NEAR(fingerprint(softmax(x)), 0.223947370771213, tolerance); }

TEST_F(ClipNumerics, CrossEntropySmoothedAndMasked) {
  Tensor logits = scale(wave({3, 5, 1, 1, 1}, 1.1), 3.0);
  EXPECT_NEAR(softmaxCrossEntropy(logits, Tensor({3}, {2, -1, 4}), 0.1).loss.values[0], 1.79154731927874,
              tolerance);
}

/// The share that a dropout keeps, what it does to the mean, and that neither steps nor streams repeat each
/// other.
TEST_F(ClipNumerics, Dropout) {
  Tensor ones({1, 8, 4, 16, 16}, 1.0);
  auto drop = [&](double seed, double step, int64_t stream) {
    return dropout(ones, 0.25, stream, uint32_t(seed), uint32_t(step));
  };
  Tensor first = drop(1, 0, 0);
  double sum = 0;
  for (double value : first.values) {
    EXPECT_TRUE(value == 0.0 || value == 1.0 / 0.75);
    sum += value;
  }
  EXPECT_NEAR(sum / double(ones.values.size()), 1.0, 0.03);
  EXPECT_EQ(first.values, drop(1, 0, 0).values);
  for (const Tensor &other : {drop(2, 0, 0), drop(1, 1, 0), drop(1, 0, 1)})
    EXPECT_NE(first.values, other.values);
}

} // namespace

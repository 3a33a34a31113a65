#include "runtime/Training/BatchStatistics.h"

#include "runtime/Support/Random.h"

#include <gtest/gtest.h>

using namespace kinema;

// Three batches of five elements have the mean and variance of the fifteen elements.
TEST(MergedMoments, AreThoseOfAllElements) {
  MergedMoments merged(2);
  double sums[2] = {}, squares[2] = {};
  for (int batch = 0; batch < 3; ++batch) {
    float mean[2] = {}, variance[2] = {};
    for (int c = 0; c < 2; ++c) {
      double sum = 0, square = 0;
      for (int i = 0; i < 5; ++i) {
        const double x = 100 * c + (1 + batch) * random::normal(1, c, batch * 5 + i);
        sum += x;
        square += x * x;
      }
      mean[c] = static_cast<float>(sum / 5);
      variance[c] = static_cast<float>(square / 5 - sum / 5 * sum / 5);
      sums[c] += sum;
      squares[c] += square;
    }
    merged.add(mean, variance);
  }
  for (int c = 0; c < 2; ++c) {
    EXPECT_NEAR(merged.mean()[c], sums[c] / 15, 1e-5 * (1 + std::abs(sums[c] / 15)));
    EXPECT_NEAR(merged.variance()[c], squares[c] / 15 - sums[c] / 15 * sums[c] / 15, 1e-2);
  }
}

// Statistics that stay the same, such as those of frozen norms, keep their bits.
TEST(MergedMoments, OfEqualBatchesAreTheirs) {
  MergedMoments merged(1);
  const float mean = 1234.567f, variance = 1e-5f;
  for (int batch = 0; batch < 7; ++batch)
    merged.add({&mean, 1}, {&variance, 1});
  EXPECT_EQ(merged.mean()[0], mean);
  EXPECT_EQ(merged.variance()[0], variance);
}

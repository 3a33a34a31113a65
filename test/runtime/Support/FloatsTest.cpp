#include "runtime/Support/Floats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace kinema;

TEST(Floats, BFloat16IsTheNearestEven) {
  for (float exact : {0.0f, -1.0f, 1.0078125f})
    EXPECT_EQ(fromBF16(toBF16(exact)), exact);
  EXPECT_EQ(fromBF16(toBF16(1.00390625f)), 1.0f);      // halfway between 1 and 1.0078125
  EXPECT_EQ(fromBF16(toBF16(1.01171875f)), 1.015625f); // halfway between 1.0078125 and 1.015625
  EXPECT_EQ(fromBF16(toBF16(1.0039064f)), 1.0078125f); // above halfway
  EXPECT_EQ(fromBF16(toBF16(-1.0039064f)), -1.0078125f);
}

TEST(Floats, BFloat16HasInfinityAndWhatIsNoNumber) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(fromBF16(toBF16(-infinity)), -infinity);
  EXPECT_EQ(fromBF16(toBF16(std::numeric_limits<float>::max())), infinity);
  EXPECT_TRUE(std::isnan(fromBF16(toBF16(std::bit_cast<float>(0x7F800001u)))));
}

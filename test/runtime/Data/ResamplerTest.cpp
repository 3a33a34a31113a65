#include "runtime/Data/Resampler.h"

#include <gtest/gtest.h>

using namespace kinema;

namespace {

// Scales a picture of 5x7 pixels whose value at place i is 37 i mod 251, plus 1 in green and 2 in blue, that
// lies in lines of 9 pixels.
std::vector<float> scaled(PictureSize size, bool flip) {
  std::vector<uint8_t> picture(5 * 9 * 3, 255);
  for (int y = 0; y < 5; ++y)
    for (int x = 0; x < 7; ++x)
      for (int colour = 0; colour < 3; ++colour)
        picture[(y * 9 + x) * 3 + colour] = static_cast<uint8_t>((y * 7 + x) * 37 % 251 + colour);
  std::vector<float> result(3 * size.height * size.width);
  Resampler({5, 7}, size).apply(picture.data(), 9, flip, int64_t{size.height} * size.width, result.data());
  return result;
}

// The expected values are those of torch.nn.functional.interpolate(..., mode='bilinear', antialias=True).
TEST(Resampler, AgreesWithPyTorch) {
  const std::vector<float> expected = {
      3.4286f,  28.0952f, 56.873f,  85.6508f,  114.4286f, 143.2063f, 171.9841f, 200.7619f, 225.4286f,
      16.0f,    40.6667f, 69.4444f, 98.2222f,  127.0f,    155.7778f, 184.5556f, 213.3333f, 238.0f,
      28.5714f, 53.2381f, 82.0159f, 110.7937f, 139.5714f, 168.3492f, 197.127f,  178.0952f, 107.1429f};
  for (bool flip : {false, true}) {
    const std::vector<float> found = scaled({3, 9}, flip);
    for (int colour = 0; colour < 3; ++colour)
      for (int y = 0; y < 3; ++y)
        for (int x = 0; x < 9; ++x)
          EXPECT_NEAR(found[(colour * 3 + y) * 9 + (flip ? 8 - x : x)],
                      expected[y * 9 + x] + static_cast<float>(colour), 1e-3)
              << y << ", " << x;
  }
}

TEST(Resampler, KeepsAPictureOfTheSameSize) {
  const std::vector<float> found = scaled({5, 7}, false);
  for (int i = 0; i < 35; ++i)
    EXPECT_EQ(found[i], static_cast<float>(i * 37 % 251));
}

} // namespace

#include "runtime/Data/ClipTransform.h"
#include "runtime/Support/Random.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>

#include <cmath>

using namespace kinema;
using namespace kinema::test;
using testing::HasSubstr;

namespace {

TEST(ScaledSize, FollowsTheShortSideOrElseTheSize) {
  EXPECT_EQ(scaledSize({240, 320}, 0, {128, 171}), (PictureSize{128, 171}));
  EXPECT_EQ(scaledSize({240, 320}, 128, {9, 9}), (PictureSize{128, 171}));
  EXPECT_EQ(scaledSize({320, 240}, 128, {9, 9}), (PictureSize{171, 128}));
  EXPECT_EQ(scaledSize({100, 100}, 128, {9, 9}), (PictureSize{128, 128}));
  EXPECT_EQ(scaledSize({33, 44}, 0, {0, 0}), (PictureSize{33, 44}));
}

TEST(PlaceCrop, FromTheFirstPlaceToTheLast) {
  const PictureSize picture{128, 171}, crop{112, 112};
  CropOrigin centre = placeCrop(picture, crop, 0.5, 0.5);
  EXPECT_EQ(centre.top, 8);
  EXPECT_EQ(centre.left, 30);
  EXPECT_EQ(placeCrop(picture, crop, 0, 0).left, 0);
  EXPECT_EQ(placeCrop(picture, crop, 1, 1).left, 59);
  EXPECT_EQ(placeCrop(picture, crop, 1, 1).top, 16);
  EXPECT_EQ(placeCrop({112, 112}, crop, 0.7, 1).top, 0);
  EXPECT_THAT(errorOf([&] { placeCrop({100, 200}, crop, 0, 0); }),
              HasSubstr("frames of 100x200 are smaller than the crop of 112x112"));
}

TEST(PlaceCrop, EveryPlaceIsAsLikely) {
  std::vector<int> counts(4);
  for (uint64_t i = 0; i < 4000; ++i)
    ++counts[placeCrop({10, 13}, {10, 10}, 0, random::uniform(1, 2, i)).left];
  for (int count : counts)
    EXPECT_NEAR(count, 1000, 120);
}

class TransformedClip : public testing::Test {
protected:
  static constexpr int frames = 3;
  static constexpr PictureSize picture{7, 9};
  const std::vector<double> mean = {110.201, 100.64, 95.9966}, std = {58.1489, 56.4701, 55.3324};

  TransformedClip() : pixels(frames * picture.height * picture.width * 3) {
    for (size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<uint8_t>(random::bits(1, 1, i));
  }
  double pixel(int c, int t, int y, int x) const {
    return pixels[((t * picture.height + y) * picture.width + x) * 3 + c];
  }
  // Returns the clip, [3, frames, crop.height, crop.width].
  std::vector<float> clip(const ClipView &view, PictureSize crop) const {
    std::vector<const uint8_t *> pointers;
    for (int t = 0; t < frames; ++t)
      pointers.push_back(&pixels[t * picture.height * picture.width * 3]);
    std::vector<float> values(3 * frames * crop.height * crop.width);
    ClipTransform(mean, std).apply(pointers, view, crop, values.data());
    return values;
  }

  std::vector<uint8_t> pixels;
};

TEST_F(TransformedClip, IsCutFlippedAndNormalised) {
  const PictureSize crop{4, 5};
  for (bool flip : {false, true}) {
    const ClipView view{picture, {2, 3}, crop, flip, {}};
    const std::vector<float> values = clip(view, crop);
    for (int c = 0; c < 3; ++c)
      for (int t = 0; t < frames; ++t)
        for (int y = 0; y < 4; ++y)
          for (int x = 0; x < 5; ++x) {
            const double expected = (pixel(c, t, 2 + y, 3 + (flip ? 4 - x : x)) - mean[c]) / std[c];
            ASSERT_NEAR(values[((c * frames + t) * 4 + y) * 5 + x], expected,
                        1e-6 * (1 + std::abs(expected)));
          }
  }
}

// A region of twice the crop's size is averaged by the triangle filter, whose weights for pixels at distances
// 1/2 and 3/2 are 3/8 and 1/8; at the region's edge a weight is missing and the others grow.
TEST_F(TransformedClip, RegionIsScaledToTheCrop) {
  const ClipView view{picture, {1, 1}, {6, 8}, true, {}};
  const std::vector<float> values = clip(view, {3, 4});
  auto blend = [](double before, double first, double second, double after) {
    return (before + 3 * first + 3 * second + after) / 8;
  };
  auto row = [&](int y, int x) { // of the region, which begins at (1, 1)
    return blend(pixel(0, 2, 1 + y, x), pixel(0, 2, 1 + y, x + 1), pixel(0, 2, 1 + y, x + 2),
                 pixel(0, 2, 1 + y, x + 3));
  };
  const double inside = blend(row(1, 4), row(2, 4), row(3, 4), row(4, 4)); // row 1, column 2 before the flip
  EXPECT_NEAR(values[(2 * 3 + 1) * 4 + 1], (inside - mean[0]) / std[0], 1e-5);
  const double corner = [&] { // row 0, column 1 before the flip
    return (3 * row(0, 2) + 3 * row(1, 2) + row(2, 2)) / 7;
  }();
  EXPECT_NEAR(values[(2 * 3 + 0) * 4 + 2], (corner - mean[0]) / std[0], 1e-5);
}

TEST_F(TransformedClip, ColoursChangeBeforeTheyAreNormalised) {
  ClipView view{picture, {0, 0}, picture, false, {}};
  view.colours.brightness = 0.5;
  const std::vector<float> values = clip(view, picture);
  for (int c = 0; c < 3; ++c)
    EXPECT_NEAR(values[(c * frames + 1) * 63 + 10], (pixel(c, 1, 1, 1) / 2 - mean[c]) / std[c], 1e-5);
}

TEST(ClipTransform, RefusesImpossibleFigures) {
  EXPECT_THAT(errorOf([] { ClipTransform({1, 2}, {1, 1, 1}); }),
              HasSubstr("data.mean and data.std need 3 values"));
  EXPECT_THAT(errorOf([] { ClipTransform({1, 2, 3}, {1, 0, 1}); }), HasSubstr("data.std must be positive"));
}

} // namespace

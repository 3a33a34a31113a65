#include "runtime/Data/ClipTransform.h"
#include "runtime/Support/Random.h"
#include "test/runtime/Data/VideoFiles.h"

#include <gmock/gmock.h>

#include <cmath>

using namespace kinema;
using namespace kinema::test;
using testing::HasSubstr;

namespace {

TEST(ScaledSize, FollowsTheRecipe) {
  DataRecipe data;
  data.resize = {128, 171};
  EXPECT_EQ(scaledSize({240, 320}, data), (PictureSize{128, 171}));
  data.shortSide = 128;
  EXPECT_EQ(scaledSize({240, 320}, data), (PictureSize{128, 171}));
  EXPECT_EQ(scaledSize({320, 240}, data), (PictureSize{171, 128}));
  EXPECT_EQ(scaledSize({100, 100}, data), (PictureSize{128, 128}));
  data.shortSide = 0;
  data.resize = {0, 0};
  EXPECT_EQ(scaledSize({33, 44}, data), (PictureSize{33, 44}));
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

TEST(Normalisation, AgreesWithItsFormula) {
  const std::vector<double> mean = {110.201, 100.64, 95.9966}, std = {58.1489, 56.4701, 55.3324};
  const Normalisation normalisation(mean, std);
  const int64_t count = 3;
  const PictureSize picture{7, 9}, crop{4, 5};
  const CropOrigin origin{2, 3};
  std::vector<uint8_t> frames(count * 7 * 9 * 3);
  for (size_t i = 0; i < frames.size(); ++i)
    frames[i] = static_cast<uint8_t>(random::bits(1, 1, i));
  for (bool flip : {false, true}) {
    std::vector<float> clip(3 * count * 4 * 5);
    normalisation.apply(frames.data(), count, picture, origin, crop, flip, clip.data());
    for (int c = 0; c < 3; ++c)
      for (int t = 0; t < count; ++t)
        for (int y = 0; y < 4; ++y)
          for (int x = 0; x < 5; ++x) {
            const int column = origin.left + (flip ? 4 - x : x);
            const double value = frames[((t * 7 + origin.top + y) * 9 + column) * 3 + c];
            const double expected = (value - mean[c]) / std[c];
            ASSERT_NEAR(clip[((c * count + t) * 4 + y) * 5 + x], expected, 1e-6 * (1 + std::abs(expected)));
          }
  }
}

TEST(Normalisation, RefusesImpossibleFigures) {
  EXPECT_THAT(errorOf([] { Normalisation({1, 2}, {1, 1, 1}); }),
              HasSubstr("data.mean and data.std need 3 values"));
  EXPECT_THAT(errorOf([] { Normalisation({1, 2, 3}, {1, 0, 1}); }), HasSubstr("data.std must be positive"));
}

} // namespace

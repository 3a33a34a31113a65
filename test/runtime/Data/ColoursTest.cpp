#include "runtime/Data/Colours.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

using namespace kinema;

namespace {

// Holds six pixels, of 3 colours each.
using Picture = std::vector<std::array<float, 3>>;

Picture changed(const ColourChange &change) {
  const Picture picture = {{200, 30, 90},   {10, 240, 120}, {0, 0, 250},
                           {128, 128, 128}, {255, 200, 0},  {70, 60, 50}};
  constexpr int64_t planeStride = 8;
  std::vector<float> planes(3 * planeStride);
  for (size_t i = 0; i < picture.size(); ++i)
    for (size_t colour = 0; colour < 3; ++colour)
      planes[colour * planeStride + i] = picture[i][colour];
  changeColours(change, static_cast<int64_t>(picture.size()), planeStride, planes.data());
  Picture result(picture.size());
  for (size_t i = 0; i < picture.size(); ++i)
    for (size_t colour = 0; colour < 3; ++colour)
      result[i][colour] = planes[colour * planeStride + i];
  return result;
}

void expectNear(const Picture &found, const Picture &expected) {
  for (size_t i = 0; i < expected.size(); ++i)
    for (size_t colour = 0; colour < 3; ++colour)
      EXPECT_NEAR(found[i][colour], expected[i][colour], 2e-3) << "pixel " << i << ", colour " << colour;
}

// The expected values are those of torchvision 0.14.1: adjust_brightness, adjust_contrast, adjust_saturation,
// adjust_hue and rgb_to_grayscale.
TEST(Colours, AgreeWithTorchvision) {
  expectNear(
      changed({.brightness = 1.3f}),
      {{255, 39, 117}, {13, 255, 156}, {0, 0, 255}, {166.4f, 166.4f, 166.4f}, {255, 255, 0}, {91, 78, 65}});
  expectNear(changed({.contrast = 0.6f}), {{163.81f, 61.81f, 97.81f},
                                           {49.81f, 187.81f, 115.81f},
                                           {43.81f, 43.81f, 193.81f},
                                           {120.61f, 120.61f, 120.61f},
                                           {196.81f, 163.81f, 43.81f},
                                           {85.81f, 79.81f, 73.81f}});
  expectNear(changed({.saturation = 1.4f}), {{244.94f, 6.94f, 90.94f},
                                             {0, 255, 104.98f},
                                             {0, 0, 255},
                                             {128.005f, 128.005f, 128.005f},
                                             {255, 202.552f, 0},
                                             {73.263f, 59.263f, 45.263f}});
  expectNear(changed({.hue = 0.15f}),
             {{200, 123, 30}, {10, 153, 240}, {225, 0, 250}, {128, 128, 128}, {80.5f, 255, 0}, {62, 70, 50}});
  expectNear(changed({.hue = -0.4f}),
             {{30, 158, 200}, {240, 28, 10}, {100, 250, 0}, {128, 128, 128}, {98, 0, 255}, {52, 50, 70}});
  expectNear(changed({.gray = true}), {{87.65f, 87.65f, 87.65f},
                                       {157.549f, 157.549f, 157.549f},
                                       {28.5f, 28.5f, 28.5f},
                                       {127.987f, 127.987f, 127.987f},
                                       {193.62f, 193.62f, 193.62f},
                                       {61.843f, 61.843f, 61.843f}});
}

TEST(Colours, StepsComeInTheirOrder) {
  ColourChange change{.brightness = 1.3f, .contrast = 0.6f, .saturation = 1.4f, .hue = -0.4f};
  change.order = {ColourStep::Saturation, ColourStep::Contrast, ColourStep::Hue, ColourStep::Brightness};
  expectNear(changed(change), {{62.902f, 202.678f, 248.542f},
                               {255, 59.813f, 57.489f},
                               {137.049f, 255, 57.489f},
                               {157.333f, 157.333f, 157.333f},
                               {135.919f, 57.489f, 255},
                               {94.978f, 92.794f, 114.634f}});
}

TEST(Colours, EveryOrderHasANumber) {
  std::set<std::array<ColourStep, 4>> orders;
  for (int number = 0; number < 24; ++number)
    orders.insert(colourOrder(number));
  EXPECT_EQ(orders.size(), 24u);
  EXPECT_EQ(colourOrder(0), ColourChange().order);
}

TEST(Colours, MayBeKept) {
  EXPECT_TRUE(ColourChange().areKept());
  EXPECT_FALSE(ColourChange{.hue = 0.1f}.areKept());
  EXPECT_FALSE(ColourChange{.gray = true}.areKept());
}

} // namespace

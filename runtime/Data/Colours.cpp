#include "runtime/Data/Colours.h"

#include <algorithm>
#include <cmath>

namespace kinema {
namespace {

constexpr float white = 255;

// Stands for the planes of a picture.
struct Planes {
  int64_t pixels;
  std::array<float *, 3> colours; // red, green, blue

  float gray(int64_t i) const { return grayOf(colours[0][i], colours[1][i], colours[2][i]); }
};

float clamped(float value) { return std::clamp(value, 0.0f, white); }

void multiply(const Planes &picture, float factor) {
  for (float *plane : picture.colours)
    for (int64_t i = 0; i < picture.pixels; ++i)
      plane[i] = clamped(factor * plane[i]);
}

void changeContrast(const Planes &picture, float factor) {
  double sum = 0;
  for (int64_t i = 0; i < picture.pixels; ++i)
    sum += picture.gray(i);
  const float mean = static_cast<float>(sum / static_cast<double>(picture.pixels));
  for (float *plane : picture.colours)
    for (int64_t i = 0; i < picture.pixels; ++i)
      plane[i] = clamped(factor * plane[i] + (1 - factor) * mean);
}

void changeSaturation(const Planes &picture, float factor) {
  for (int64_t i = 0; i < picture.pixels; ++i) {
    const float gray = picture.gray(i);
    for (float *plane : picture.colours)
      plane[i] = clamped(factor * plane[i] + (1 - factor) * gray);
  }
}

// Turns the hue of a pixel. Hues count from red over green to blue, each a third of the circle.
void turnHue(const std::array<float *, 3> &colours, int64_t i, float turn) {
  const float red = colours[0][i], green = colours[1][i], blue = colours[2][i];
  const float most = std::max({red, green, blue}), least = std::min({red, green, blue}), span = most - least;
  if (span == 0)
    return;     // gray has no hue
  float sector; // sixths of the circle
  if (most == red)
    sector = (green - blue) / span;
  else if (most == green)
    sector = 2 + (blue - red) / span;
  else
    sector = 4 + (red - green) / span;
  sector += 6 * turn;
  for (int colour = 0; colour < 3; ++colour) {
    // `away` is how far the hue is from this colour's own, at 0, 2 and 4 sixths: 0 to 3 sixths.
    float away = std::fmod(sector - static_cast<float>(2 * colour) + 12, 6.0f);
    away = std::min(away, 6 - away);
    colours[colour][i] = least + span * std::clamp(2 - away, 0.0f, 1.0f);
  }
}

} // namespace

std::array<ColourStep, 4> colourOrder(int number) {
  std::array<ColourStep, 4> order = ColourChange().order;
  for (; number > 0; --number)
    std::next_permutation(order.begin(), order.end());
  return order;
}

void changeColours(const ColourChange &change, int64_t pixels, int64_t planeStride, float *picture) {
  const Planes planes{pixels, {picture, picture + planeStride, picture + 2 * planeStride}};
  for (ColourStep step : change.order) {
    if (step == ColourStep::Brightness && change.brightness != 1)
      multiply(planes, change.brightness);
    if (step == ColourStep::Contrast && change.contrast != 1)
      changeContrast(planes, change.contrast);
    if (step == ColourStep::Saturation && change.saturation != 1)
      changeSaturation(planes, change.saturation);
    if (step == ColourStep::Hue && change.hue != 0)
      for (int64_t i = 0; i < pixels; ++i)
        turnHue(planes.colours, i, change.hue);
  }
  if (change.gray)
    changeSaturation(planes, 0);
}

} // namespace kinema

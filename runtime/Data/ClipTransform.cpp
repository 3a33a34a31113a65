#include "runtime/Data/ClipTransform.h"

#include "runtime/Support/Error.h"

#include <algorithm>
#include <cmath>

namespace kinema {

PictureSize scaledSize(PictureSize video, int64_t shortSide, const RecipeSize &resize) {
  if (shortSide > 0) {
    const int side = static_cast<int>(shortSide);
    auto scaled = [&](int longer, int shorter) {
      return static_cast<int>(std::llround(static_cast<double>(longer) * side / shorter));
    };
    if (video.height <= video.width)
      return {side, scaled(video.width, video.height)};
    return {scaled(video.height, video.width), side};
  }
  if (resize[0] > 0)
    return sizeOf(resize);
  return video;
}

CropOrigin placeCrop(PictureSize picture, PictureSize crop, double down, double right) {
  if (picture.height < crop.height || picture.width < crop.width)
    fail("frames of {}x{} are smaller than the crop of {}x{}: set data.resize", picture.height, picture.width,
         crop.height, crop.width);
  auto place = [](int room, double share) {
    return std::min(room, static_cast<int>(std::floor(share * (room + 1))));
  };
  return {place(picture.height - crop.height, down), place(picture.width - crop.width, right)};
}

FrameCutter::FrameCutter(const ClipView &view, PictureSize crop)
    : view(view), pixels(int64_t{crop.height} * crop.width), resampler(view.region, crop) {}

void FrameCutter::apply(const uint8_t *frame, int64_t planeStride, float *to) const {
  const int64_t first = int64_t{view.origin.top} * view.picture.width + view.origin.left;
  resampler.apply(frame + first * 3, view.picture.width, view.flip, planeStride, to);
  changeColours(view.colours, pixels, planeStride, to);
}

void checkNormalisation(const std::vector<double> &mean, const std::vector<double> &std) {
  if (mean.size() != 3 || std.size() != 3)
    refuse("data.mean and data.std need 3 values each, for red, green and blue; they have {} and {}",
           mean.size(), std.size());
  for (int channel = 0; channel < 3; ++channel)
    if (!(std[channel] > 0))
      refuse("data.std must be positive; its value {} is {}", channel, std[channel]);
}

ClipTransform::ClipTransform(const std::vector<double> &mean, const std::vector<double> &std)
    : mean(mean), std(std) {
  checkNormalisation(mean, std);
  table.reserve(3 * 256);
  for (int channel = 0; channel < 3; ++channel)
    for (int value = 0; value < 256; ++value)
      table.push_back(static_cast<float>((value - mean[channel]) / std[channel]));
}

// Cuts, flips and normalises a frame whose region has the crop's size and keeps its colours.
void ClipTransform::cutOut(const uint8_t *frame, const ClipView &view, PictureSize crop, int64_t planeStride,
                           float *to) const {
  const int step = view.flip ? -3 : 3;
  const int first = view.flip ? view.origin.left + crop.width - 1 : view.origin.left;
  for (int y = 0; y < crop.height; ++y) {
    const int64_t row = view.origin.top + y;
    const uint8_t *pixel = frame + (row * view.picture.width + first) * 3;
    float *red = to + static_cast<int64_t>(y) * crop.width;
    float *green = red + planeStride, *blue = green + planeStride;
    for (int x = 0; x < crop.width; ++x, pixel += step) {
      red[x] = table[pixel[0]];
      green[x] = table[256 + pixel[1]];
      blue[x] = table[512 + pixel[2]];
    }
  }
}

void ClipTransform::apply(std::span<const uint8_t *const> frames, const ClipView &view, PictureSize crop,
                          float *clip) const {
  const int64_t pixels = int64_t{crop.height} * crop.width;
  const auto count = static_cast<int64_t>(frames.size());
  if (view.region == crop && view.colours.areKept()) {
    for (int64_t t = 0; t < count; ++t)
      cutOut(frames[t], view, crop, count * pixels, clip + t * pixels);
    return;
  }
  const FrameCutter cutter(view, crop);
  for (int64_t t = 0; t < count; ++t)
    cutter.apply(frames[t], count * pixels, clip + t * pixels);
  for (int64_t channel = 0; channel < 3; ++channel) {
    const auto offset = static_cast<float>(mean[channel]), scale = static_cast<float>(1 / std[channel]);
    for (float &value : std::span(clip + channel * count * pixels, static_cast<size_t>(count * pixels)))
      value = (value - offset) * scale;
  }
}

} // namespace kinema

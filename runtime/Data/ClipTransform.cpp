#include "runtime/Data/ClipTransform.h"

#include "runtime/Support/Error.h"

#include <algorithm>
#include <cmath>

namespace kinema {

PictureSize scaledSize(PictureSize video, const DataRecipe &data) {
  if (data.shortSide > 0) {
    const int side = static_cast<int>(data.shortSide);
    auto scaled = [&](int longer, int shorter) {
      return static_cast<int>(std::llround(static_cast<double>(longer) * side / shorter));
    };
    if (video.height <= video.width)
      return {side, scaled(video.width, video.height)};
    return {scaled(video.height, video.width), side};
  }
  if (data.resize[0] > 0)
    return {static_cast<int>(data.resize[0]), static_cast<int>(data.resize[1])};
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

Normalisation::Normalisation(const std::vector<double> &mean, const std::vector<double> &std) {
  if (mean.size() != 3 || std.size() != 3)
    refuse("data.mean and data.std need 3 values each, for red, green and blue; they have {} and {}",
           mean.size(), std.size());
  table.reserve(3 * 256);
  for (int channel = 0; channel < 3; ++channel) {
    if (!(std[channel] > 0))
      refuse("data.std must be positive; its value {} is {}", channel, std[channel]);
    for (int value = 0; value < 256; ++value)
      table.push_back(static_cast<float>((value - mean[channel]) / std[channel]));
  }
}

void Normalisation::apply(const uint8_t *frames, int64_t count, PictureSize picture, CropOrigin origin,
                          PictureSize crop, bool flip, float *clip) const {
  const int64_t channelSize = count * crop.height * crop.width;
  const int step = flip ? -3 : 3;
  const int first = flip ? origin.left + crop.width - 1 : origin.left;
  for (int64_t t = 0; t < count; ++t)
    for (int y = 0; y < crop.height; ++y) {
      const int64_t row = t * picture.height + origin.top + y;
      const uint8_t *pixel = frames + (row * picture.width + first) * 3;
      float *red = clip + (t * crop.height + y) * crop.width;
      float *green = red + channelSize, *blue = green + channelSize;
      for (int x = 0; x < crop.width; ++x, pixel += step) {
        red[x] = table[pixel[0]];
        green[x] = table[256 + pixel[1]];
        blue[x] = table[512 + pixel[2]];
      }
    }
}

} // namespace kinema

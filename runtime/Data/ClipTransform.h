// Turns decoded frames into the network's input: crop, flip, normalisation. (Frames are scaled while they are
// decoded.)
#pragma once

#include "runtime/Package/Recipe.h"

#include <cstdint>
#include <vector>

namespace kinema {

struct PictureSize {
  int height = 0, width = 0;
  bool operator==(const PictureSize &) const = default;
};

struct CropOrigin {
  int top = 0, left = 0;
};

// Returns the size to which a video's frames are scaled: `resize`, or its short side to `shortSide` with the
// other side in proportion, rounded; the video's own size if both are zero.
PictureSize scaledSize(PictureSize video, const DataRecipe &data);

// Returns where a crop of size `crop` begins in a picture of size `picture`. `down` and `right` in [0, 1] say
// where among the possible places it lies: 0 the first, 0.5 the centre, 1 the last; numbers drawn uniformly
// give each place alike. Throws Error (without the video's name) if the picture is smaller than the crop.
CropOrigin placeCrop(PictureSize picture, PictureSize crop, double down, double right);

// Normalises 8-bit values by a table.
class Normalisation {
public:
  // Takes mean and std, [3], of values in 0..255; std > 0.
  Normalisation(const std::vector<double> &mean, const std::vector<double> &std);

  // Cuts, flips and normalises: clip[c, t, y, x] = (frames[t, top + y, left + x', c] - mean[c]) / std[c],
  // where x' is x, or crop.width - 1 - x if `flip`. frames: [count, picture.height, picture.width, 3]; clip:
  // [3, count, crop.height, crop.width]
  void apply(const uint8_t *frames, int64_t count, PictureSize picture, CropOrigin origin, PictureSize crop,
             bool flip, float *clip) const;

private:
  std::vector<float> table; // [3, 256]
};

} // namespace kinema

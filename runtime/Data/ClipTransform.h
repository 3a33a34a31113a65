// Turns decoded frames into clips: crop, flip, colours, normalisation. (Whole frames are scaled while they
// are decoded.)
#pragma once

#include "runtime/Data/Colours.h"
#include "runtime/Data/PictureSize.h"
#include "runtime/Data/Resampler.h"
#include "runtime/Package/RecipeFields.h"

#include <cstdint>
#include <span>
#include <vector>

namespace kinema {

// Returns the size to which a video's frames are scaled: the short side to `shortSide`, with the other side
// in proportion, rounded; or else to `resize`, [H, W]; or else the video's own size.
PictureSize scaledSize(PictureSize video, int64_t shortSide, const RecipeSize &resize);

// Returns where a crop of size `crop` begins in a picture of size `picture`. `down` and `right` in [0, 1] say
// where among the possible places it lies: 0 the first, 0.5 the centre, 1 the last; numbers drawn uniformly
// give each place alike. Throws Error (without the video's name) if the picture is smaller than the crop.
CropOrigin placeCrop(PictureSize picture, PictureSize crop, double down, double right);

// Returns a recipe's size, in pixels.
inline PictureSize sizeOf(const RecipeSize &size) {
  return {static_cast<int>(size[0]), static_cast<int>(size[1])};
}

// Says what becomes of a video's frames: they are scaled to `picture`; the `region` that begins at `origin`
// is cut out and scaled to the crop; it is flipped, and its colours change.
struct ClipView {
  PictureSize picture;
  CropOrigin origin;
  PictureSize region;
  bool flip = false;
  ColourChange colours;
  PictureSize steady =
      {}; // the size that `picture` has where the recipe does not change it from clip to clip
};

// Cuts the region of a view out of scaled frames: it is scaled to the crop, flipped, and its colours change.
class FrameCutter {
public:
  FrameCutter(const ClipView &view, PictureSize crop);

  // frame: [view.picture.height, view.picture.width, 3]; to: 3 planes [crop.height, crop.width] that are
  // `planeStride` apart, with values in 0..255
  void apply(const uint8_t *frame, int64_t planeStride, float *to) const;

private:
  const ClipView &view;
  int64_t pixels;
  Resampler resampler;
};

// Throws Error with status 2 unless mean and std are [3] and std > 0.
void checkNormalisation(const std::vector<double> &mean, const std::vector<double> &std);

// Makes clips of scaled frames and normalises them: (value - mean[c]) / std[c].
class ClipTransform {
public:
  // Takes mean and std, [3], of values in 0..255; std > 0.
  ClipTransform(const std::vector<double> &mean, const std::vector<double> &std);

  // Makes a clip of frames, each a pointer to [view.picture.height, view.picture.width, 3].
  // clip: [3, frames, crop.height, crop.width]
  void apply(std::span<const uint8_t *const> frames, const ClipView &view, PictureSize crop,
             float *clip) const;

private:
  void cutOut(const uint8_t *frame, const ClipView &view, PictureSize crop, int64_t planeStride,
              float *to) const;

  std::vector<double> mean, std;
  std::vector<float> table; // [3, 256]; what each value of 8 bits is when normalised
};

} // namespace kinema

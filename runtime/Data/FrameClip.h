// Makes clips of frames that somebody else has decoded.
#pragma once

#include "runtime/Data/PictureSize.h"
#include "runtime/Package/Manifest.h"

#include <span>

namespace kinema {

// Frames of one size, [count, size.height, size.width, 3], 8 bits of red, green and blue.
struct DecodedFrames {
  const uint8_t *pixels = nullptr;
  int64_t count = 0;
  PictureSize size;
};

// Makes what an input takes of one clip's frames, [C, T, H, W]: they are scaled as the recipe says, by a
// triangle filter, and the centre of evaluation's crop is cut out and normalised. Throws Error where they are
// not as many as a clip has or smaller than the crop, and for an input that is made of frames around those of
// a clip.
void makeClip(const Manifest &manifest, const InputTensor &input, const DecodedFrames &frames,
              std::span<float> clip);

} // namespace kinema

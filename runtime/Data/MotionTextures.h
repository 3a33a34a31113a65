// Reads pictures, parts of which are backgrounds of the motion data set.
#pragma once

#include "runtime/Data/PictureSize.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kinema {

struct Texture {
  PictureSize size;
  std::vector<uint8_t> rgb; // [size.height, size.width, 3]
};

class MotionTextures {
public:
  // Reads all .jpg, .jpeg, .png and .webp files below a folder, scaled so that a frame of size `frame` is at
  // most half as high and half as wide. Throws Error where there are fewer than two, or where FFmpeg cannot
  // read one.
  MotionTextures(const std::string &folder, PictureSize frame);

  // Returns the pictures for training videos (part 0) or for test videos (part 1): every second one, by their
  // names in order.
  std::vector<const Texture *> of(int part) const;

  // Names the pictures' content.
  std::string digest() const;

private:
  std::vector<Texture> textures;
};

} // namespace kinema

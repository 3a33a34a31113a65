// Defines the size of a picture and a place in it, in pixels.
#pragma once

namespace kinema {

struct PictureSize {
  int height = 0, width = 0;
  bool operator==(const PictureSize &) const = default;
};

struct CropOrigin {
  int top = 0, left = 0;
};

} // namespace kinema

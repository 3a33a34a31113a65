// Scales pictures by a triangle filter, which is as wide as one pixel of the larger grid: linear
// interpolation where a picture grows, and an average without aliasing where it shrinks, as PIL's and
// PyTorch's with antialias=True.
#pragma once

#include "runtime/Data/PictureSize.h"

#include <cstdint>
#include <vector>

namespace kinema {

class Resampler {
public:
  Resampler(PictureSize from, PictureSize to);

  // Scales a picture whose lines are `width` pixels apart, and flips it horizontally where `flip` says so.
  // picture: [from.height, width, 3]; to: 3 planes [to.height, to.width] that are `planeStride` apart, with
  // values in 0..255.
  void apply(const uint8_t *picture, int64_t width, bool flip, int64_t planeStride, float *to) const;

  // Does the same with a plane of numbers. plane: [from.height, width]; to: [to.height, to.width]
  void apply(const int8_t *plane, int64_t width, bool flip, float *to) const;

private:
  template <int channels, typename Value>
  void resample(const Value *picture, int64_t width, bool flip, int64_t planeStride, float *to) const;

  // Says what a place of the result is made of.
  struct Taps {
    int first = 0;
    std::vector<float> weights; // their sum is 1
  };
  static std::vector<Taps> tapsOf(int from, int to);

  PictureSize from, to;
  std::vector<Taps> rows, columns;
};

} // namespace kinema

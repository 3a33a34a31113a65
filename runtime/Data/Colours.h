// Changes the colours of pictures as torchvision's ColorJitter and RandomGrayscale do.
#pragma once

#include <array>
#include <cstdint>

namespace kinema {

enum class ColourStep : uint8_t { Brightness, Contrast, Saturation, Hue };

// Says how the colours of a clip change: the same way for all its frames.
struct ColourChange {
  float brightness = 1, contrast = 1, saturation = 1; // factors
  float hue = 0;                                      // share of the circle by which hues are turned
  bool gray = false;                                  // afterwards all colours are gone
  std::array<ColourStep, 4> order = {ColourStep::Brightness, ColourStep::Contrast, ColourStep::Saturation,
                                     ColourStep::Hue};

  bool areKept() const { return brightness == 1 && contrast == 1 && saturation == 1 && hue == 0 && !gray; }
};

// Returns the order of the steps with this number, below 24; each order has one.
std::array<ColourStep, 4> colourOrder(int number);

// Returns the brightness of a colour. The weights are those of ITU-R BT.601, as in torchvision.
inline float grayOf(float red, float green, float blue) {
  return 0.2989f * red + 0.587f * green + 0.114f * blue;
}

// Changes a frame. picture: 3 planes of `pixels` values in 0..255, `planeStride` apart.
void changeColours(const ColourChange &change, int64_t pixels, int64_t planeStride, float *picture);

} // namespace kinema

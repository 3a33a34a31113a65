// Writes pictures as PNG.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace kinema {

// Returns a PNG file of a picture. rgb: [height, width, 3]; both sides are at least 1.
std::string png(std::span<const uint8_t> rgb, int height, int width);

} // namespace kinema

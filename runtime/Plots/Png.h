// Writes pictures as PNG, and as text that stands in a page.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kinema {

// Returns a PNG file of a picture. rgb: [height, width, 3]; both sides are at least 1.
std::string png(std::span<const uint8_t> rgb, int height, int width);

// Returns the address by which a page names bytes that it holds itself: "data:TYPE;base64,...".
std::string dataAddress(std::string_view type, std::string_view bytes);

} // namespace kinema

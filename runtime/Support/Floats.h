// Converts floating-point numbers of 16 bits.
#pragma once

#include <bit>
#include <cstdint>

namespace kinema {

inline float fromBF16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }
// Rounds to the nearest, of two that are as near to the even one. What is not a number stays so.
inline uint16_t toBF16(float value) {
  constexpr uint32_t half = 0x7FFF, quiet = 0x40;
  const auto bits = std::bit_cast<uint32_t>(value);
  if (value != value)
    return static_cast<uint16_t>(bits >> 16 | quiet);
  return static_cast<uint16_t>((bits + half + (bits >> 16 & 1)) >> 16);
}
inline float fromF16(uint16_t bits) { return float(std::bit_cast<_Float16>(bits)); }

} // namespace kinema

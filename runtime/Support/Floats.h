// Converts floating-point numbers of 16 bits.
#pragma once

#include <bit>
#include <cstdint>

namespace kinema {

inline float fromBF16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }
inline float fromF16(uint16_t bits) { return float(std::bit_cast<_Float16>(bits)); }

} // namespace kinema

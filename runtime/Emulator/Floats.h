// Converts number formats of matrix operands.
#pragma once

#include <bit>
#include <cstdint>

namespace kinema::emulator {

inline float fromBF16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }
inline float fromF16(uint16_t bits) { return float(std::bit_cast<_Float16>(bits)); }
// Returns a TF32 number, of which the low 13 bits are not read.
inline float fromTF32(uint32_t bits) { return std::bit_cast<float>(bits & 0xFFFFE000); }

} // namespace kinema::emulator

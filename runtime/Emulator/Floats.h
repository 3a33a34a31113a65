// Converts number formats of matrix operands.
#pragma once

#include "runtime/Support/Floats.h"

namespace kinema::emulator {

using kinema::fromBF16;
using kinema::fromF16;

// Returns a TF32 number, of which the low 13 bits are not read.
inline float fromTF32(uint32_t bits) { return std::bit_cast<float>(bits & 0xFFFFE000); }

} // namespace kinema::emulator

// How ranks send a number: as it is, or as the 16 bits of a bfloat16 (Wire).
#pragma once

#include "runtime/Support/Floats.h"

#include <cstdint>
#include <type_traits>

namespace kinema {

template <typename Sent> Sent sentOf(float value) {
  if constexpr (std::is_same_v<Sent, float>)
    return value;
  else
    return toBF16(value);
}

inline float valueOf(float sent) { return sent; }
inline float valueOf(uint16_t sent) { return fromBF16(sent); }

} // namespace kinema

#pragma once

#include <chrono>

namespace kinema {

// Seconds on a clock that never runs backwards. For reports only: no result depends on it.
inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

} // namespace kinema

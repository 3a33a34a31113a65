#pragma once

#include <chrono>

namespace kinema {

// Returns seconds on a clock that never runs backwards. It is for reports only: no result depends on it.
inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

} // namespace kinema

// Draws the random numbers of the emulator's choices (splitmix64).
#pragma once

#include <cstdint>

namespace kinema::emulator {

class Random {
public:
  explicit Random(uint64_t seed = 0, uint64_t stream = 0) : state(seed * 0x9E3779B97F4A7C15 ^ mix(stream)) {}

  uint64_t operator()() { return mix(state += 0x9E3779B97F4A7C15); }
  // Returns a number below `limit`, which is not 0.
  uint32_t below(uint32_t limit) { return uint32_t(((*this)() >> 32) * limit >> 32); }

private:
  static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
    x = (x ^ x >> 27) * 0x94D049BB133111EB;
    return x ^ x >> 31;
  }
  uint64_t state;
};

} // namespace kinema::emulator

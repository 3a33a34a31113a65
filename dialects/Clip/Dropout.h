// Decides which elements a dropout keeps. This is a pure function of the seed, the step, the dropout's stream
// and the element, so that the backward pass, any thread and any resumed run find the same elements. The
// generator is Philox4x32-10 of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011.
#ifndef KINEMA_DIALECTS_CLIP_DROPOUT_H
#define KINEMA_DIALECTS_CLIP_DROPOUT_H

#include <array>
#include <cstdint>

namespace kinema::clip {

/// These are the constants of Philox4x32-10.
inline constexpr int dropoutRounds = 10;
inline constexpr uint32_t dropoutMultipliers[] = {0xD2511F53, 0xCD9E8D57};
inline constexpr uint32_t dropoutKeySteps[] = {0x9E3779B9, 0xBB67AE85};

/// Returns 32 random bits for element `index` (row-major, in the logical shape).
constexpr uint32_t dropoutBits(uint32_t seed, uint32_t step, uint32_t stream, uint32_t index) {
  std::array<uint32_t, 4> counter = {index, step, 0, 0};
  std::array<uint32_t, 2> key = {seed, stream};
  for (int round = 0; round < dropoutRounds; ++round) {
    uint64_t low = uint64_t{dropoutMultipliers[0]} * counter[0];
    uint64_t high = uint64_t{dropoutMultipliers[1]} * counter[2];
    counter = {uint32_t(high >> 32) ^ counter[1] ^ key[0], uint32_t(high),
               uint32_t(low >> 32) ^ counter[3] ^ key[1], uint32_t(low)};
    key = {key[0] + dropoutKeySteps[0], key[1] + dropoutKeySteps[1]};
  }
  return counter[0];
}

/// Returns the threshold below which an element's bits mean that it is dropped. 0 <= rate < 1.
constexpr uint32_t dropoutThreshold(double rate) { return uint32_t(rate * 4294967296.0); }

} // namespace kinema::clip

#endif

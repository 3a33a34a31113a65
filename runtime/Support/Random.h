// Makes random numbers from counters: each number is a pure function of (seed, stream, counter), so that it
// never depends on threads, on order or on where a run was interrupted. The generator is Philox4x32-10 of
// Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <utility>

namespace kinema::random {

// Says what numbers are drawn for. Different purposes never share a stream.
enum class Purpose : uint16_t {
  Weights = 1,
  Order = 2,
  Clip = 3,
  Inputs = 4,
  Evaluation = 5,
  Motion = 6,
  Augmentation = 7,
  Mixing = 8
};

// Returns the stream number `index` (a parameter, an epoch, a sample; below 2^48) of a purpose.
constexpr uint64_t stream(Purpose purpose, uint64_t index = 0) {
  return (static_cast<uint64_t>(purpose) << 48) ^ index;
}

using Words = std::array<uint32_t, 4>;

// The function is the bare generator: ten rounds on the counter under the key.
constexpr Words philox(Words counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t low = uint64_t{0xD2511F53} * counter[0];
    uint64_t high = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(high >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(high),
               static_cast<uint32_t>(low >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(low)};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  }
  return counter;
}

// Returns 128 random bits.
constexpr Words words(uint64_t seed, uint64_t stream, uint64_t counter) {
  return philox({static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32),
                 static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)},
                {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
}

constexpr uint64_t bits(uint64_t seed, uint64_t stream, uint64_t counter) {
  Words drawn = words(seed, stream, counter);
  return (uint64_t{drawn[1]} << 32) | drawn[0];
}

// Returns a number uniform in [0, 1), a multiple of 2^-24.
constexpr float uniform(uint64_t seed, uint64_t stream, uint64_t counter) {
  return static_cast<float>(words(seed, stream, counter)[0] >> 8) * 0x1p-24f;
}

// Returns an integer uniform in 0 .. n-1, for n > 0. The bias is below n / 2^64.
constexpr uint64_t below(uint64_t n, uint64_t seed, uint64_t stream, uint64_t counter) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(bits(seed, stream, counter)) * n) >> 64);
}

// Returns two independent standard normal numbers (Box-Muller).
inline std::array<float, 2> normals(uint64_t seed, uint64_t stream, uint64_t counter) {
  Words drawn = words(seed, stream, counter);
  double radius =
      std::sqrt(-2.0 * std::log((drawn[0] + 1.0) * 0x1p-32)); // the logarithm's argument is in (0, 1]
  double angle = 2.0 * std::numbers::pi * drawn[1] * 0x1p-32;
  return {static_cast<float>(radius * std::cos(angle)), static_cast<float>(radius * std::sin(angle))};
}

// Returns a standard normal number.
inline float normal(uint64_t seed, uint64_t stream, uint64_t counter) {
  return normals(seed, stream, counter)[0];
}

// Shuffles by Fisher-Yates, with a permutation that depends on (seed, stream) alone.
template <typename Container> void shuffle(Container &items, uint64_t seed, uint64_t stream) {
  for (uint64_t left = items.size(); left > 1; --left)
    std::swap(items[left - 1], items[below(left, seed, stream, left)]);
}

} // namespace kinema::random

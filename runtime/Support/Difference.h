// Measures how far apart two computations of the same result lie, relative to what another order of summation
// and another rounding may change.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kinema {

// Says whether a result is whole or comes as partials that somebody merges: as sums, or as moments (counts,
// means and sums of squared deviations; docs/package.md, "Twins").
enum class Form { Whole, Sums, Moments };

// Holds a result whose partials have been merged in their order.
struct Merged {
  std::vector<int64_t> shape; // logical, without the dimension of the partials
  std::vector<double> values; // row-major
  // Holds for each value the size that its error is measured against: its magnitude or, of a sum, the sum of
  // the magnitudes of its partials.
  std::vector<double> sizes;
};
// Merges the partials in order. `shape` is that of all partials; its first dimension counts them.
Merged merge(std::span<const float> values, std::span<const int64_t> shape, Form form);

// Halves are floating-point numbers of 16 bits.
enum class Half { BF16, F16 };

// States what is known of how a result was computed.
struct Arithmetic {
  int64_t depth = 1;      // values that are summed for one element
  bool narrow = false;    // the operands are halves
  bool rounded = false;   // the result is halves too
  Half half = Half::BF16; // which ones
};

struct Difference {
  int64_t elements = 0, different = 0; // `different`: elements that are further apart than they may be
  int64_t first = -1;                  // index of the first element that is different; -1: none
  int64_t worst = 0;
  double distance = 0; // of the worst element, relative to what it may be: at most 1 where none is different
};

// Compares two results. Sums of `depth` values in f32, taken in another order, may differ by depth * 2^-23 of
// the largest value, at least by 1e-5 of it. A value that is rounded to a half may become its neighbour, and
// so may operands that are summed: 2^-7 in bfloat16; in f16 2^-10, and 2^-24 at
// least. Whole results in f32 of narrow operands,
// which may be statistics of values that were rounded so, may differ by 2^-5 of that, of the largest one. A
// NaN equals another NaN and is infinitely far from all else.
Difference difference(const Merged &found, const Merged &wanted, Form form, const Arithmetic &arithmetic);
// These two compare whole results, of float or halves, as they are stored: the elements may be in any
// order, the same one in both, with nothing between them.
Difference difference(std::span<const float> found, std::span<const float> wanted,
                      const Arithmetic &arithmetic);
Difference difference(std::span<const uint16_t> found, std::span<const uint16_t> wanted,
                      const Arithmetic &arithmetic);

} // namespace kinema

// How far apart two computations of the same result lie, as a part of what another order of sums and another
// way to round may put between them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kinema {

// Whether a result is all of it, or comes in parts that somebody merges: sums, or counts, means and sums of
// squared deviations (docs/package.md, "Twins").
enum class Form { Whole, Sums, Moments };

// A result, parts merged in their order.
struct Merged {
  std::vector<int64_t> shape; // logical, without the parts' dimension
  std::vector<double> values; // row-major
  // Of each value what it is measured by: itself, of sums those of its parts without their signs.
  std::vector<double> sizes;
};
// shape: of all parts, their number first.
Merged merge(std::span<const float> values, std::span<const int64_t> shape, Form form);

// What is known of the computation.
struct Arithmetic {
  int64_t depth = 1;    // values that are summed for one
  bool narrow = false;  // operands are bfloat16
  bool rounded = false; // so is the result
};

struct Difference {
  int64_t elements = 0, different = 0; // of these, beyond what they may
  int64_t first = -1;                  // of those that are different; -1: none
  int64_t worst = 0;
  double distance = 0; // of the worst, as a part of what it may be: at most 1 where none is different
};

// Sums in f32 of `depth` values in another order differ by depth * 2^-23 of the largest, at least by 1e-5 of
// it; what is rounded to bfloat16 may go to the neighbour, and so may what sums are taken of: 2^-7. A NaN is
// like another NaN and infinitely far from all else.
Difference difference(const Merged &found, const Merged &wanted, Form form, const Arithmetic &arithmetic);

} // namespace kinema

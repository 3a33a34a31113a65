#include "runtime/Support/Difference.h"

#include "runtime/Support/Floats.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kinema {
namespace {

constexpr double leastOfSums = 1e-5, roundingOfSums = 0x1p-23;
// Results in f32 of narrow operands may be statistics of values that were rounded to halves: the mean of
// some hundred moves by so much of them when one falls to the other side, and all means may be small beside
// the values.
constexpr double ofRounded = 0x1p-5; // of the distance of neighbours
constexpr int64_t momentRows = 3;    // count, mean, squared deviations

// Adds the moments of one partial to those of the partials before it (Chan, Golub and LeVeque, 1983).
void addMoments(const float *part, int64_t channels, std::vector<double> &total) {
  for (int64_t c = 0; c < channels; ++c) {
    double count = part[c], all = total[c] + count, distance = part[channels + c] - total[channels + c];
    if (count == 0)
      continue;
    total[2 * channels + c] += part[2 * channels + c] + distance * distance * total[c] * count / all;
    total[channels + c] += distance * count / all;
    total[c] = all;
  }
}

// The error of a mean is measured against its magnitude plus the values' standard deviation, which may be
// much larger.
void sizeOfMoments(Merged &merged, int64_t channels) {
  for (int64_t c = 0; c < channels; ++c) {
    double count = std::max(merged.values[c], 1.0);
    merged.sizes[c] = 0; // counts are exact
    merged.sizes[channels + c] =
        std::abs(merged.values[channels + c]) + std::sqrt(merged.values[2 * channels + c] / count);
    merged.sizes[2 * channels + c] = merged.values[2 * channels + c];
  }
}

double distanceOf(double found, double wanted, double bound) {
  if (found == wanted || (std::isnan(found) && std::isnan(wanted)))
    return 0;
  double distance = std::abs(found - wanted);
  return std::isfinite(distance) && bound > 0 ? distance / bound : std::numeric_limits<double>::infinity();
}

// States by how much a value may be off: by a part of the largest size in its group, by a part of itself, and
// by a least distance.
struct Allowance {
  double ofLargest, ofItself, least; // the last is not a part of anything
};

// Returns how far a half is from its neighbour, as a share of it.
double neighbourOf(Half half) { return half == Half::F16 ? 0x1p-10 : 0x1p-7; }

Allowance allowanceOf(Form form, const Arithmetic &arithmetic) {
  const double neighbour = neighbourOf(arithmetic.half);
  double sums = std::max(leastOfSums, static_cast<double>(arithmetic.depth) * roundingOfSums);
  if (form != Form::Whole && arithmetic.narrow)
    sums += neighbour;
  else if (arithmetic.narrow && !arithmetic.rounded)
    sums += ofRounded * neighbour;
  // Of f16, numbers below 2^-14 are all this far from their neighbours.
  constexpr double ofSmallF16 = 0x1p-24;
  const bool isF16 = arithmetic.rounded && arithmetic.half == Half::F16;
  return {sums, arithmetic.rounded ? neighbour : 0, isF16 ? ofSmallF16 : 0};
}

// Compares the elements from `begin` to `end`, which are one group, and adds what is found to the result. The
// functions return what an element is, what it ought to be, and the size that it is measured against.
template <typename Found, typename Wanted, typename Size>
void compareGroup(int64_t begin, int64_t end, Found found, Wanted wanted, Size size, Allowance allowance,
                  Difference &result) {
  double largest = 0;
  for (int64_t i = begin; i < end; ++i)
    if (double own = size(i); own > largest && std::isfinite(own))
      largest = own;
  for (int64_t i = begin; i < end; ++i) {
    double is = found(i), should = wanted(i);
    double bound = allowance.ofLargest * largest + allowance.ofItself * std::abs(should) + allowance.least;
    // Nearly all elements are neither different nor further apart than one before, which a product tells.
    if (std::abs(is - should) <= std::min(result.distance, 1.0) * bound)
      continue;
    double distance = distanceOf(is, should, bound);
    if (distance > result.distance) {
      result.distance = distance;
      result.worst = i;
    }
    if (distance <= 1)
      continue;
    result.first = result.different == 0 ? i : result.first;
    ++result.different;
  }
}

// `valueOf` returns the value of a stored element.
template <typename Stored, typename ValueOf>
Difference differenceAsStored(std::span<const Stored> found, std::span<const Stored> wanted, ValueOf valueOf,
                              const Arithmetic &arithmetic) {
  Difference result;
  result.elements = static_cast<int64_t>(wanted.size());
  compareGroup(
      0, result.elements, [=](int64_t i) { return valueOf(found[i]); },
      [=](int64_t i) { return valueOf(wanted[i]); }, [=](int64_t i) { return std::abs(valueOf(wanted[i])); },
      allowanceOf(Form::Whole, arithmetic), result);
  return result;
}

} // namespace

Merged merge(std::span<const float> values, std::span<const int64_t> shape, Form form) {
  Merged merged;
  if (form == Form::Whole) {
    merged.shape.assign(shape.begin(), shape.end());
    merged.values.assign(values.begin(), values.end());
    merged.sizes.reserve(values.size());
    for (double value : merged.values)
      merged.sizes.push_back(std::abs(value));
    return merged;
  }
  merged.shape.assign(shape.begin() + 1, shape.end());
  size_t size = values.size() / static_cast<size_t>(shape[0]);
  merged.values.assign(size, 0);
  merged.sizes.assign(size, 0);
  int64_t channels = static_cast<int64_t>(size) / momentRows;
  for (int64_t part = 0; part < shape[0]; ++part) {
    const float *own = values.data() + static_cast<size_t>(part) * size;
    if (form == Form::Moments) {
      addMoments(own, channels, merged.values);
      continue;
    }
    for (size_t i = 0; i < size; ++i) {
      merged.values[i] += own[i];
      merged.sizes[i] += std::abs(own[i]);
    }
  }
  if (form == Form::Moments)
    sizeOfMoments(merged, channels);
  return merged;
}

Difference difference(const Merged &found, const Merged &wanted, Form form, const Arithmetic &arithmetic) {
  Difference result;
  result.elements = static_cast<int64_t>(wanted.values.size());
  int64_t group = form == Form::Moments ? result.elements / momentRows : result.elements;
  Allowance allowance = allowanceOf(form, arithmetic);
  for (int64_t begin = 0; begin < result.elements; begin += group)
    compareGroup(
        begin, begin + group, [&](int64_t i) { return found.values[i]; },
        [&](int64_t i) { return wanted.values[i]; }, [&](int64_t i) { return wanted.sizes[i]; }, allowance,
        result);
  return result;
}

Difference difference(std::span<const float> found, std::span<const float> wanted,
                      const Arithmetic &arithmetic) {
  return differenceAsStored(found, wanted, [](float value) { return value; }, arithmetic);
}

Difference difference(std::span<const uint16_t> found, std::span<const uint16_t> wanted,
                      const Arithmetic &arithmetic) {
  return differenceAsStored(found, wanted, arithmetic.half == Half::F16 ? fromF16 : fromBF16, arithmetic);
}

} // namespace kinema

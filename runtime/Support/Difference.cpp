#include "runtime/Support/Difference.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kinema {
namespace {

constexpr double leastOfSums = 1e-5, roundingOfSums = 0x1p-23, bfloat16 = 0x1p-7;
// Results in f32 of narrow operands may be statistics of values that were rounded to bfloat16: the mean of
// some hundred moves by so much of them when one falls to the other side, and all means may be small beside
// the values.
constexpr double ofRounded = 0x1p-12;
constexpr int64_t momentRows = 3; // count, mean, squared deviations

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

// Returns the largest size of a group of values, which the differences of the group are measured against.
double scaleOf(std::span<const double> sizes) {
  double scale = 0;
  for (double size : sizes)
    if (std::isfinite(size))
      scale = std::max(scale, size);
  return scale;
}

double distanceOf(double found, double wanted, double bound) {
  if (found == wanted || (std::isnan(found) && std::isnan(wanted)))
    return 0;
  double distance = std::abs(found - wanted);
  return std::isfinite(distance) && bound > 0 ? distance / bound : std::numeric_limits<double>::infinity();
}

} // namespace

Merged merge(std::span<const float> values, std::span<const int64_t> shape, Form form) {
  Merged merged;
  if (form == Form::Whole) {
    merged.shape.assign(shape.begin(), shape.end());
    merged.values.assign(values.begin(), values.end());
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
  double sums = std::max(leastOfSums, static_cast<double>(arithmetic.depth) * roundingOfSums);
  if (form != Form::Whole && arithmetic.narrow)
    sums += bfloat16;
  else if (arithmetic.narrow && !arithmetic.rounded)
    sums += ofRounded;
  for (int64_t begin = 0; begin < result.elements; begin += group) {
    double scale = scaleOf(std::span(wanted.sizes).subspan(begin, group));
    for (int64_t i = begin; i < begin + group; ++i) {
      double rounding = arithmetic.rounded ? bfloat16 * std::abs(wanted.values[i]) : 0;
      double distance = distanceOf(found.values[i], wanted.values[i], sums * scale + rounding);
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
  return result;
}

} // namespace kinema

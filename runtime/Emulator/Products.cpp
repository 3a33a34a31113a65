#include "runtime/Emulator/Products.h"

#include "runtime/Emulator/Clones.h"

#include <algorithm>
#include <bit>
#include <cmath>

using namespace kinema::emulator;

static constexpr int mostColumns = 256;

KINEMA_CLONES static void addInOrder(float *d, const float *a, const float *b, int rows, int depth,
                                     int columns) {
  for (int row = 0; row < rows; ++row)
    for (int k = 0; k < depth; ++k) {
      float factor = a[row * depth + k];
      for (int column = 0; column < columns; ++column)
        d[row * columns + column] += factor * b[k * columns + column];
    }
}

KINEMA_CLONES static void addInDoubles(float *d, const float *a, const float *b, int rows, int depth,
                                       int columns) {
  double sums[mostColumns];
  for (int row = 0; row < rows; ++row) {
    std::copy(d + row * columns, d + (row + 1) * columns, sums);
    for (int k = 0; k < depth; ++k) {
      double factor = a[row * depth + k];
      for (int column = 0; column < columns; ++column)
        sums[column] += factor * b[k * columns + column];
    }
    std::copy(sums, sums + columns, d + row * columns);
  }
}

void kinema::emulator::addRoundedOnce(float *d, const float *a, const float *b, int rows, int depth,
                                      int columns) {
  addInDoubles(d, a, b, rows, depth, columns);
}

// ---- As tensor cores do

static constexpr int leastExponent =
    -126; // of numbers that are not zero: that of f32's smallest normal number
static constexpr int exponentOfZero = -1000;
static constexpr int mostGroup = 16;

static inline int exponentOf(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value) & 0x7FFFFFFF;
  return bits == 0 ? exponentOfZero : std::max(int(bits >> 23) - 127, leastExponent);
}

// Returns 2^exponent, an exponent of a double's normal numbers.
static inline double powerOfTwo(int exponent) {
  return std::bit_cast<double>(uint64_t(exponent + 1023) << 52);
}

// Returns the number of f32 next to a sum in the direction of zero.
static inline float cutOff(double sum) {
  float nearest = float(sum);
  bool isBeyond = std::fabs(double(nearest)) > std::fabs(sum);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(nearest) - isBeyond);
}

// Adds a group of products to a row of D. Sums are exact in f64: they are whole multiples of a unit, and less
// than 2^32 of it.
KINEMA_CLONES static void addGroup(float *d, const float *a, const int *exponentsOfA, const float *b,
                                   const int *exponentsOfB, int group, int columns) {
  int largest[mostColumns];
  double sums[mostColumns], scales[mostColumns];
  for (int column = 0; column < columns; ++column)
    largest[column] = exponentOf(d[column]);
  for (int k = 0; k < group; ++k)
    for (int column = 0; column < columns; ++column)
      largest[column] = std::max(largest[column], exponentsOfA[k] + exponentsOfB[k * columns + column]);
  for (int column = 0; column < columns; ++column) {
    largest[column] = std::max(largest[column], 2 * leastExponent);
    scales[column] = powerOfTwo(TensorCoreSums::fractionBits - largest[column]);
    sums[column] = std::trunc(d[column] * scales[column]);
  }
  for (int k = 0; k < group; ++k)
    for (int column = 0; column < columns; ++column)
      sums[column] += std::trunc(double(a[k]) * b[k * columns + column] * scales[column]);
  for (int column = 0; column < columns; ++column)
    d[column] = cutOff(sums[column] * powerOfTwo(largest[column] - TensorCoreSums::fractionBits));
}

static void addTruncating(float *d, const float *a, const float *b, int rows, int depth, int columns,
                          int group) {
  int ofA[mostGroup], ofB[mostGroup * mostColumns];
  for (int first = 0; first < depth; first += group) {
    int count = std::min(group, depth - first);
    for (int i = 0; i < count * columns; ++i)
      ofB[i] = exponentOf(b[first * columns + i]);
    for (int row = 0; row < rows; ++row) {
      const float *factors = a + row * depth + first;
      std::transform(factors, factors + count, ofA, exponentOf);
      addGroup(d + row * columns, factors, ofA, b + first * columns, ofB, count, columns);
    }
  }
}

void kinema::emulator::addProduct(Arithmetic arithmetic, float *d, const float *a, const float *b, int rows,
                                  int depth, int columns, int group) {
  if (arithmetic == Arithmetic::InOrder)
    addInOrder(d, a, b, rows, depth, columns);
  else
    addTruncating(d, a, b, rows, depth, columns, group);
}

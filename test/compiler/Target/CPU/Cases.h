// Writes kernels as text, for tests and measurements: contractions of any shape with the prologues and
// epilogues that fusion makes.
#ifndef KINEMA_TEST_COMPILER_TARGET_CPU_CASES_H
#define KINEMA_TEST_COMPILER_TARGET_CPU_CASES_H

#include "dialects/Shape/ShapeRules.h"

#include <string>

namespace kinema::cpu::test {

struct Case {
  int64_t clips, in, out; // channels of the conv's input and output
  shape::Size3 size;      // that of its input
  shape::Window window;
  std::string prologue = "bn_relu"; // none, bn_relu, bn_dz; for wgrad: the activation's, none or bn_relu
  std::string epilogue = "moments"; // identity, moments, mask, bias_relu, residual, lattice, gate
  int64_t inputBlock = 0;           // channels in a block of the conv's input; 0: as everywhere
  shape::Size3 tile = {1, 1, 1};    // results of one of Winograd's tiles
  int64_t block = 8;                // channels in a block: a level's lanes
  bool bfloat16 = false;            // whether activations and a conv's weight are bfloat16
  bool pairs = false;               // whether the weight's channels are pairs, where they are bfloat16
  int64_t groups = 1;               // groups of channels

  int64_t blockOfInput() const { return inputBlock ? inputBlock : block; }
  shape::Size3 output() const { return *shape::windowOutput(size, window); }
  /// Returns the multiply-adds.
  double work() const { return double(clips) * in / groups * out * shape::product(output()) * window.taps(); }
};

/// Returns a window with padding of half the kernel.
shape::Window half(shape::Size3 kernel, shape::Size3 stride = {1, 1, 1});

std::string forwardText(const Case &c);
std::string transposedText(const Case &c);
/// Returns the kernel.winograd that makes the weight of such a conv.
std::string winogradText(const Case &c, bool transposed);
/// Returns the kernel.convert that makes the bfloat16 weight of such a conv from the f32 one.
std::string convertText(const Case &c, bool transposed);
std::string weightGradText(const Case &c);
std::string describe(const Case &c);

/// Matrices of channels by positions, [rows, depth] or turned, and [depth, columns] or turned.
struct MatmulCase {
  int64_t clips, rows, depth, columns;
  bool turnsLhs = false, turnsRhs = false;
  int64_t block = 8; // channels in a block: a level's lanes
  bool bfloat16 = false;
};

std::string matmulText(const MatmulCase &c);
std::string describe(const MatmulCase &c);

} // namespace kinema::cpu::test

#endif

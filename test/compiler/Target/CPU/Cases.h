// Kernels as text, for tests and measurements: contractions of any shape with the prologues and epilogues
// that fusion makes.
#ifndef KINEMA_TEST_COMPILER_TARGET_CPU_CASES_H
#define KINEMA_TEST_COMPILER_TARGET_CPU_CASES_H

#include "dialects/Shape/ShapeRules.h"

#include <string>

namespace kinema::cpu::test {

struct Case {
  int64_t clips, in, out; // channels of the conv's input and output
  shape::Size3 size;      // of its input
  shape::Window window;
  std::string prologue = "bn_relu"; // none, bn_relu, bn_dz; of wgrad: the activation's none or bn_relu
  std::string epilogue = "moments"; // identity, moments, mask, bias_relu, residual, lattice, gate
  int64_t inputBlock = 0;           // channels in a block of the conv's input; 0: as everywhere
  int64_t winograd = 1;             // results of a tile along H and W
  int64_t block = 8;                // channels in a block: a level's lanes
  bool bfloat16 = false;            // activations and the weight of a conv
  bool pairs = false;               // of the weight's channels, where they are bfloat16
  int64_t groups = 1;               // of channels

  int64_t blockOfInput() const { return inputBlock ? inputBlock : block; }
  shape::Size3 output() const { return *shape::windowOutput(size, window); }
  /// Multiply-adds.
  double work() const { return double(clips) * in / groups * out * shape::product(output()) * window.taps(); }
};

/// A window with padding of half the kernel.
shape::Window half(shape::Size3 kernel, shape::Size3 stride = {1, 1, 1});

std::string forwardText(const Case &c);
std::string transposedText(const Case &c);
/// The kernel.winograd that makes the weight of such a conv.
std::string winogradText(const Case &c, bool transposed);
/// The kernel.convert that makes the bfloat16 weight of such a conv of the f32 one.
std::string convertText(const Case &c, bool transposed);
std::string weightGradText(const Case &c);
std::string describe(const Case &c);

} // namespace kinema::cpu::test

#endif

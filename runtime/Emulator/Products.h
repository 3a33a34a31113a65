// Computes matrix products in either of two arithmetics: one after the other in f32, or as tensor cores do.
#pragma once

#include <cstdint>

namespace kinema::emulator {

enum class Arithmetic : uint8_t {
  InOrder,   // sums are rounded to nearest f32 after each product, in the order of k
  Truncating // groups of products are aligned, cut off and added, as on a tensor core
};

// What published measurements found out about the tensor cores of an H100 (Khattak and Mikaitis, "Accurate
// Models of NVIDIA Tensor Cores", arXiv:2512.07004; Xie et al., "MMA-Sim", arXiv:2511.10909). The products of
// a group and the number that they are added to are aligned to the largest exponent among them, cut off
// (toward zero) below so many bits, and added exactly; the sum is cut off to f32.
struct TensorCoreSums {
  static constexpr int group = 16;        // products of bf16 or f16; half as many of TF32
  static constexpr int fractionBits = 25; // that are kept below the largest exponent: 23 of f32 and 2 more
};

// Adds A * B to D: D is rows x columns, A is rows x depth, B is depth x columns, each row by row. `group`
// counts the products that tensor cores add at once; where they truncate, the depth is a multiple of it or
// less than it.
void addProduct(Arithmetic arithmetic, float *d, const float *a, const float *b, int rows, int depth,
                int columns, int group = TensorCoreSums::group);

// Does so with sums in f64, which are rounded to f32 at the end.
void addRoundedOnce(float *d, const float *a, const float *b, int rows, int depth, int columns);

} // namespace kinema::emulator

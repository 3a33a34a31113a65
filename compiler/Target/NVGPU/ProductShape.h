// States what one product of a warpgroup computes, as far as plans have to know it.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_PRODUCTSHAPE_H
#define KINEMA_COMPILER_TARGET_NVGPU_PRODUCTSHAPE_H

#include "compiler/Target/NVGPU/Roles.h"

namespace kinema::nvidia {

/// D[rows x columns] += A[rows x depth] * B[depth x columns], for any multiple of 8 columns up to the most.
struct ProductShape {
  static constexpr int64_t rows = 64, depth = 16, mostColumns = 256;
  static constexpr int64_t distances = 1 << 18; // of core matrices of an operand, in bytes, are below this

  /// Returns the most columns of a product in blocks with these roles: the registers of a sum, if it is in
  /// registers, must be among those with which each thread of the block begins.
  static constexpr int64_t columns(const Roles &roles) {
    return roles.tensorCores != TensorCores::TensorMemory && roles.producers + roles.consumers > 3
               ? 200
               : mostColumns;
  }
  /// Counts the f32 numbers of a product that a thread of the warpgroup holds.
  static constexpr int64_t accumulators(int64_t columns) { return rows * columns / warpgroup; }
};

} // namespace kinema::nvidia

#endif

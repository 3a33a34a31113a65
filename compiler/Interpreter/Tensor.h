// Defines the tensor of the interpreter: plain, row-major, in double.
#ifndef KINEMA_COMPILER_INTERPRETER_TENSOR_H
#define KINEMA_COMPILER_INTERPRETER_TENSOR_H

#include "dialects/Shape/ShapeRules.h"

#include <cstdint>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

namespace kinema {

struct Tensor {
  std::vector<int64_t> shape;
  std::vector<double> values; // row-major

  Tensor() = default;
  explicit Tensor(std::vector<int64_t> shape, double fill = 0.0)
      : shape(std::move(shape)), values(elements(this->shape), fill) {}
  Tensor(std::vector<int64_t> shape, std::vector<double> values)
      : shape(std::move(shape)), values(std::move(values)) {}

  static int64_t elements(const std::vector<int64_t> &shape) {
    return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
  }

  /// Returns the sizes T, H, W of [N, C, T, H, W].
  shape::Size3 spatial() const { return {shape[2], shape[3], shape[4]}; }
  /// Returns the T*H*W elements at [n, c], or a filter's at [o, i].
  double *plane(int64_t n, int64_t c) {
    return values.data() + (n * shape[1] + c) * shape::product(spatial());
  }
  const double *plane(int64_t n, int64_t c) const { return const_cast<Tensor *>(this)->plane(n, c); }
};

} // namespace kinema

#endif

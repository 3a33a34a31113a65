// Provides tensors in the storage of kernels' operands and results, and what runs kernels on them.
#ifndef KINEMA_TEST_COMPILER_TARGET_COMMON_KERNEL_BUFFERS_H
#define KINEMA_TEST_COMPILER_TARGET_COMMON_KERNEL_BUFFERS_H

#include "dialects/Kernel/Kernel.h"

#include <cstddef>
#include <initializer_list>
#include <vector>

namespace kinema::testing {

/// A Tensor is a logical tensor, row-major; labels are whole numbers.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<float> values;

  float &at(std::initializer_list<int64_t> coordinates);
  float at(std::initializer_list<int64_t> coordinates) const {
    return const_cast<Tensor *>(this)->at(coordinates);
  }
};

/// Returns values uniform in [-1, 1), the same for the same seed.
Tensor random(std::vector<int64_t> shape, unsigned seed);
/// Returns such values in steps of 1/128, which bfloat16 holds exactly.
Tensor coarse(std::vector<int64_t> shape, unsigned seed);
Tensor filled(std::vector<int64_t> shape, float value);

/// Holds storage, with some bytes behind it that nobody may write.
using Bytes = std::vector<std::byte>;
constexpr size_t guardBytes = 64;

/// Returns storage of NaNs.
Bytes makeBytes(mlir::RankedTensorType type);
/// Returns the tensor in storage whose padding holds zero. A value that the type cannot hold is a failure.
Bytes pack(const Tensor &tensor, mlir::RankedTensorType type);
/// Returns the logical elements; padding that is not zero and bytes written behind the storage are failures.
Tensor unpack(const Bytes &bytes, mlir::RankedTensorType type);

/// A Buffer is an argument of a kernel.
struct Buffer {
  void *data;
  int64_t bytes;
  bool written;
};

class CompiledKernel {
public:
  virtual ~CompiledKernel() = default;
  /// Runs the kernel's grid. Attempts differ in the order of everything that has no fixed order.
  virtual void run(llvm::ArrayRef<Buffer> buffers, int64_t grid, unsigned attempt) = 0;
  static constexpr unsigned attempts = 2;
};

} // namespace kinema::testing

#endif

// What the runtime's own two kernels do (runtime/Cuda/Rounding.h), which the emulator does not have, since
// they are in no package.
#ifndef KINEMA_TEST_RUNTIME_CUDA_STANDINROUNDING_H
#define KINEMA_TEST_RUNTIME_CUDA_STANDINROUNDING_H

#include "runtime/Cuda/Rounding.h"
#include "runtime/Support/Floats.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace kinema::standin {

inline bool isRounding(std::string_view kernel) {
  return kernel == cuda::roundKernel || kernel == cuda::widenKernel;
}

inline void roundOrWiden(std::string_view kernel, std::span<const cuda::RoundingTable::Tensor> tensors,
                         cuda::DeviceAddress rounded) {
  for (const auto &[address, first, count] : tensors) {
    auto *values = reinterpret_cast<float *>(address);
    auto *halves = reinterpret_cast<uint16_t *>(rounded) + first;
    for (uint32_t i = 0; i < count; ++i)
      if (kernel == cuda::roundKernel)
        halves[i] = toBF16(values[i]);
      else
        values[i] = fromBF16(halves[i]);
  }
}

} // namespace kinema::standin

#endif

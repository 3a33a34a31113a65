// Rounds f32 tensors of a GPU to bfloat16 and widens them again, for what ranks send each other. The two
// kernels are PTX of this runtime, since they belong to no network; the driver compiles them for its GPU.
#pragma once

#include "runtime/Cuda/Driver.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kinema::cuda {

// What a kernel is given: tensors, and where their numbers lie among the rounded ones.
struct RoundingTable {
  struct Tensor {
    DeviceAddress address; // of f32
    uint32_t first, count; // the tensor's numbers are rounded[first] to rounded[first + count - 1]
  };
  static constexpr size_t mostTensors = 64;
  std::array<Tensor, mostTensors> tensors;
};

// Both kernels take a RoundingTable and the address of the rounded numbers. A row of blocks (gridDim.y) has a
// tensor, whose numbers its threads share.
inline constexpr char roundKernel[] = "kinema_round", widenKernel[] = "kinema_widen";
extern const char roundingCode[];

// The kernels on the GPU of the thread's context. All functions throw Error.
class Rounding {
public:
  // Takes memory for so many rounded numbers, one at least.
  explicit Rounding(int64_t elements);
  ~Rounding();
  Rounding(const Rounding &) = delete;
  Rounding &operator=(const Rounding &) = delete;

  struct Tensor {
    DeviceAddress address = 0;
    size_t elements = 0;
  };
  // Starts rounding the tensors to the nearest bfloat16, of two that are as near to the even one. Their
  // numbers lie at `rounded` one tensor behind the other. Returns how many these are; the caller sees to it
  // that there is memory for them.
  size_t round(std::span<const Tensor> tensors, Stream stream) const {
    return start(roundFunction, tensors, stream);
  }
  // Starts writing the rounded numbers to the tensors again.
  void widen(std::span<const Tensor> tensors, Stream stream) const { start(widenFunction, tensors, stream); }
  DeviceAddress rounded() const { return memory; }
  int64_t bytes() const { return capacity * static_cast<int64_t>(sizeof(uint16_t)); }

private:
  Rounding() : api(driver()) {}
  size_t start(Function function, std::span<const Tensor> tensors, Stream stream) const;

  const Driver &api;
  int64_t capacity = 0;
  DeviceAddress memory = 0;
  Module module = nullptr;
  Function roundFunction = nullptr, widenFunction = nullptr;
};

} // namespace kinema::cuda

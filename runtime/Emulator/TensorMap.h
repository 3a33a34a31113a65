// Describes tensors in global memory for the copies of the tensor memory accelerator, and makes these copies.
// A GPU's descriptor is opaque; this one has the same size and is made from the same parameters.
#pragma once

#include "runtime/Support/BoxMap.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace kinema::emulator {

constexpr int mostDimensions = 5;

enum class Swizzle : uint8_t { None, Bytes32, Bytes64, Bytes128 };

// Holds the parameters of the driver's cuTensorMapEncodeTiled. Dimension 0 is the innermost.
struct TensorParameters {
  void *address = nullptr;
  int elementBytes = 4; // 1, 2, 4, 8
  int rank = 1;
  std::array<uint64_t, mostDimensions> dims = {};
  std::array<uint64_t, mostDimensions> strides = {}; // bytes from one index to the next; [0] is not used
  std::array<uint32_t, mostDimensions> box = {};     // positions that a copy spans
  std::array<uint32_t, mostDimensions> steps = {1, 1, 1, 1,
                                                1}; // every how many positions one is copied; [0] is not used
  Swizzle swizzle = Swizzle::None;
  bool fillsNaN = false; // what is outside the tensor reads as NaN, else as zero
};

// Holds the parameters of cuTensorMapEncodeIm2col. Dimension 0 is channels, the last one images, and those
// between are pixels.
struct Im2colParameters {
  TensorParameters tensor; // its `box` is not used
  std::array<int, 3> lower = {},
                     upper = {}; // corners of the pixels' bounding box, from the first and last pixel
  uint32_t channels = 0;         // channels that are copied of each pixel
  uint32_t pixels = 0;           // pixels that are copied
};

struct alignas(64) TensorMap {
  static constexpr uint32_t valid = 0x4D41544B;

  uint32_t magic = 0;
  uint8_t elementBytes = 0, rank = 0, swizzle = 0, fillsNaN = 0, isIm2col = 0;
  uint8_t steps[mostDimensions] = {};
  uint16_t box[mostDimensions] = {};
  int16_t lower[3] = {}, upper[3] = {};
  uint16_t channels = 0, pixels = 0;
  uint64_t address = 0;
  uint32_t dims[mostDimensions] = {};
  uint64_t strides[mostDimensions] = {};

  // Returns the bytes of shared memory that a copy fills or reads.
  uint32_t boxBytes() const;
  // Returns the bytes from the tensor's first byte to its last.
  uint64_t span() const;
};
static_assert(sizeof(TensorMap) == 128);

// These make a descriptor. They throw Error with what the driver would refuse.
TensorMap encode(const TensorParameters &parameters);
TensorMap encode(const Im2colParameters &parameters);
// Makes that of a buffer which begins at `address`.
TensorMap encode(const BoxMap &map, void *address);

// Returns where the bytes at `offset` of a box lie that starts at a shared address.
uint32_t swizzled(uint32_t address, uint32_t offset, Swizzle swizzle);

// These make the copies. `address` is where the box starts in shared memory, and `memory` the host address of
// shared address 0.
void loadBox(const TensorMap &map, std::span<const int32_t> coordinates, std::byte *memory, uint32_t address);
void storeBox(const TensorMap &map, std::span<const int32_t> coordinates, const std::byte *memory,
              uint32_t address);
// Makes the copy of pixels. `offsets` move their positions, innermost first.
void loadIm2col(const TensorMap &map, std::span<const int32_t> coordinates, std::span<const int32_t> offsets,
                std::byte *memory, uint32_t address);

// Calls a function with each run of bytes of global memory that a copy reads or writes. Only a map for im2col
// has offsets.
void forRuns(const TensorMap &map, std::span<const int32_t> coordinates, std::span<const int32_t> offsets,
             const std::function<void(std::byte *, uint32_t)> &function);

} // namespace kinema::emulator

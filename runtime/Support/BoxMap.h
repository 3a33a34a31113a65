// Describes the boxes that a GPU's copy engine brings of a buffer (CUDA driver API, "Tensor Map Object
// Management"), as a kernel asks for them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace kinema {

// A kernel takes such a map behind its buffers. Axes are given outermost first.
struct BoxMap {
  static constexpr int64_t wordBytes = 8, mostAxes = 5, mostPositions = 256, mostStep = 8;

  int64_t buffer = 0;         // number of the kernel's argument, a row-major tensor of words
  std::vector<int64_t> sizes; // of the tensor, 1 to 5
  std::vector<int64_t> box;   // positions that a copy spans along each axis
  std::vector<int64_t> steps; // every how many of them one is brought
};

// The same as the driver takes it, innermost axis first.
struct BoxMapAxes {
  explicit BoxMapAxes(const BoxMap &map);

  uint32_t rank = 0;
  std::array<uint64_t, BoxMap::mostAxes> sizes = {};
  std::array<uint64_t, BoxMap::mostAxes> strides = {}; // bytes from one position to the next
  std::array<uint32_t, BoxMap::mostAxes> box = {}, steps = {};
};

} // namespace kinema

// Says how an operand of a matrix product of a warpgroup (wgmma) or in tensor memory (tcgen05) lies in shared
// memory: PTX ISA, "Matrix Descriptor Format", "Strides", "Canonical Layouts".
#pragma once

#include "runtime/Emulator/TensorMap.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace kinema::emulator {

constexpr uint32_t productDepth = 16; // k

struct MatrixDescriptor {
  static constexpr uint64_t known = 0xC0003FFF3FFF3FFF; // the bits that have a meaning here
  // A descriptor for tcgen05 has, besides start, leading and stride, the constant 0b001 in bits 46 to 48;
  // what else it may have (a swizzle among it) has no meaning here.
  static constexpr uint64_t knownInTensorProducts = 0x00003FFF3FFF3FFF, constantOfTensorProducts = 1ULL << 46;

  uint32_t start, leading, stride;
  Swizzle swizzle;

  explicit MatrixDescriptor(uint64_t bits)
      : start((bits & 0x3FFF) << 4), leading((bits >> 16 & 0x3FFF) << 4), stride((bits >> 32 & 0x3FFF) << 4) {
    constexpr Swizzle modes[] = {Swizzle::None, Swizzle::Bytes128, Swizzle::Bytes64, Swizzle::Bytes32};
    swizzle = modes[bits >> 62];
  }

  // Returns the address of the eight elements from (row, 8 * chunk) on, where K is innermost.
  uint32_t alongK(uint32_t row, uint32_t chunk) const {
    uint32_t pitch = 16u << int(swizzle);
    uint32_t step = swizzle == Swizzle::None ? leading : 16;
    return swizzled(start, row % 8 * pitch + row / 8 * stride + chunk * step, swizzle);
  }

  // Returns the address of the eight elements from (8 * chunk, k) on, where M or N is innermost.
  uint32_t alongRows(uint32_t chunk, uint32_t k) const {
    uint32_t inAtom = 1u << int(swizzle), pitch = 16 * inAtom;
    if (swizzle == Swizzle::None)
      return start + chunk * stride + k % 8 * 16 + k / 8 * leading;
    return swizzled(start, chunk % inAtom * 16 + chunk / inAtom * leading + k % 8 * pitch + k / 8 * stride,
                    swizzle);
  }

  // Calls function(address, first row, first k, whether the elements follow along k) for each 16 bytes of an
  // operand. If it is transposed, M or N is innermost.
  template <typename Function> void forChunks(uint32_t rows, bool isTransposed, Function function) const {
    if (isTransposed) {
      for (uint32_t k = 0; k < productDepth; ++k)
        for (uint32_t chunk = 0; chunk < rows / 8; ++chunk)
          function(alongRows(chunk, k), chunk * 8, k, false);
      return;
    }
    for (uint32_t row = 0; row < rows; ++row)
      for (uint32_t chunk = 0; chunk < productDepth / 8; ++chunk)
        function(alongK(row, chunk), row, chunk * 8, true);
  }

  // Copies an operand's elements from a block's shared memory to where(row, k); toFloat(bits) gives their
  // values.
  template <typename ToFloat, typename Where>
  void decode(const std::byte *memory, uint32_t rows, bool isTransposed, bool isNegated, ToFloat toFloat,
              Where where) const {
    forChunks(rows, isTransposed, [&](uint32_t address, uint32_t row, uint32_t k, bool isAlongK) {
      uint16_t elements[8];
      std::memcpy(elements, memory + address, sizeof elements);
      for (uint32_t i = 0; i < 8; ++i) {
        float value = toFloat(elements[i]);
        where(isAlongK ? row : row + i, isAlongK ? k + i : k) = isNegated ? -value : value;
      }
    });
  }
};

} // namespace kinema::emulator

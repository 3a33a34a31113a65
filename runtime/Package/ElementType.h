// Defines the types of tensor elements.
#pragma once

#include <cstdint>
#include <numeric>
#include <span>

namespace kinema {

enum class ElementType { F32, I32, I64 };

constexpr int64_t bytesOf(ElementType type) { return type == ElementType::I64 ? 8 : 4; }

// Returns "float32" and the like, for messages.
constexpr const char *nameOf(ElementType type) {
  return type == ElementType::F32 ? "float32" : type == ElementType::I32 ? "int32" : "int64";
}

// Counts the elements of a tensor; a scalar, of shape [], has one.
inline int64_t elementsOf(std::span<const int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

} // namespace kinema

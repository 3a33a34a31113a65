// Converts tensors between row-major order and the order in which they lie in the arena (docs/package.md,
// "Storage").
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kinema {

// A Loop is one loop over stored elements: at counter i it adds i * step to the coordinate along `axis`.
struct Loop {
  int64_t axis = 0;
  int64_t size = 1;
  int64_t step = 1;
  bool operator==(const Loop &) const = default;
};

// Lists the loops, outermost first; the stored elements are in their row-major order. An empty order means
// the logical tensor in row-major order.
using Order = std::vector<Loop>;

// Counts stored elements, padding included.
int64_t storedElements(std::span<const int64_t> shape, const Order &order);

// Says what is wrong with an order for tensors of this shape, or returns an empty string: every logical
// element must lie at exactly one place.
std::string findFault(std::span<const int64_t> shape, const Order &order);

// Returns how many stored elements neighbours along each axis are apart, where that is the same everywhere in
// the tensor, as it is where the channels fill one block; nothing otherwise. The order must be free of
// faults.
std::optional<std::vector<int64_t>> stridesOf(std::span<const int64_t> shape, const Order &order);

// Elements are four bytes wide, of any type. The order must be free of faults. `logical` has the given shape,
// row-major, and `stored` has storedElements(shape, order) elements. Padding is set to zero.
void pack(const void *logical, std::span<const int64_t> shape, const Order &order, void *stored);
void unpack(const void *stored, std::span<const int64_t> shape, const Order &order, void *logical);

} // namespace kinema

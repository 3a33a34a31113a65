#include "runtime/Package/TensorStorage.h"

#include "runtime/Package/ElementType.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace kinema {
namespace {

// Describes stored elements that lie one after the other and belong to one axis.
struct Run {
  int64_t stored;  // index of the first
  int64_t logical; // index of the first in the logical tensor
  int64_t stride;  // from one element to the next in the logical tensor
  int64_t valid;   // leading elements inside the shape; the others are padding
  int64_t size;
};

class Runs {
public:
  Runs(std::span<const int64_t> shape, const Order &order) : shape(shape), strides(shape.size(), 1) {
    for (size_t axis = shape.size(); axis-- > 1;)
      strides[axis - 1] = strides[axis] * shape[axis];
    std::copy_if(order.begin(), order.end(), std::back_inserter(loops),
                 [](const Loop &loop) { return loop.size > 1; });
    if (loops.empty() && !shape.empty())
      loops.push_back({0, 1, 1});
    std::vector<int64_t> last(shape.size(), 0); // the largest coordinates that the loops reach
    for (const Loop &loop : loops)
      last[loop.axis] += (loop.size - 1) * loop.step;
    for (size_t axis = 0; axis < shape.size(); ++axis)
      if (last[axis] >= shape[axis])
        padded.push_back(axis);
  }

  template <typename Visit> void forEach(Visit &&visit) const {
    if (loops.empty())
      return visit(Run{0, 0, 1, 1, 1});
    const Loop &inner = loops.back();
    const int64_t stride = inner.step * strides[inner.axis];
    std::vector<int64_t> counters(loops.size() - 1, 0);
    Place first{std::vector<int64_t>(shape.size(), 0), 0};
    int64_t total = 1;
    for (const Loop &loop : loops)
      total *= loop.size;
    for (int64_t stored = 0; stored < total; stored += inner.size) {
      visit(Run{stored, first.index, stride, valid(first, inner), inner.size});
      advance(counters, first);
    }
  }

private:
  // Says where a run's first element lies in the logical tensor.
  struct Place {
    std::vector<int64_t> coordinates;
    int64_t index;
  };

  std::span<const int64_t> shape;
  std::vector<int64_t> strides; // of the logical tensor
  std::vector<Loop> loops;      // loops of size 1 are left out
  std::vector<size_t> padded;   // axes along which the loops go beyond the shape

  int64_t valid(const Place &first, const Loop &inner) const {
    int64_t count = inner.size;
    for (size_t axis : padded) {
      int64_t left = shape[axis] - first.coordinates[axis];
      if (left <= 0)
        return 0;
      if (axis == static_cast<size_t>(inner.axis))
        count = std::min(count, (left + inner.step - 1) / inner.step);
    }
    return count;
  }

  void move(Place &place, const Loop &loop, int64_t rounds) const {
    place.coordinates[loop.axis] += rounds * loop.step;
    place.index += rounds * loop.step * strides[loop.axis];
  }

  void advance(std::vector<int64_t> &counters, Place &first) const {
    for (size_t i = counters.size(); i-- > 0;) {
      move(first, loops[i], 1);
      if (++counters[i] < loops[i].size)
        return;
      move(first, loops[i], -loops[i].size);
      counters[i] = 0;
    }
  }
};

} // namespace

int64_t storedElements(std::span<const int64_t> shape, const Order &order) {
  if (order.empty())
    return elementsOf(shape);
  int64_t elements = 1;
  for (const Loop &loop : order)
    elements *= loop.size;
  return elements;
}

std::string findFault(std::span<const int64_t> shape, const Order &order) {
  if (order.empty())
    return "";
  std::vector<std::vector<Loop>> loopsOf(shape.size());
  for (const Loop &loop : order) {
    if (loop.axis < 0 || loop.axis >= static_cast<int64_t>(shape.size()))
      return fmt::format("the order names axis {} of a tensor with {} axes", loop.axis, shape.size());
    if (loop.size < 1 || loop.step < 1 || loop.size > INT32_MAX || loop.step > INT32_MAX)
      return fmt::format("the order has a loop of size {} and step {}", loop.size, loop.step);
    if (loop.size > 1)
      loopsOf[loop.axis].push_back(loop);
  }
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    auto &loops = loopsOf[axis];
    std::sort(loops.begin(), loops.end(), [](const Loop &a, const Loop &b) { return a.step < b.step; });
    int64_t covered = 1; // coordinates 0 .. covered-1 are each reached once
    for (const Loop &loop : loops) {
      if (loop.step != covered)
        return fmt::format("the order's loops of axis {} do not visit each coordinate once", axis);
      if (covered > INT32_MAX)
        return fmt::format("the order's loops of axis {} are too long", axis);
      covered *= loop.size;
    }
    if (covered < shape[axis])
      return fmt::format("the order visits {} of {} coordinates of axis {}", covered, shape[axis], axis);
  }
  return "";
}

std::optional<std::vector<int64_t>> stridesOf(std::span<const int64_t> shape, const Order &order) {
  std::vector<int64_t> strides(shape.size(), 1);
  if (order.empty()) {
    for (size_t axis = shape.size(); axis-- > 1;)
      strides[axis - 1] = strides[axis] * shape[axis];
    return strides;
  }
  std::vector<bool> known(shape.size());
  int64_t apart = 1; // stored elements from one round of the loop to the next
  for (size_t i = order.size(); i-- > 0; apart *= order[i].size) {
    const auto [axis, size, step] = order[i];
    if (size == 1 || step >= shape[axis])
      continue; // in the shape it has one round
    if (apart % step != 0 || (known[axis] && strides[axis] != apart / step))
      return std::nullopt;
    strides[axis] = apart / step;
    known[axis] = true;
  }
  return strides;
}

void pack(const void *logical, std::span<const int64_t> shape, const Order &order, void *stored) {
  if (order.empty()) {
    std::memcpy(stored, logical, 4 * elementsOf(shape));
    return;
  }
  const uint32_t *from = static_cast<const uint32_t *>(logical);
  uint32_t *to = static_cast<uint32_t *>(stored);
  Runs(shape, order).forEach([&](const Run &run) {
    for (int64_t i = 0; i < run.valid; ++i)
      to[run.stored + i] = from[run.logical + i * run.stride];
    std::fill(to + run.stored + run.valid, to + run.stored + run.size, 0u);
  });
}

void unpack(const void *stored, std::span<const int64_t> shape, const Order &order, void *logical) {
  if (order.empty()) {
    std::memcpy(logical, stored, 4 * elementsOf(shape));
    return;
  }
  const uint32_t *from = static_cast<const uint32_t *>(stored);
  uint32_t *to = static_cast<uint32_t *>(logical);
  Runs(shape, order).forEach([&](const Run &run) {
    for (int64_t i = 0; i < run.valid; ++i)
      to[run.logical + i * run.stride] = from[run.stored + i];
  });
}

} // namespace kinema

#include "compiler/Transforms/ArenaLayout.h"

#include "dialects/Kernel/Attributes.h"

#include <algorithm>
#include <numeric>

namespace kinema {

static int64_t aligned(int64_t bytes) {
  return (bytes + kernel::arenaAlignment - 1) / kernel::arenaAlignment * kernel::arenaAlignment;
}

ArenaLayout layOutArena(const std::vector<Lifetime> &lifetimes) {
  ArenaLayout layout{std::vector<int64_t>(lifetimes.size(), 0), 0, 0};
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t x, size_t y) {
    return lifetimes[x].bytes != lifetimes[y].bytes ? lifetimes[x].bytes > lifetimes[y].bytes : x < y;
  });
  std::vector<size_t> placed; // buffers by ascending offset
  for (size_t i : order) {
    const Lifetime &life = lifetimes[i];
    int64_t offset = 0;
    for (size_t other : placed) {
      const Lifetime &taken = lifetimes[other];
      bool together = life.first <= taken.last && taken.first <= life.last;
      if (!together)
        continue;
      if (offset + life.bytes <= layout.offsets[other])
        break;
      offset = std::max(offset, layout.offsets[other] + aligned(taken.bytes));
    }
    layout.offsets[i] = offset;
    placed.insert(std::upper_bound(placed.begin(), placed.end(), offset,
                                   [&](int64_t at, size_t other) { return at < layout.offsets[other]; }),
                  i);
    layout.bytes = std::max(layout.bytes, offset + aligned(life.bytes));
    layout.separateBytes += aligned(life.bytes);
  }
  return layout;
}

} // namespace kinema

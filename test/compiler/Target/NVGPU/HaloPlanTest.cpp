// Checks what a halo plan computes before any code is written.
#include "compiler/Target/NVGPU/HaloPlan.h"

#include "gtest/gtest.h"

#include <algorithm>

using namespace kinema;

// The closed form is the mean over all tiles, also where tiles reach beyond both ends, want more than there
// is, or leave gaps.
TEST(HaloAxes, MeanInsideIsTheMeanOverTiles) {
  for (int64_t source : {1, 5, 14})
    for (int64_t first : {-4, -1, 0, 2})
      for (int64_t step : {1, 3, 6})
        for (int64_t wanted : {1, 4, 20})
          for (int64_t tiles : {1, 2, 7}) {
            int64_t inside = 0;
            for (int64_t tile = 0; tile < tiles; ++tile) {
              int64_t begin = first + tile * step;
              inside += std::max<int64_t>(0, std::min(begin + wanted, source) - std::max<int64_t>(begin, 0));
            }
            EXPECT_DOUBLE_EQ(nvidia::meanInside(first, step, tiles, wanted, source), double(inside) / tiles)
                << source << " " << first << " " << step << " " << wanted << " " << tiles;
          }
}

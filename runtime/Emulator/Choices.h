// Decides by the seed of a launch what a GPU leaves open in a cluster: the order in which threads run, and
// when copies land and matrix products are made.
#pragma once

#include "runtime/Emulator/Random.h"

namespace kinema::emulator {

class Choices {
public:
  enum class Order { First, Last, Random }; // which of the threads that can run is next
  enum class Landing { Late, Early, Random };

  Choices() = default;
  // Takes the number of the cluster in the grid, so that each cluster has random numbers of its own.
  Choices(uint64_t seed, uint64_t cluster)
      : order(seed == 0   ? Order::First
              : seed == 1 ? Order::Last
                          : Order::Random),
        landing(seed < 2 ? Landing::Late : Landing(seed % 3)), random(seed, cluster) {}

  // Returns a random number below `limit`, which is not 0.
  uint32_t below(uint32_t limit) { return random.below(limit); }
  bool landsEarly() const { return landing == Landing::Early; }
  // Returns whether a copy lands now, where copies land at random: it does one time in `times`.
  bool landsNow(uint32_t times) { return landing == Landing::Random && random.below(times) == 0; }

  Order order = Order::First;

private:
  Landing landing = Landing::Late;
  Random random;
};

} // namespace kinema::emulator

// What the seed of a launch decides in a cluster: the order in which threads run, and when copies land and
// matrix products are made.
#pragma once

#include "runtime/Emulator/Random.h"

namespace kinema::emulator {

class Choices {
public:
  enum class Order { First, Last, Random }; // which of the threads that can run
  enum class Landing { Late, Early, Random };

  Choices() = default;
  // cluster: of the grid; each has its own.
  Choices(uint64_t seed, uint64_t cluster)
      : order(seed == 0   ? Order::First
              : seed == 1 ? Order::Last
                          : Order::Random),
        landing(seed < 2 ? Landing::Late : Landing(seed % 3)), random(seed, cluster) {}

  // Below `limit`, which is not 0.
  uint32_t below(uint32_t limit) { return random.below(limit); }
  bool landsEarly() const { return landing == Landing::Early; }
  // Where copies land at random: whether one does now, as one time in `times`.
  bool landsNow(uint32_t times) { return landing == Landing::Random && random.below(times) == 0; }

  Order order = Order::First;

private:
  Landing landing = Landing::Late;
  Random random;
};

} // namespace kinema::emulator

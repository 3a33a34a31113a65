// Places buffers with lifetimes in one arena.
#ifndef KINEMA_COMPILER_TRANSFORMS_ARENALAYOUT_H
#define KINEMA_COMPILER_TRANSFORMS_ARENALAYOUT_H

#include <cstdint>
#include <vector>

namespace kinema {

struct Lifetime {
  int64_t bytes;
  int64_t first; // index of the launch that writes it
  int64_t last;  // index of the last launch that touches it
};

struct ArenaLayout {
  std::vector<int64_t> offsets; // in bytes, one for each lifetime
  int64_t bytes;                // size of the arena
  int64_t separateBytes;        // size that the arena would have if no two buffers shared memory
};

/// Places the largest buffers first, each at the lowest offset that is free during its whole life. The result
/// depends on the lifetimes alone.
ArenaLayout layOutArena(const std::vector<Lifetime> &lifetimes);

} // namespace kinema

#endif

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
  std::vector<int64_t> offsets; // bytes, one a lifetime
  int64_t bytes;                // of the arena
  int64_t separateBytes;        // if no two buffers shared memory
};

/// Largest first, each at the lowest offset that is free during its whole life. Deterministic.
ArenaLayout layOutArena(const std::vector<Lifetime> &lifetimes);

} // namespace kinema

#endif

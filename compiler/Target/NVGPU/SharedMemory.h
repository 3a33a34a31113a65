// Gives out a block's shared memory. The plan of a kernel does it once: the schedule asks for its bytes, and
// the code addresses its regions.
#ifndef KINEMA_COMPILER_TARGET_NVGPU_SHAREDMEMORY_H
#define KINEMA_COMPILER_TARGET_NVGPU_SHAREDMEMORY_H

#include "llvm/Support/MathExtras.h"

#include <cstdint>

namespace kinema::nvidia {

/// Shared memory, and the stages of each ring in it, begin at a multiple of so many bytes.
inline constexpr int64_t sharedAlignment = 128;

/// A SharedRegion is a part of shared memory, in bytes from its start.
struct SharedRegion {
  int64_t at = 0, bytes = 0;

  int64_t end() const { return at + bytes; }
};

/// Places regions one behind the other. The fields that hold them name them.
class SharedMemory {
public:
  /// Returns a region of so many bytes that begins at the next multiple of `alignment`, a power of two.
  SharedRegion take(int64_t bytes, int64_t alignment) {
    SharedRegion region{int64_t(llvm::alignTo(end, alignment)), bytes};
    end = region.end();
    return region;
  }
  /// Returns the bytes of all regions, and of the gaps between them.
  int64_t bytes() const { return end; }

private:
  int64_t end = 0;
};

} // namespace kinema::nvidia

#endif

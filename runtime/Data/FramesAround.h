// Says how many frames of a video an input needs around each frame of a clip.
#pragma once

#include <cstdint>

namespace kinema {

// The frames around one follow each other in the video as it is resampled, whatever `data.every` is.
struct FramesAround {
  int64_t before = 0, behind = 0;

  // Counts the frame itself too.
  int64_t count() const { return before + 1 + behind; }
};

} // namespace kinema

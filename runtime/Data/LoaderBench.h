// How many clips a second the loader gives.
#pragma once

#include "runtime/Data/VideoSource.h"

namespace kinema {

struct LoaderSpeed {
  // Clips a second in the first epoch, in which each video's packets are scanned, and in those behind it.
  double first = 0, later = 0;
  double coreSeconds = 0; // of processor time for a clip, in the later epochs, whatever else the machine does
};

// Takes batches for one epoch and then for whole epochs with `clips` clips together at the least. The source
// is one for training and has not been used. Throws Error where a video cannot be read.
LoaderSpeed measureLoader(VideoSource &source, int64_t clips);

} // namespace kinema

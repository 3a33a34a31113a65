// Measures how many clips a second the loader gives.
#pragma once

#include "runtime/Data/VideoSource.h"

namespace kinema {

struct LoaderSpeed {
  // These are clips a second: in the first epoch, in which each video's packets are scanned, and in later
  // epochs.
  double first = 0, later = 0;
  double coreSeconds = 0; // processor time for a clip in the later epochs, whatever else the machine does
};

// Takes batches for one epoch and then for whole epochs that together have at least `clips` clips. The source
// must be one for training and unused. Throws Error where a video cannot be read.
LoaderSpeed measureLoader(VideoSource &source, int64_t clips);

} // namespace kinema

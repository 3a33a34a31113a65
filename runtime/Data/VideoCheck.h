// Looks at every video of a list before it is trained on.
#pragma once

#include "runtime/Data/VideoList.h"
#include "runtime/Data/VideoReader.h"
#include "runtime/Data/Workers.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kinema {

struct CheckedVideo {
  VideoInfo info;      // frames is 0 if the video cannot be opened
  std::string problem; // why it cannot be used, or empty
};

struct CheckReport {
  std::vector<CheckedVideo> videos; // in the order of the list
  int64_t unreadable() const;
};

// Opens every video and decodes its first and its last frame, on `threads` threads (0: one a core).
CheckReport checkVideos(const VideoList &list, int threads, const ProgressCallback &progress = {});

// Returns the report as lines of text: each unreadable video, each truncated, turned or very short one, then
// totals (videos, frames, hours, range of sizes, rates and lengths, codecs, videos of each class). Videos
// with fewer frames than `clipFrames` are pointed out.
std::string describe(const CheckReport &report, const VideoList &list, int64_t clipFrames = 1);

} // namespace kinema

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
  bool known = false;  // the index knew it
};

struct CheckReport {
  std::vector<CheckedVideo> videos; // in the order of the list
  int64_t unreadable() const;
  int64_t known() const; // videos that the index knew
};

// Opens every video and decodes its first and its last frame, on `threads` threads (0: one a core). With an
// `index`, the name of a file, videos that it knows are not looked at again, and it knows all of them
// afterwards, but for those whose file could not be read to its end. While the work goes on, what is found
// out is in INDEX.part, from where another call goes on if this one does not come to its end.
CheckReport checkVideos(const VideoList &list, int threads, const ProgressCallback &progress = {},
                        const std::string &index = "");

// Returns each video that cannot be used, with the reason, a line each.
std::string unreadableLines(const CheckReport &report);

// Returns the report as lines of text: the first unreadable videos, and the first truncated or very short
// ones, then totals (videos, frames, hours, range of sizes, rates and lengths, codecs, videos of each class).
// Videos with fewer frames than `clipFrames` are pointed out.
std::string describe(const CheckReport &report, const VideoList &list, int64_t clipFrames = 1);

} // namespace kinema

// Computes the optical flow of all videos of a list before it is trained on.
#pragma once

#include "runtime/Data/VideoList.h"
#include "runtime/Data/Workers.h"
#include "runtime/Package/RecipeFields.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kinema {

struct FlowReport {
  int64_t made = 0, known = 0;       // files: computed now; computed before
  int64_t fields = 0, bytes = 0;     // of both
  std::vector<std::string> damaged;  // files that were computed anew, and what was wrong with them
  std::vector<std::string> problems; // videos that have no flow, and why
};

// Computes the flow of each video from each of its frames, at the rate of data.fps, to the next one, on
// `threads` threads (0: one a core), and keeps it in `folder` (FlowStore), whose lock the caller holds.
// Videos whose flow is there already are left alone; a file is there in full or not at all, so that the work
// may end at any moment and be gone on with. Throws Error where flow cannot be computed on this machine,
// where files cannot be written, or where the folder has flow that was computed in another way.
FlowReport makeFlow(const VideoList &list, const DataRecipe &data, const std::string &folder, int threads,
                    const ProgressCallback &progress = {});

} // namespace kinema

// Says which clips a network takes: checks that videos give them, and what their loader is told. All
// functions throw Error.
#pragma once

#include "runtime/Data/VideoSource.h"
#include "runtime/Package/Manifest.h"

#include <span>
#include <string>

namespace kinema {

bool hasFlow(const Manifest &manifest);

// Returns what the loader of a network's clips is told; `threads` and `flow` are those of LoaderOptions.
LoaderOptions loaderOptionsOf(const Manifest &manifest, int threads = 0, const std::string &flow = "");

// Checks that videos give what the network takes, and that frames and crop are those that the package was
// compiled for. `flow` is the folder of stored flow; `train` means the crop of training, else that of
// evaluation.
void checkClips(const Manifest &manifest, const Recipe &recipe, const std::string &flow, bool train);

// Returns a list of videos whose labels nobody knows: all have label 0, of which nothing is made. Throws
// Error where this machine cannot read them.
VideoList unlabelledVideos(std::span<const std::string> videos);

} // namespace kinema

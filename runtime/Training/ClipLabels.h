// Says what is seen in the clips of a batch: one label each, several, or those of two clips that are mixed.
#pragma once

#include "runtime/Training/Batch.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kinema {

// A label of a clip, and how much of the clip it is said of: all of it, unless clips are mixed.
struct LabelShare {
  int32_t label = 0;
  double share = 1;
};

// The labels of a clip. There are none where the clip is masked.
using ClipLabels = std::vector<LabelShare>;

// Returns the labels of a batch's clips, [N]. With `several`, these are all labels of their videos, else the
// first of each.
std::vector<ClipLabels> labelsOf(const Batch &batch, const BatchSource &source, bool several);

// Returns the labels of clips of one label each; -1 masks a clip. Throws Error, which calls the labels
// `origin`, where one is none of the network's classes.
std::vector<ClipLabels> labelsOf(std::span<const int64_t> labels, int64_t classes, const std::string &network,
                                 const std::string &origin);

} // namespace kinema

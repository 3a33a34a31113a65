// Makes fields of optical flow as the network gets them: each displacement is cut off at data.flow_bound and
// rounded to one of 127 steps each way, so that a field takes two bytes a pixel and few when it is
// compressed.
#pragma once

#include "runtime/Data/PictureSize.h"
#include "runtime/Package/RecipeFields.h"

#include <cstdint>
#include <vector>

namespace kinema {

// The number that stands for a displacement of data.flow_bound pixels, and for 1 in the network's input.
inline constexpr int flowSteps = 127;

// [2, H, W]: displacements to the right, then down, from -flowSteps to flowSteps.
using FlowField = std::vector<int8_t>;

// Returns how many numbers a field of frames of this size has.
inline int64_t flowNumbers(PictureSize size) { return int64_t{2} * size.height * size.width; }

// Computes the flow from one frame to another by the parameters data.flow_*. Throws Error as `requireFlow`
// does.
// from, to: [size.height, size.width, 3]
FlowField flowBetween(const DataRecipe &data, PictureSize size, const uint8_t *from, const uint8_t *to);

} // namespace kinema

// Writes the page of `kinema inspect --layer --html`.
#pragma once

#include "compiler/Inspect/Story.h"

#include <string>

namespace kinema {

/// Returns a page (HTML) that needs nothing besides itself: the layer on its whole road, with all of its
/// operations, kernels, schedules and code, those that are long folded.
std::string layerPage(const inspect::LayerStory &story);

} // namespace kinema

// Computes optical flow by the shared library libkinema-flow.so (runtime/Flow), which is opened when the
// first field is computed, so that a program that computes none runs where there is no OpenCV.
#pragma once

#include "runtime/Data/PictureSize.h"
#include "runtime/Package/RecipeFields.h"

#include <cstdint>
#include <string>

namespace kinema {

// Throws Error where this machine cannot compute flow, saying what is missing and where it was looked for:
// the file that KINEMA_FLOW_LIBRARY names or, where that is not set, libkinema-flow.so beside the program and
// then in the library path.
void requireFlow();

// Returns whose implementation it is, such as "OpenCV 4.6.0". Throws Error as `requireFlow` does.
std::string flowImplementation();

// Computes where the pixels of one frame are in another, by the parameters data.flow_*. Bits depend on the
// arguments alone. Throws Error as `requireFlow` does.
// from, to: [size.height, size.width], gray; field: [size.height, size.width, 2], pixels to the right and
// down
void computeFlow(const DataRecipe &data, PictureSize size, const uint8_t *from, const uint8_t *to,
                 float *field);

} // namespace kinema

// Writes the texts of errors about sizes.
#ifndef KINEMA_COMPILER_EXPAND_REPORT_H
#define KINEMA_COMPILER_EXPAND_REPORT_H

#include "compiler/Expand/Frame.h"

namespace kinema::expansion {

/// Returns the axes along which two values differ, as "T 8 and 16, H 28 and 56"; `channels` includes `C`.
std::string differences(const Activation &a, const Activation &b, bool channels);

/// Returns, for instance, "T is 1: 16 at the input, halved at lines 4, 6, 7, 8".
std::string historyOf(const Activation &value, int axis);

/// Returns `text, from line 5: stage conv3d ch=64 x2 stride=2`, with the file where that is not the error's;
/// returns the text alone where `origin` is not known, or is the error's own place.
std::string withOrigin(std::string text, dsl::Location origin, dsl::Location error,
                       const dsl::Sources &sources);

} // namespace kinema::expansion

#endif

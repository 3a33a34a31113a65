// Texts of the errors about sizes.
#ifndef KINEMA_COMPILER_EXPAND_REPORT_H
#define KINEMA_COMPILER_EXPAND_REPORT_H

#include "compiler/Expand/Frame.h"

namespace kinema::expansion {

/// "T 8 and 16, H 28 and 56": the axes along which two values differ; `C` among them on wish.
std::string differences(const Activation &a, const Activation &b, bool channels);

/// "T is 1: 16 at the input, halved at lines 4, 6, 7, 8".
std::string historyOf(const Activation &value, int axis);

/// `text, from line 5: stage conv3d ch=64 x2 stride=2`, with the file where it is another one than the
/// error's; the text alone where `origin` is not known, or is the error's own place.
std::string withOrigin(std::string text, dsl::Location origin, dsl::Location error,
                       const dsl::Sources &sources);

} // namespace kinema::expansion

#endif

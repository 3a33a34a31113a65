// Names of parameters in other people's files, by tables of patterns.
#pragma once

#include "runtime/Program.h"

#include <string>

namespace kinema {

// "": the spec's own names. "torchvision": the state-dict names of torchvision's video models. Throws Error
// with status 2 for anything else.
NameMap findNames(const std::string &naming);

} // namespace kinema

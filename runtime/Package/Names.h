// Translates names of parameters to those in other people's files, by tables of patterns.
#pragma once

#include <functional>
#include <string>

namespace kinema {

// Maps the names of parameters in the package to those in a file; returns an empty string for a name that it
// does not know.
using NameMap = std::function<std::string(const std::string &)>;

// Returns the map called `naming`: "" for the spec's own names, "torchvision" for the state-dict names of
// torchvision's video models. Throws Error with status 2 for anything else.
NameMap findNames(const std::string &naming);

// Returns a parameter's name in a file. Throws Error where the map does not know it.
std::string nameInFile(const NameMap &names, const std::string &name);

} // namespace kinema

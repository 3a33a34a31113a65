// Finds the file of the running program.
#pragma once

#include <string>

namespace kinema {

// Returns the file of this program or, where /proc is not mounted, the name by which it was called; it may be
// empty.
std::string ownFile();

} // namespace kinema

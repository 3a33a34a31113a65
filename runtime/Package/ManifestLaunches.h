// Reads the kernels of a manifest, the launches of its entries, and what ranks add up between these.
#pragma once

#include "runtime/Package/ManifestNode.h"

namespace kinema {

// Fills in the kernels and the entries of a manifest whose arena and counters are known.
void parseLaunches(const ManifestNode &root, Manifest &manifest);

} // namespace kinema

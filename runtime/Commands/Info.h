// Says what a package holds, to people and to programs.
#pragma once

#include "runtime/Package/Manifest.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace kinema {

// Counts the values of all parameters that are trained.
int64_t trainedValues(const Manifest &manifest);

// Returns, for instance, "1.4 GB".
std::string formatBytes(int64_t bytes);

std::string describe(const Manifest &manifest);
// Says what the ranks of a distributed package add up, behind which launches; empty for another package.
std::string describeBuckets(const Manifest &manifest, int64_t bucketBytes);
nlohmann::json toJson(const Manifest &manifest);

} // namespace kinema

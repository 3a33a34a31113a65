// What a package holds, for people and for programs.
#pragma once

#include "runtime/Package/Manifest.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace kinema {

// Values of all parameters that are trained.
int64_t trainedValues(const Manifest &manifest);

// "1.4 GB".
std::string formatBytes(int64_t bytes);

std::string describe(const Manifest &manifest);
nlohmann::json toJson(const Manifest &manifest);

} // namespace kinema

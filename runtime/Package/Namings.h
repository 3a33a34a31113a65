// Contains the files of runtime/Package/Namings as they were when the runtime was built.
#pragma once

#include <span>
#include <string_view>

namespace kinema {

struct NamingFile {
  std::string_view name; // the name as in --names
  std::string_view text;
};

// Returns the files sorted by name.
std::span<const NamingFile> namingFiles();

} // namespace kinema

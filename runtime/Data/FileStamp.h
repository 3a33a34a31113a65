// Tells by a look at a file's entry in its folder whether the file is the same as before.
#pragma once

#include <cstdint>
#include <string>

namespace kinema {

struct FileStamp {
  enum : int64_t { noFile = -1, noRegularFile = -2 };
  int64_t bytes = noFile;
  int64_t modified = 0; // nanoseconds since 1970

  bool exists() const { return bytes >= 0; }
  bool operator==(const FileStamp &) const = default;
};

FileStamp stampOf(const std::string &path);

} // namespace kinema

// What the fuzz targets have in common: bytes that stand for a file are refused whole, with a reason, or read
// as something that holds together.
#pragma once

#include "runtime/Support/Error.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace kinema::test {

// Ends the fuzzing where there is a fault.
inline void require(const std::string &fault) {
  if (fault.empty())
    return;
  std::fprintf(stderr, "%s\n", fault.c_str());
  std::abort();
}

// Runs `read`, which may throw Error with a reason and nothing else.
template <typename Read> int readOrRefuse(Read &&read) {
  try {
    read();
  } catch (const Error &error) {
    require(std::string_view(error.what()).empty() ? "an error without a reason" : "");
  }
  return 0;
}

// Writes a file into a folder of this process that lies in memory where the machine has such a place.
inline std::string fileOf(const std::string &name, std::string_view content) {
  static const std::string folder = [] {
    std::filesystem::path parent =
        std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string made = parent / ("kinema-fuzz-" + std::to_string(getpid()));
    std::filesystem::create_directories(made);
    std::atexit([] {
      std::filesystem::path base =
          std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
      std::error_code none;
      std::filesystem::remove_all(base / ("kinema-fuzz-" + std::to_string(getpid())), none);
    });
    return made;
  }();
  std::string path = folder + "/" + name;
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (file < 0 || write(file, content.data(), content.size()) != static_cast<ssize_t>(content.size()))
    require("cannot write " + path);
  close(file);
  return path;
}

} // namespace kinema::test

// A folder for the files of one test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace kinema::test {

// A TemporaryFolder is a new, empty folder, removed at the end. Its name is its own, since tests run beside
// each other, as processes and in several build folders.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "kinema-test-XXXXXX").string();
    if (!mkdtemp(name.data()))
      throw std::runtime_error(name + ": cannot be created");
    path = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  std::string operator/(const std::string &name) const { return (path / name).string(); }
  std::string name() const { return path.string(); }

  // Writes a file without waiting for the disk, and returns its path.
  std::string write(const std::string &name, const std::string &content) const {
    std::ofstream(path / name, std::ios::binary) << content;
    return *this / name;
  }

  std::filesystem::path path;
};

} // namespace kinema::test

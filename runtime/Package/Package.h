// Reads and writes the package file: one zip archive with the manifest and the machine code
// (docs/package.md). The archive may stand behind something else in its file: a program with a package
// appended is a package.
#pragma once

#include "runtime/Package/Source.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kinema {

// A package has one manifest for each target that it has code for: the first target's stands under this name,
// the others' under manifest.TARGET.json.
inline constexpr char manifestEntry[] = "manifest.json";
std::string manifestEntryOf(const std::string &target);
bool isManifest(const std::string &entry);

// The text that the package was compiled from.
inline constexpr char specEntry[] = "spec.arch";

// Says where the archive lies in a file.
struct ArchivePlace {
  int64_t begin = 0; // bytes before it
  int64_t bytes = 0;
};

// Looks for an archive's directory at the end of the file. Returns false if there is none. Throws Error if
// the file cannot be read or the directory is damaged.
bool findArchive(const std::string &path, ArchivePlace &place);

// A Package is an open package. All functions throw Error, naming the file.
class Package {
public:
  explicit Package(const std::string &path);
  // Opens a package that lies in memory; messages call it `name`.
  Package(std::string content, const std::string &name);
  ~Package();
  Package(Package &&) noexcept;
  Package &operator=(Package &&) noexcept;

  const std::string &path() const { return filePath; }
  std::vector<std::string> entries() const;
  bool has(const std::string &entry) const;
  std::string read(const std::string &entry) const;
  // Opens an entry whose checksum has been compared. The source refers to the package.
  std::unique_ptr<const Source> open(const std::string &entry) const;

private:
  [[noreturn]] void failDamaged(const std::string &entry) const;
  struct Archive;
  std::string filePath; // or the name of a package in memory
  std::unique_ptr<Archive> archive;
};

// Collects entries and writes them as a package: stored without compression, with a fixed date, so that the
// same entries give the same bytes.
class PackageWriter {
public:
  void add(std::string entry, std::string content);
  bool has(const std::string &entry) const;

  // Writes the package in full or not at all; throws Error.
  void write(const std::string &path) const;
  // Writes the package behind a copy of `program` and makes the file executable, so that one file runs and
  // carries its package. A package that `program` carries itself is left out of the copy.
  void writeBehind(const std::string &program, const std::string &path) const;

private:
  std::string archive(size_t before) const;
  std::vector<std::pair<std::string, std::string>> contents;
};

} // namespace kinema

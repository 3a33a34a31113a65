// Files that are either written in full or not at all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kinema {

// A file that takes its name only when it is complete: writes go to a temporary file beside it, `commit`
// flushes that to the disk and renames it. Until then, and after any error, what stood under the name stays
// untouched. A link is followed; a device or a pipe is refused. All functions throw Error with the path and
// the system's reason.
class AtomicFile {
public:
  explicit AtomicFile(const std::string &name);
  ~AtomicFile(); // without `commit`: removes the temporary file
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;

  void write(const void *data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  // executable: the file may be run by whoever may read it.
  void commit(bool executable = false);

private:
  std::string name, path, temporary; // as asked for, links followed, beside it
  int descriptor = -1;
};

// Throws Error, as AtomicFile does, where a file of that name cannot be made: before the work whose result it
// is to hold.
void checkWritable(const std::string &path);

std::string readFile(const std::string &path);
void writeFile(const std::string &path, std::string_view content);

// Removes what a process that was killed while it wrote `path` has left beside it.
void removeLeftovers(const std::string &path);

// Creates the directory and its parents. Throws Error.
void makeDirectory(const std::string &path);

} // namespace kinema

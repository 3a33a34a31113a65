// Writes files either in full or not at all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kinema {

// Says what becomes of a symbolic link under whose name a file is written. Where a user has named the file,
// the link is followed. Where a program makes the name, as beside a list of videos, a link that came with
// somebody's data must not lead it elsewhere, and is replaced.
enum class Links { Follow, Replace };

// An AtomicFile is a file that takes its name only when it is complete: writes go to a temporary file beside
// it, which `commit` flushes to the disk and renames. Until then, and after any error, what stood under the
// name stays untouched. A device or a pipe is refused. All functions throw Error with the path and the
// system's reason. The temporary file is locked for as long as it is written, where the file system knows
// locks.
class AtomicFile {
public:
  explicit AtomicFile(const std::string &name, Links links = Links::Follow);
  ~AtomicFile(); // removes the temporary file unless `commit` was called
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;

  void write(const void *data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  // With `executable`, whoever may read the file may also run it.
  void commit(bool executable = false);

private:
  std::string name, path, temporary; // as asked for; with links followed; beside `path`
  int descriptor = -1;
};

// Throws Error, as AtomicFile does, where a file of that name cannot be made. It is called before the work
// whose result the file is to hold.
void checkWritable(const std::string &path, Links links = Links::Follow);

std::string readFile(const std::string &path);
void writeFile(const std::string &path, std::string_view content, Links links = Links::Follow);

// Gives a file a second name, in place of what stood under it. Where the file system knows no such links, the
// file is copied.
void linkFile(const std::string &path, const std::string &second);

// Removes the temporary files that killed processes left beside `path`, and not those that somebody is
// writing.
void removeLeftovers(const std::string &path);
// Removes those of all files in a folder whose names end so.
void removeLeftoversIn(const std::string &folder, std::string_view ending);

// Creates the directory and its parents. Throws Error.
void makeDirectory(const std::string &path);

} // namespace kinema

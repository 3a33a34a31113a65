#include "runtime/Support/Files.h"

#include "runtime/Support/Error.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace kinema {
namespace {

// What the name of a temporary file has behind that of the file, by which it is told from a user's own
// copies.
constexpr std::string_view unfinished = ".unfinished-";
constexpr std::string_view uniqueLetters = "XXXXXX"; // mkostemp replaces them

std::string temporaryOf(const std::string &path) {
  return fmt::format("{}{}{}", path, unfinished, uniqueLetters);
}

// Returns the name of the file that a temporary file was to become; empty where it is none.
std::string_view finishedName(std::string_view name) {
  const size_t suffix = unfinished.size() + uniqueLetters.size();
  if (name.size() <= suffix || !name.substr(name.size() - suffix).starts_with(unfinished))
    return "";
  return name.substr(0, name.size() - suffix);
}

// Makes a temporary file, which is locked for as long as it is open. Between its making and its lock somebody
// may take it for a leftover: then another one is made. Returns its descriptor, or a negative number.
int openTemporary(std::string &name) {
  for (const std::string pattern = name;;) {
    name = pattern;
    const int descriptor = mkostemp(name.data(), O_CLOEXEC);
    if (descriptor < 0)
      return descriptor;
    const bool isTaken = flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    struct stat made;
    if (!isTaken && fstat(descriptor, &made) == 0 && made.st_nlink > 0)
      return descriptor;
    unlink(name.c_str());
    close(descriptor);
  }
}

// Removes a temporary file unless somebody is writing it.
void removeUnheld(const std::string &path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0 || flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
    unlink(path.c_str());
  if (descriptor >= 0)
    close(descriptor);
}

[[noreturn]] void failWriting(const std::string &name) {
  fail("cannot write {}: {}", name, std::strerror(errno));
}

std::string directoryOf(const std::string &path) {
  std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// Flushes the directory, so that a rename in it survives a loss of power. It is no error that some file
// systems cannot do this.
void flushDirectory(const std::string &path) {
  int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return;
  fsync(descriptor);
  close(descriptor);
}

// Returns the usual permissions of a new file; mkostemp would give them to the owner alone.
mode_t defaultMode(bool executable) {
  mode_t mask = umask(0);
  umask(mask);
  return (executable ? 0777 : 0666) & ~mask;
}

// Follows a chain of links to its end, which may not exist yet, so that a link that is written to stays a
// link.
std::string resolved(const std::string &name) {
  constexpr int longest = 40; // the system's own limit
  std::filesystem::path path = name;
  std::error_code code;
  for (int links = 0; links < longest && std::filesystem::is_symlink(path, code); ++links)
    path = path.parent_path() / std::filesystem::read_symlink(path, code);
  return path.string();
}

// Removes the temporary files of those files in a folder that are meant.
template <typename IsMeant> void removeWhere(const std::string &folder, IsMeant &&isMeant) {
  std::vector<std::string> left;
  std::error_code none; // a folder that is not there has none
  for (const auto &entry : std::filesystem::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    if (const std::string_view file = finishedName(name); !file.empty() && isMeant(file))
      left.push_back(entry.path().string());
  }
  for (const std::string &path : left)
    removeUnheld(path);
}

} // namespace

AtomicFile::AtomicFile(const std::string &name, Links links)
    : name(name), path(links == Links::Follow ? resolved(name) : name), temporary(temporaryOf(path)) {
  std::error_code none;
  auto status = std::filesystem::symlink_status(path, none);
  if (std::filesystem::is_directory(status))
    fail("cannot write {}: it is a directory", name);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
      !std::filesystem::is_symlink(status))
    fail("cannot write {}: it is not a regular file", name);
  descriptor = openTemporary(temporary);
  if (descriptor < 0)
    failWriting(name);
}

AtomicFile::~AtomicFile() {
  if (descriptor < 0)
    return;
  close(descriptor);
  unlink(temporary.c_str());
}

void AtomicFile::write(const void *data, size_t bytes) {
  const char *at = static_cast<const char *>(data);
  while (bytes > 0) {
    ssize_t written = ::write(descriptor, at, bytes);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      failWriting(name);
    at += written;
    bytes -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit(bool executable) {
  if (fchmod(descriptor, defaultMode(executable)) != 0 || fsync(descriptor) != 0)
    failWriting(name);
  if (rename(temporary.c_str(), path.c_str()) != 0)
    failWriting(name);
  int closed = close(descriptor);
  descriptor = -1;
  if (closed != 0)
    failWriting(name);
  flushDirectory(directoryOf(path));
}

void checkWritable(const std::string &path, Links links) { AtomicFile made(path, links); }

std::string readFile(const std::string &path) {
  if (std::filesystem::is_directory(path))
    fail("cannot read {}: it is a directory", path);
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file)
    fail("cannot read {}: {}", path, std::strerror(errno));
  content << file.rdbuf();
  if (file.bad())
    fail("cannot read {}: {}", path, std::strerror(errno));
  return std::move(content).str();
}

void writeFile(const std::string &path, std::string_view content, Links links) {
  AtomicFile file(path, links);
  file.write(content);
  file.commit();
}

// The link is made beside the name and renamed, so that the name never stands for nothing. Where both names
// are the same file already, the rename does nothing and leaves both.
void linkFile(const std::string &path, const std::string &second) {
  const std::string temporary = temporaryOf(second);
  unlink(temporary.c_str());
  if (link(path.c_str(), temporary.c_str()) != 0)
    return writeFile(second, readFile(path));
  if (rename(temporary.c_str(), second.c_str()) != 0)
    failWriting(second);
  unlink(temporary.c_str());
  flushDirectory(directoryOf(second));
}

void removeLeftovers(const std::string &path) {
  const std::string file = std::filesystem::path(path).filename().string();
  removeWhere(directoryOf(path), [&](std::string_view name) { return name == file; });
}

void removeLeftoversIn(const std::string &folder, std::string_view ending) {
  removeWhere(folder, [&](std::string_view name) { return name.ends_with(ending); });
}

void makeDirectory(const std::string &path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code || !std::filesystem::is_directory(path))
    fail("cannot create the directory {}: {}", path, code ? code.message() : "a file of that name exists");
}

} // namespace kinema

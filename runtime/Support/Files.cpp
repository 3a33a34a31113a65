#include "runtime/Support/Files.h"

#include "runtime/Support/Error.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace kinema {
namespace {

constexpr std::string_view uniqueLetters = "XXXXXX"; // mkostemp replaces them

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

} // namespace

AtomicFile::AtomicFile(const std::string &name, Links links)
    : name(name), path(links == Links::Follow ? resolved(name) : name),
      temporary(fmt::format("{}.{}", path, uniqueLetters)) {
  std::error_code none;
  auto status = std::filesystem::symlink_status(path, none);
  if (std::filesystem::is_directory(status))
    fail("cannot write {}: it is a directory", name);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
      !std::filesystem::is_symlink(status))
    fail("cannot write {}: it is not a regular file", name);
  descriptor = mkostemp(temporary.data(), O_CLOEXEC);
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
  const std::string temporary = fmt::format("{}.{}", second, uniqueLetters);
  unlink(temporary.c_str());
  if (link(path.c_str(), temporary.c_str()) != 0)
    return writeFile(second, readFile(path));
  if (rename(temporary.c_str(), second.c_str()) != 0)
    failWriting(second);
  unlink(temporary.c_str());
  flushDirectory(directoryOf(second));
}

void removeLeftovers(const std::string &path) {
  std::filesystem::path file(path);
  std::string prefix = file.filename().string() + ".";
  std::error_code code;
  for (const auto &entry : std::filesystem::directory_iterator(directoryOf(path), code)) {
    std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.size() == prefix.size() + uniqueLetters.size())
      std::filesystem::remove(entry.path(), code);
  }
}

void makeDirectory(const std::string &path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code || !std::filesystem::is_directory(path))
    fail("cannot create the directory {}: {}", path, code ? code.message() : "a file of that name exists");
}

} // namespace kinema

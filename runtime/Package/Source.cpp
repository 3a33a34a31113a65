#include "runtime/Package/Source.h"

#include "runtime/Support/Error.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace kinema {
namespace {

constexpr int64_t largestPiece = int64_t{1} << 30; // bytes that are read in one call

// An OpenFile closes its descriptor.
struct OpenFile {
  explicit OpenFile(const std::string &path) : descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat found;
    if (descriptor < 0 || fstat(descriptor, &found) != 0)
      error = std::strerror(errno);
    else if (S_ISDIR(found.st_mode))
      error = "it is a directory";
    else
      bytes = found.st_size;
  }
  OpenFile(const OpenFile &) = delete;
  ~OpenFile() {
    if (descriptor >= 0)
      close(descriptor);
  }

  const int descriptor;
  int64_t bytes = 0;
  const char *error = nullptr;
};

class FileSource final : public Source {
public:
  FileSource(const std::string &path, std::unique_ptr<OpenFile> opened)
      : Source(path, opened->bytes), file(std::move(opened)) {}

  void read(int64_t offset, void *to, int64_t count) const override {
    while (count > 0) {
      ssize_t got = pread(file->descriptor, to, std::min(count, largestPiece), offset);
      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0)
        fail("cannot read {}: {}", name, got < 0 ? std::strerror(errno) : "it has become shorter");
      to = static_cast<char *>(to) + got;
      offset += got;
      count -= got;
    }
  }

private:
  const std::unique_ptr<OpenFile> file;
};

class MemorySource final : public Source {
public:
  MemorySource(std::string_view content, const std::string &name)
      : Source(name, static_cast<int64_t>(content.size())), content(content) {}
  MemorySource(std::string given, const std::string &name)
      : Source(name, static_cast<int64_t>(given.size())), own(std::move(given)), content(own) {}

  void read(int64_t offset, void *to, int64_t count) const override {
    if (count > 0) // `to` may be null where there is nothing to read
      std::memcpy(to, content.data() + offset, count);
  }

private:
  const std::string own;
  const std::string_view content;
};

class PartSource final : public Source {
public:
  PartSource(const Source &whole, int64_t offset, int64_t bytes)
      : Source(whole.name, bytes), whole(whole), begin(offset) {}

  void read(int64_t offset, void *to, int64_t count) const override { whole.read(begin + offset, to, count); }

private:
  const Source &whole;
  const int64_t begin;
};

} // namespace

std::string Source::read(int64_t offset, int64_t count) const {
  std::string text(count, '\0');
  read(offset, text.data(), count);
  return text;
}

std::unique_ptr<const Source> openFile(const std::string &path) {
  auto file = std::make_unique<OpenFile>(path);
  if (file->error)
    fail("cannot read {}: {}", path, file->error);
  return std::make_unique<FileSource>(path, std::move(file));
}

std::unique_ptr<const Source> sourceOf(std::string content, const std::string &name) {
  return std::make_unique<MemorySource>(std::move(content), name);
}

std::unique_ptr<const Source> sourceOfView(std::string_view content, const std::string &name) {
  return std::make_unique<MemorySource>(content, name);
}

std::unique_ptr<const Source> partOf(const Source &whole, int64_t offset, int64_t bytes) {
  return std::make_unique<PartSource>(whole, offset, bytes);
}

} // namespace kinema

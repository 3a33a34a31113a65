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

class FileSource final : public Source {
public:
  FileSource(const std::string &path, int file, int64_t bytes) : Source(path, bytes), file(file) {}
  ~FileSource() override { close(file); }

  void read(int64_t offset, void *to, int64_t count) const override {
    while (count > 0) {
      ssize_t got = pread(file, to, std::min(count, largestPiece), offset);
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
  const int file;
};

class ViewSource final : public Source {
public:
  ViewSource(std::string_view content, const std::string &name)
      : Source(name, static_cast<int64_t>(content.size())), content(content) {}

  void read(int64_t offset, void *to, int64_t count) const override {
    std::memcpy(to, content.data() + offset, count);
  }

private:
  const std::string_view content;
};

class TextSource final : public Source {
public:
  TextSource(std::string given, const std::string &name)
      : Source(name, static_cast<int64_t>(given.size())), content(std::move(given)) {}

  void read(int64_t offset, void *to, int64_t count) const override {
    std::memcpy(to, content.data() + offset, count);
  }

private:
  const std::string content;
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
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat found;
  if (file < 0 || fstat(file, &found) != 0)
    fail("cannot read {}: {}", path, std::strerror(errno));
  auto source = std::make_unique<FileSource>(path, file, found.st_size);
  if (S_ISDIR(found.st_mode))
    fail("cannot read {}: it is a directory", path);
  return source;
}

std::unique_ptr<const Source> sourceOf(std::string content, const std::string &name) {
  return std::make_unique<TextSource>(std::move(content), name);
}

std::unique_ptr<const Source> sourceOfView(std::string_view content, const std::string &name) {
  return std::make_unique<ViewSource>(content, name);
}

std::unique_ptr<const Source> partOf(const Source &whole, int64_t offset, int64_t bytes) {
  return std::make_unique<PartSource>(whole, offset, bytes);
}

} // namespace kinema

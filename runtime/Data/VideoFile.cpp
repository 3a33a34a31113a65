#include "runtime/Data/VideoFile.h"

#include "runtime/Support/Digest.h"
#include "runtime/Support/Interrupt.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace kinema {
namespace {

// Even slow networks are several times as fast as this.
constexpr double usualSeconds = 60, bytesPerSecond = 1e6;

double secondsFor(int64_t bytes) {
  const char *wanted = std::getenv("KINEMA_READ_SECONDS");
  if (!wanted)
    return usualSeconds + static_cast<double>(bytes) / bytesPerSecond;
  double seconds = 0;
  auto [end, code] = std::from_chars(wanted, wanted + std::strlen(wanted), seconds);
  if (code != std::errc() || *end != 0 || !(seconds >= 0))
    refuse("KINEMA_READ_SECONDS is {}, expected a number of seconds", wanted);
  return seconds;
}

void checkIsFile(const struct stat &status, const std::string &path) {
  mode_t mode = status.st_mode;
  if (S_ISDIR(mode))
    fail("{}: is a directory, not a video", path);
  if (!S_ISREG(mode))
    fail("{}: is {}, not a regular file", path,
         S_ISFIFO(mode)   ? "a named pipe"
         : S_ISSOCK(mode) ? "a socket"
                          : "a device");
  if (status.st_size == 0)
    fail("{}: the file is empty", path);
}

[[noreturn]] void failOpening(const std::string &path) {
  if (errno == ENOENT || errno == ENOTDIR)
    fail("{}: no such file", path);
  fail("{}: cannot be opened: {}", path, std::strerror(errno));
}

} // namespace

// The path is checked before it is opened, for opening a pipe alone wakes whoever waits at it; and
// afterwards, for it may have become another file in between.
VideoFile::VideoFile(const std::string &path) : path(path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0)
    failOpening(path);
  checkIsFile(status, path);
  descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0)
    failOpening(path);
  try {
    if (fstat(descriptor, &status) != 0)
      failOpening(path);
    checkIsFile(status, path);
    size = status.st_size;
    allowed = secondsFor(size);
  } catch (...) {
    close(descriptor);
    throw;
  }
}

VideoFile::~VideoFile() { close(descriptor); }

bool VideoFile::isLate() const {
  // The time for which the process was stopped is not the file's.
  auto isOver = [&] {
    return std::chrono::duration<double>(Clock::now() - std::max(begin, lastContinuation())).count() >=
           allowed;
  };
  if (!isOver())
    return false;
  // The end of a stop is noted by a thread that need not be the first one to go on.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return isOver();
}

void VideoFile::checkTime() const {
  if (isLate())
    throw TooSlow(fmt::format("{}: reading it takes longer than {:.3g} s: is its file system slow, or the "
                              "file damaged? (KINEMA_READ_SECONDS in the environment sets the limit)",
                              path, allowed));
}

ssize_t VideoFile::read(void *to, size_t count, int64_t offset) const {
  if (isLate()) {
    errno = ETIMEDOUT;
    return -1;
  }
  for (;;)
    if (ssize_t done = pread(descriptor, to, count, offset); done >= 0 || errno != EINTR)
      return done;
}

uint64_t contentOf(const std::string &path) {
  VideoFile file(path);
  std::vector<char> bytes(size_t{1} << 20);
  Digest digest;
  for (int64_t at = 0;;) {
    ssize_t count = file.read(bytes.data(), bytes.size(), at);
    file.checkTime();
    if (count < 0)
      fail("{}: cannot be read: {}", path, std::strerror(errno));
    if (count == 0)
      return digest.number();
    digest.add({bytes.data(), static_cast<size_t>(count)});
    at += count;
  }
}

} // namespace kinema

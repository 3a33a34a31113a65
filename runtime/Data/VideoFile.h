// Opens a video's file for reading: a regular file that is read within a limit of time.
#pragma once

#include "runtime/Support/Error.h"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace kinema {

// Says that a file's time was up. That is no fault of the video, so no video is left out because of it: which
// ones would depend on chance.
struct TooSlow : Error {
  using Error::Error;
};

// Removes the file's name from an error, which begins with it, where the name stands apart and would come
// twice.
inline std::string withoutName(const std::string &message, const std::string &name) {
  return message.starts_with(name + ": ") ? message.substr(name.size() + 2) : message;
}

class VideoFile {
public:
  // Opens the file. Throws Error, beginning with the path, for what is no regular file, without waiting for
  // whoever is at the other end of a pipe. A link to a regular file counts as one.
  explicit VideoFile(const std::string &path);
  ~VideoFile();
  VideoFile(const VideoFile &) = delete;
  VideoFile &operator=(const VideoFile &) = delete;

  int64_t bytes() const { return size; }

  // Starts the file's time anew, which began when it was opened. A file may be read for a minute and a second
  // a megabyte, or for KINEMA_READ_SECONDS where that is in the environment.
  void restartClock() { begin = Clock::now(); }
  bool isLate() const;
  // Throws TooSlow where the time is up.
  void checkTime() const;

  // Returns how many bytes were read, 0 at the end of the file, or -1 with errno, which is ETIMEDOUT where
  // the time is up.
  ssize_t read(void *to, size_t count, int64_t offset) const;

private:
  using Clock = std::chrono::steady_clock;

  std::string path;
  int descriptor = -1;
  int64_t size = 0;
  double allowed = 0; // seconds
  Clock::time_point begin = Clock::now();
};

// Returns a digest of the file's bytes. Throws as VideoFile does.
uint64_t contentOf(const std::string &path);

} // namespace kinema

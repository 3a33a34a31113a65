// Keeps decoded and scaled frames on a disk near by, so that a video that is read in each epoch is decoded
// once.
#pragma once

#include "runtime/Data/PictureSize.h"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>

namespace kinema {

// Names a frame as it is kept. Two frames with the same pixels may have different names, but not the other
// way round.
struct FrameName {
  std::string video; // its path, and what tells it from another file of that path
  std::string decoder;
  int64_t frame = 0;
  PictureSize size;
};

// A FrameCache is a folder of frames, which several processes may use at once. It is filled until it has as
// many bytes as it may have, and nothing is replaced then: what is read once an epoch is best kept so. A
// process that is killed leaves no half frame; what it leaves otherwise goes when the folder is next opened
// by nobody else. Files that are no frames are left alone. All functions may be called by several threads.
class FrameCache {
public:
  // Makes the folder where there is none. Frames beyond `limit` bytes, which a larger limit has left, are
  // removed unless other processes use the folder. Throws Error where the folder cannot be used, or has other
  // files and has been no cache before.
  FrameCache(std::string folder, int64_t limit);
  ~FrameCache();
  FrameCache(const FrameCache &) = delete;
  FrameCache &operator=(const FrameCache &) = delete;

  // Reads a frame if it is there and whole; one that is damaged is removed. rgb: [name.size.height,
  // name.size.width, 3]
  bool read(const FrameName &name, std::span<uint8_t> rgb);
  // Keeps a frame if there is room. That a disk is full or fails is no error: the frame is not kept.
  void keep(const FrameName &name, std::span<const uint8_t> rgb);

  // Returns how many frames this process has read and kept.
  int64_t reads() const { return readFrames; }
  int64_t kept() const { return keptFrames; }
  // Returns whether frames were left out because the limit was reached, or the disk is full or fails.
  bool isFull() const { return full; }

private:
  std::string placeOf(const std::string &head) const;
  void tidy();
  bool reserve(int64_t bytes);

  std::string folder;
  int64_t limit;
  int users = -1, count = -1; // files: held by all processes that use the folder; of the bytes in it
  std::mutex counting; // held by the thread that has the lock of `count`, which only tells processes apart
  std::atomic<bool> full = false;
  std::atomic<int64_t> readFrames = 0, keptFrames = 0, number = 0;
};

} // namespace kinema

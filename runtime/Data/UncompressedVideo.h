// Reads uncompressed videos: YUV4MPEG2 files (.y4m) of 8 bits, 4:2:0 or 4:4:4, which machines without FFmpeg
// can read too. `ffmpeg -i VIDEO -vf scale=WIDTH:HEIGHT -pix_fmt yuv420p VIDEO.y4m` makes one.
#pragma once

#include "runtime/Data/VideoFile.h"

#include <cstdint>
#include <string>

namespace kinema {

class UncompressedVideo {
public:
  // Returns whether the file's name is that of an uncompressed video.
  static bool hasName(const std::string &file) { return file.ends_with(".y4m"); }

  // Opens the file. Throws Error if it is no such video, or holds no frame. Like `read`, it throws TooSlow
  // where the file's time is up.
  explicit UncompressedVideo(const std::string &file);

  int height = 0, width = 0;
  int64_t frames = 0; // whole ones
  double fps = 0;     // 0: not known
  bool truncated = false;

  // Reads a frame. rgb: [height, width, 3], by BT.601 from limited range. Throws Error.
  void read(int64_t frame, uint8_t *rgb);
  // Gives the file its whole time for what is read from now on.
  void restartClock() { content.restartClock(); }

private:
  void parseHeader(const std::string &line);
  bool readBytes(char *to, int64_t count, int64_t offset);
  int64_t chromaWidth() const { return subsampled ? (width + 1) / 2 : width; }
  int64_t chromaHeight() const { return subsampled ? (height + 1) / 2 : height; }
  int64_t frameBytes() const; // with the line before the frame

  std::string file;
  VideoFile content;
  int64_t headerBytes = 0;
  bool subsampled = true;
};

} // namespace kinema

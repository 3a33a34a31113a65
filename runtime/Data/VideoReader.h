// Reads chosen frames of a video. Frame i is the i-th picture that decoding the whole file from its start
// would give; seeking never changes what frame i is. FFmpeg decodes all files but the uncompressed ones,
// which need none of it.
#pragma once

#include "runtime/Data/FFmpeg.h"
#include "runtime/Data/FileStamp.h"
#include "runtime/Data/PictureSize.h"
#include "runtime/Data/UncompressedVideo.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kinema {

struct VideoInfo {
  std::string file;
  std::string codec;
  int height = 0, width = 0; // as displayed: the container's rotation is applied
  int64_t frames = 0;        // frames that can be read; found by scanning the packets, not in the header
  double fps = 0;            // mean rate, 0 if the file has no times (then one frame is one tick)
  double seconds = 0;        // from the first frame to the end of the last, 0 if fps is
  bool truncated = false;    // the file ends before its own table of contents does
  FileStamp stamp;           // of the file before it was opened
};

// Says where the frames of a video are.
struct FrameIndex {
  // With `byTime`, a picture is frame i if its presentation time is times[i], and decoding may begin at the
  // last of `keyTimes` not after it. Otherwise frames are counted from the start of the file.
  bool byTime = false;
  std::vector<int64_t> times;    // [frames], in ticks, ascending
  std::vector<int64_t> keyTimes; // in ticks, ascending; empty: the container marks no key packets
  bool truncated = false;
  std::shared_ptr<const ffmpeg::Probe> probe; // only for compressed files

  // Returns the same with a probe, which an index that was kept in a file does not have.
  FrameIndex with(std::shared_ptr<const ffmpeg::Probe> found) const {
    FrameIndex other = *this;
    other.probe = std::move(found);
    return other;
  }
  int64_t bytes() const { return static_cast<int64_t>((times.size() + keyTimes.size()) * sizeof(int64_t)); }
};

// A frame to read: its number in [0, info().frames), the size to which it is scaled, and where it goes.
struct WantedFrame {
  int64_t frame = 0;
  PictureSize size;
  uint8_t *rgb = nullptr; // [size.height, size.width, 3]
};

// Returns what decodes videos of such a name, such as "FFmpeg 5.1"; an empty string for uncompressed ones,
// which Kinema reads itself. Throws Error where this machine cannot read them, because FFmpeg is missing.
std::string requireDecoder(const std::string &file);

// Reads a video. All functions that read throw TooSlow where the file's time is up (VideoFile).
class VideoReader {
public:
  // Opens a video file. Without an `index` of it, the constructor scans its packets; it decodes nothing
  // unless the container has no usable times, in which case the whole video is decoded once. Throws Error if
  // the file is not a video or has no readable frame.
  explicit VideoReader(const std::string &file, std::shared_ptr<const FrameIndex> index = nullptr);

  const VideoInfo &info() const { return information; }
  // Returns the index, with which the same file is opened again without a scan.
  const std::shared_ptr<const FrameIndex> &index() const { return frameIndex; }

  // Returns the frame on display `seconds` after the first one appeared, in [0, info().frames).
  int64_t frameAt(double seconds) const;

  // Takes the video as it would be at so many frames a second: counts its frames, and returns the one that is
  // on display after number / rate seconds. A rate of 0, or a video without one, leaves it as it is.
  int64_t countAtRate(double rate) const;
  int64_t frameAtRate(double rate, int64_t number) const;

  // Decodes the wanted frames in one pass through the video, whatever their order; the same frame may be
  // wanted several times. Uncompressed frames are not scaled: they have the wanted size already. Throws Error
  // if one of them cannot be decoded.
  void read(std::vector<WantedFrame> wanted);

  // Decodes `frames`, all scaled to height x width. rgb: [frames.size(), height, width, 3]
  void read(std::span<const int64_t> frames, int height, int width, uint8_t *rgb);

private:
  void describe();
  void describeUncompressed();
  void readUncompressed(const WantedFrame &wanted);
  bool moveTo(int64_t frame);
  bool advanceTo(int64_t frame, bool skip);
  bool readAscending(std::span<const WantedFrame> wanted);
  void convert(int height, int width, uint8_t *rgb);

  std::optional<UncompressedVideo> uncompressed;
  std::optional<ffmpeg::Input> input; // for compressed files
  double tick = 0;                    // seconds in a unit of the index's times
  VideoInfo information;
  std::shared_ptr<const FrameIndex> frameIndex;
  int64_t current = -1; // frame that `input` holds, -1 if none
};

} // namespace kinema

// Wraps all that Kinema takes from FFmpeg in types of its own: FFmpeg.cpp is the one file that includes
// FFmpeg's headers. Errors are kinema::Error and name the file; FFmpeg's own log is silent.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace kinema::ffmpeg {

// Stands for "no time given", in ticks.
inline constexpr int64_t noTime = INT64_MIN;

// Says how stored pictures are turned for display, by the container's display matrix: the stored pixel (x, y)
// is shown at (a x + c y, b x + d y), up to a shift. This is always one of the eight symmetries of a
// rectangle.
struct Orientation {
  int a = 1, b = 0, c = 0, d = 1;
  bool swapsSides() const { return a == 0; }
};

struct Stream {
  std::string codec;
  int width = 0, height = 0; // of the stored pictures, before `orientation`
  Orientation orientation;
  double tick = 0;        // seconds in a unit of presentation time
  double rate = 0;        // frames a second as the container claims, 0 if it does not know
  int64_t indexed = 0;    // packets in the container's own table, 0 if it has none
  bool exactSeek = false; // the container stores each packet's time, so times after a seek can be trusted
};

// Describes a packet of the video stream, without its data.
struct Packet {
  int64_t time = noTime; // presentation time in ticks
  bool key = false;      // decoding can begin here
  bool shown = true;     // false: the container or the codec hides its picture
  bool damaged = false;  // the demuxer could not read all of it
};

// Holds what FFmpeg finds out about a file by decoding its beginning.
struct Probe;

// Reads the video stream of a file: its packets, or its pictures in presentation order.
class Input {
public:
  // Opens `file` and its best video stream. Throws Error if it is no regular file, FFmpeg cannot read it, or
  // it holds no video. What is `known` of the same file saves decoding its beginning again. All functions
  // that read throw TooSlow where the file's time is up (VideoFile).
  explicit Input(const std::string &file, std::shared_ptr<const Probe> known = nullptr);
  ~Input();
  Input(Input &&) noexcept;
  Input &operator=(Input &&) noexcept;

  const Stream &stream() const;
  const std::shared_ptr<const Probe> &probe() const;

  // Reads the next packet in decode order without decoding it; returns false at the end of the file. Packets
  // and pictures must not be mixed without a `seek` or `rewind` between.
  bool nextPacket(Packet &packet);
  // Gives the file its whole time for what is read from now on.
  void restartClock();

  // Returns true if reading ended with an error rather than at the end of the file.
  bool readFailed() const;

  // Continues with the key packet at or before `time`, as far as the container can tell; decoding starts at
  // the first key packet met. Returns false if the container cannot seek.
  bool seek(int64_t time);
  // Starts again with the first packet or, with `fromKey`, the first key packet.
  void rewind(bool fromKey);

  // Decodes the next picture in presentation order; returns false after the last one. Pictures shown before
  // the time `wanted` that no other picture needs may be left out.
  bool nextPicture(int64_t wanted = noTime);
  // Returns the presentation time of the current picture in ticks, or noTime.
  int64_t pictureTime() const;
  // Counts the packets that the decoder refused since the last `seek` or `rewind`.
  int64_t decodeErrors() const;

  // Converts the current picture to RGB, 8 bits a channel, scaled bilinearly (area-weighted when shrinking).
  // rgb: [height, width, 3], in stored orientation. Matrix and range are the stream's, or BT.601's if it
  // names none.
  void convert(int height, int width, uint8_t *rgb);

private:
  struct State;
  std::unique_ptr<State> state;
};

struct H264Options {
  int width = 0, height = 0; // even
  int fps = 25;
  int quality = 8;      // x264's constant rate factor: 0 lossless .. 51 worst
  int keyInterval = 12; // frames from one key frame to the next at most
};

// Writes an mp4 file, H.264 yuv420p. It uses one thread and no time stamps of the day, so that the same
// pictures give the same bytes.
class H264Output {
public:
  H264Output(const std::string &file, const H264Options &options);
  ~H264Output();
  H264Output(const H264Output &) = delete;
  H264Output &operator=(const H264Output &) = delete;

  // rgb: [height, width, 3]
  void write(const uint8_t *rgb);
  // Ends the file, which is not playable without it.
  void finish();

private:
  struct State;
  std::unique_ptr<State> state;
};

// Throws Error where no release of FFmpeg that Kinema works with is installed, saying what is there and what
// is needed. Returns its name with its version, such as "FFmpeg 5.1".
std::string require();

} // namespace kinema::ffmpeg

#include "runtime/Data/VideoReader.h"

#include "runtime/Support/Error.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <tuple>

namespace kinema {

namespace {

// Lists the frames by the times of their packets. Sets `byTime` if every picture has a time of its own.
FrameIndex scanPackets(ffmpeg::Input &input) {
  FrameIndex index;
  index.byTime = input.stream().exactSeek;
  int64_t packets = 0;
  bool lastDamaged = false;
  ffmpeg::Packet packet;
  while (input.nextPacket(packet)) {
    ++packets;
    lastDamaged = packet.damaged;
    index.byTime &= packet.time != ffmpeg::noTime || !packet.shown;
    if (packet.key)
      index.keyTimes.push_back(packet.time);
    if (packet.shown)
      index.times.push_back(packet.time);
  }
  index.truncated = input.readFailed() || lastDamaged || packets < input.stream().indexed;
  if (lastDamaged && !index.times.empty())
    index.times.pop_back();
  index.byTime &= !index.keyTimes.empty();
  if (!index.byTime)
    return index;

  std::sort(index.times.begin(), index.times.end());
  std::sort(index.keyTimes.begin(), index.keyTimes.end());
  // Pictures shown before the first key packet cannot be decoded.
  std::erase_if(index.times, [&](int64_t time) { return time < index.keyTimes.front(); });
  index.byTime = std::adjacent_find(index.times.begin(), index.times.end()) == index.times.end();
  return index;
}

// Lists the frames by decoding them all.
void scanPictures(ffmpeg::Input &input, FrameIndex &index) {
  index.byTime = false;
  std::vector<int64_t> &times = index.times;
  times.clear();
  input.rewind(!index.keyTimes.empty());
  while (input.nextPicture())
    times.push_back(input.pictureTime());
  bool ascending = std::adjacent_find(times.begin(), times.end(), std::greater_equal<>()) == times.end();
  if (ascending && !times.empty() && times.front() != ffmpeg::noTime)
    return;
  const double rate = input.stream().rate > 0 ? input.stream().rate : 1;
  for (size_t i = 0; i < times.size(); ++i)
    times[i] = std::llround(static_cast<double>(i) / (rate * input.stream().tick));
}

FrameIndex scan(ffmpeg::Input &input) {
  FrameIndex index = scanPackets(input);
  if (!index.byTime)
    scanPictures(input, index);
  index.probe = input.probe();
  return index;
}

} // namespace

std::string requireDecoder(const std::string &file) {
  return UncompressedVideo::hasName(file) ? "" : ffmpeg::require();
}

VideoReader::VideoReader(const std::string &file, std::shared_ptr<const FrameIndex> index)
    : frameIndex(std::move(index)) {
  information.file = file;
  information.stamp = stampOf(file);
  if (UncompressedVideo::hasName(file)) {
    uncompressed.emplace(file);
    describeUncompressed();
  } else {
    if (frameIndex && frameIndex->byTime && frameIndex->keyTimes.empty())
      frameIndex = nullptr; // an index of another file: this one's pictures need keys
    input.emplace(file, frameIndex ? frameIndex->probe : nullptr);
    if (!frameIndex)
      frameIndex = std::make_shared<const FrameIndex>(scan(*input));
    else if (!frameIndex->probe)
      frameIndex = std::make_shared<const FrameIndex>(frameIndex->with(input->probe()));
    describe();
  }
}

void VideoReader::describeUncompressed() {
  const UncompressedVideo &video = *uncompressed;
  FrameIndex everyFrame;
  everyFrame.byTime = true;
  everyFrame.truncated = video.truncated;
  everyFrame.times.resize(video.frames);
  std::iota(everyFrame.times.begin(), everyFrame.times.end(), int64_t{0});
  frameIndex = std::make_shared<const FrameIndex>(std::move(everyFrame));
  tick = video.fps > 0 ? 1 / video.fps : 1;
  information.codec = "rawvideo";
  information.height = video.height;
  information.width = video.width;
  information.frames = video.frames;
  information.fps = video.fps;
  information.seconds = video.fps > 0 ? static_cast<double>(video.frames) / video.fps : 0;
  information.truncated = video.truncated;
}

void VideoReader::readUncompressed(const WantedFrame &wanted) {
  if (wanted.size != PictureSize{uncompressed->height, uncompressed->width})
    fail("{}: frames of {}x{} are asked for, it has {}x{}: uncompressed videos are not scaled; make it in "
         "that size, or set data.resize",
         information.file, wanted.size.height, wanted.size.width, uncompressed->height, uncompressed->width);
  uncompressed->read(wanted.frame, wanted.rgb);
}

void VideoReader::describe() {
  const ffmpeg::Stream &stream = input->stream();
  tick = stream.tick;
  const std::vector<int64_t> &times = frameIndex->times;
  information.truncated = frameIndex->truncated;
  if (times.empty())
    fail("{}: no frame of its {} video can be read{}", information.file, stream.codec,
         information.truncated ? ": the file is truncated" : "");
  information.codec = stream.codec;
  bool turned = stream.orientation.swapsSides();
  information.height = turned ? stream.width : stream.height;
  information.width = turned ? stream.height : stream.width;
  information.frames = static_cast<int64_t>(times.size());

  // Rates above 1000 are clock ticks that a container without a rate reports in its place.
  const double span = static_cast<double>(times.back() - times.front()) * tick;
  const double intervals = static_cast<double>(times.size() - 1);
  information.fps = stream.rate;
  if (stream.rate <= 0 || stream.rate > 1000)
    information.fps = span > 0 ? intervals / span : 0;
  information.seconds = information.fps > 0 ? span + 1 / information.fps : 0;
}

int64_t VideoReader::frameAt(double seconds) const {
  const std::vector<int64_t> &times = frameIndex->times;
  double ticks = seconds / tick + static_cast<double>(times.front());
  // Half a tick of slack is given, since containers round the times of frames to ticks.
  auto after = std::upper_bound(times.begin(), times.end(), ticks + 0.5,
                                [](double tick, int64_t time) { return tick < static_cast<double>(time); });
  return std::max<int64_t>(0, after - times.begin() - 1);
}

int64_t VideoReader::countAtRate(double rate) const {
  if (rate <= 0 || information.fps <= 0)
    return information.frames;
  return std::max<int64_t>(1, std::llround(information.seconds * rate));
}

int64_t VideoReader::frameAtRate(double rate, int64_t number) const {
  if (rate <= 0 || information.fps <= 0)
    return number;
  return frameAt(static_cast<double>(number) / rate);
}

// Decodes on until `input` holds `frame`, with `skip` only the pictures needed for it; returns false if
// decoding passes the frame by.
bool VideoReader::advanceTo(int64_t frame, bool skip) {
  if (!frameIndex->byTime) {
    while (current < frame) {
      if (!input->nextPicture())
        return false;
      ++current;
    }
    return true;
  }
  const int64_t wanted = frameIndex->times[frame];
  while (input->nextPicture(skip ? wanted : ffmpeg::noTime)) {
    int64_t time = input->pictureTime();
    if (time == ffmpeg::noTime || time < wanted)
      continue;
    current = time == wanted ? frame : -1;
    return time == wanted;
  }
  current = -1;
  return false;
}

bool VideoReader::moveTo(int64_t frame) {
  const std::vector<int64_t> &times = frameIndex->times, &keyTimes = frameIndex->keyTimes;
  if (current == frame)
    return true;
  if (frameIndex->byTime) {
    int64_t key = *std::prev(std::upper_bound(keyTimes.begin(), keyTimes.end(), times[frame]));
    bool decodeOn = current >= 0 && current < frame && key <= times[current];
    if ((decodeOn || input->seek(key)) && advanceTo(frame, true))
      return true;
    current = -1; // passed by, so decode everything from the start
  }
  if (current < 0 || current > frame) {
    input->rewind(!keyTimes.empty());
    current = -1;
  }
  return advanceTo(frame, false);
}

// Turns pictures from the stored to the displayed orientation.
static void orient(const ffmpeg::Orientation &turn, int height, int width, const uint8_t *stored,
                   uint8_t *shown) {
  // `stored` is [height, width, 3].
  const int shownWidth = turn.swapsSides() ? height : width;
  const int left = std::min(turn.a, 0) * (width - 1) + std::min(turn.c, 0) * (height - 1);
  const int top = std::min(turn.b, 0) * (width - 1) + std::min(turn.d, 0) * (height - 1);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x, stored += 3) {
      int shownX = turn.a * x + turn.c * y - left, shownY = turn.b * x + turn.d * y - top;
      std::memcpy(shown + (static_cast<size_t>(shownY) * shownWidth + shownX) * 3, stored, 3);
    }
}

void VideoReader::convert(int height, int width, uint8_t *rgb) {
  const ffmpeg::Orientation &turn = input->stream().orientation;
  if (turn.a == 1 && turn.d == 1)
    return input->convert(height, width, rgb);
  if (turn.swapsSides())
    std::swap(height, width);
  std::vector<uint8_t> stored(static_cast<size_t>(height) * width * 3);
  input->convert(height, width, stored.data());
  orient(turn, height, width, stored.data(), rgb);
}

// Reads frames in ascending order. Returns false if a frame was passed by.
bool VideoReader::readAscending(std::span<const WantedFrame> wanted) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto &[frame, size, rgb] = wanted[i];
    if (i > 0 && frame == wanted[i - 1].frame && size == wanted[i - 1].size) {
      std::memcpy(rgb, wanted[i - 1].rgb, static_cast<size_t>(size.height) * size.width * 3);
      continue;
    }
    if (!moveTo(frame))
      return false;
    convert(size.height, size.width, rgb);
  }
  return true;
}

void VideoReader::read(std::vector<WantedFrame> wanted) {
  for (const WantedFrame &each : wanted)
    if (each.frame < 0 || each.frame >= information.frames)
      fail("{}: frame {} asked for, but it has {}", information.file, each.frame, information.frames);
  if (wanted.empty())
    return;
  if (uncompressed) {
    uncompressed->restartClock();
    std::for_each(wanted.begin(), wanted.end(), [&](const WantedFrame &each) { readUncompressed(each); });
    return;
  }
  input->restartClock();
  std::sort(wanted.begin(), wanted.end(), [](const WantedFrame &a, const WantedFrame &b) {
    return std::tie(a.frame, a.size.height, a.size.width) < std::tie(b.frame, b.size.height, b.size.width);
  });
  if (!readAscending(wanted))
    fail("{}: some of frames {} to {} cannot be decoded: the file is damaged", information.file,
         wanted.front().frame, wanted.back().frame);
}

void VideoReader::read(std::span<const int64_t> frames, int height, int width, uint8_t *rgb) {
  std::vector<WantedFrame> wanted;
  for (int64_t frame : frames) {
    wanted.push_back({frame, {height, width}, rgb});
    rgb += int64_t{3} * height * width;
  }
  read(std::move(wanted));
}

} // namespace kinema

#include "runtime/Data/UncompressedVideo.h"

#include "runtime/Support/Error.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <sstream>
#include <vector>

using namespace kinema;

static constexpr std::string_view magic = "YUV4MPEG2", frameLine = "FRAME\n";
static constexpr int largestSide = 16384, longestHeader = 1024;
static constexpr std::string_view colours[] = {"420", "420jpeg", "420mpeg2", "420paldv", "444"};

// Returns the number that is the whole of `text`, or -1.
static int64_t number(std::string_view text) {
  int64_t value = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

int64_t UncompressedVideo::frameBytes() const {
  return static_cast<int64_t>(frameLine.size()) + int64_t{height} * width +
         2 * chromaHeight() * chromaWidth();
}

// Parses a header such as "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg".
void UncompressedVideo::parseHeader(const std::string &line) {
  std::istringstream words(line);
  std::string word;
  words >> word;
  if (word != magic)
    fail("{}: it does not begin with {}", file, magic);
  while (words >> word) {
    std::string value = word.substr(1);
    size_t colon = value.find(':');
    if (word[0] == 'W')
      width = static_cast<int>(std::clamp<int64_t>(number(value), 0, largestSide + 1));
    else if (word[0] == 'H')
      height = static_cast<int>(std::clamp<int64_t>(number(value), 0, largestSide + 1));
    else if (word[0] == 'F' && colon != std::string::npos && number(value.substr(colon + 1)) > 0)
      fps = std::max(0.0, double(number(value.substr(0, colon)))) / double(number(value.substr(colon + 1)));
    else if (word[0] == 'C' && std::ranges::find(colours, value) == std::end(colours))
      fail("{}: its colours are {}; 8 bits in 4:2:0 or 4:4:4 can be read", file, value);
    else if (word == "XCOLORRANGE=FULL")
      fail(
          "{}: its colours have the full range; make it with the limited one (ffmpeg -vf scale=out_range=tv)",
          file);
    else if (word[0] == 'C')
      subsampled = value != "444";
  }
  if (width < 1 || height < 1 || width > largestSide || height > largestSide)
    fail("{}: its frames are {} x {}", file, height, width);
}

// Reads all of `count` bytes, or returns false at the end of the file.
bool UncompressedVideo::readBytes(char *to, int64_t count, int64_t offset) {
  constexpr int64_t piece = 1 << 20; // the time is checked after each
  while (count > 0) {
    content.checkTime();
    ssize_t done = content.read(to, static_cast<size_t>(std::min(count, piece)), offset);
    if (done < 0)
      fail("{}: cannot be read: {}", file, std::strerror(errno));
    if (done == 0)
      return false;
    to += done;
    offset += done;
    count -= done;
  }
  return true;
}

UncompressedVideo::UncompressedVideo(const std::string &path) : file(path), content(path) {
  std::string line(std::min<int64_t>(longestHeader, content.bytes()), '\0');
  size_t end = readBytes(line.data(), static_cast<int64_t>(line.size()), 0) ? line.find('\n') : line.npos;
  if (end == line.npos)
    fail("{}: it does not begin with a line of {}", file, magic);
  line.resize(end);
  parseHeader(line);
  headerBytes = static_cast<int64_t>(line.size()) + 1;
  int64_t bytes = content.bytes() - headerBytes;
  frames = bytes / frameBytes();
  truncated = bytes % frameBytes() != 0;
  if (frames < 1)
    fail("{}: it ends before its first frame does", file);
}

static uint8_t clampedByte(int value) { return static_cast<uint8_t>(std::clamp(value >> 8, 0, 255)); }

void UncompressedVideo::read(int64_t frame, uint8_t *rgb) {
  std::vector<char> bytes(frameBytes());
  if (frame < 0 || frame >= frames ||
      !readBytes(bytes.data(), frameBytes(), headerBytes + frame * frameBytes()))
    fail("{}: frame {} of {} cannot be read", file, frame, frames);
  if (std::string_view(bytes.data(), frameLine.size()) != frameLine)
    fail("{}: frame {} does not begin with {}", file, frame, frameLine.substr(0, 5));
  const auto *luma = reinterpret_cast<const uint8_t *>(bytes.data() + frameLine.size());
  const uint8_t *blue = luma + int64_t{height} * width, *red = blue + chromaHeight() * chromaWidth();
  const int shift = subsampled ? 1 : 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x, rgb += 3) {
      const int64_t at = (y >> shift) * chromaWidth() + (x >> shift);
      const int c = 298 * (luma[int64_t{y} * width + x] - 16) + 128, d = blue[at] - 128, e = red[at] - 128;
      rgb[0] = clampedByte(c + 409 * e);
      rgb[1] = clampedByte(c - 100 * d - 208 * e);
      rgb[2] = clampedByte(c + 516 * d);
    }
}

#include "runtime/Data/IndexEntry.h"

#include <algorithm>
#include <bit>

namespace kinema {
namespace {

class Writer {
public:
  void number(uint64_t value) { // in groups of seven bits, the lowest first
    for (; value >= 0x80; value >>= 7)
      bytes += static_cast<char>(value | 0x80);
    bytes += static_cast<char>(value);
  }
  void signedNumber(int64_t value) {
    number(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
  }
  void fixed(uint64_t value, int width) {
    for (int i = 0; i < width; ++i)
      bytes += static_cast<char>(value >> 8 * i);
  }
  void real(double value) { fixed(std::bit_cast<uint64_t>(value), 8); }
  void text(std::string_view value) {
    number(value.size());
    bytes += value;
  }
  // Writes times as runs of equal steps.
  void times(const std::vector<int64_t> &values) {
    number(values.size());
    uint64_t last = 0;
    for (size_t i = 0; i < values.size();) {
      const uint64_t step = static_cast<uint64_t>(values[i]) - last;
      size_t end = i;
      for (; end < values.size() && static_cast<uint64_t>(values[end]) - last == step; ++end)
        last = static_cast<uint64_t>(values[end]);
      signedNumber(static_cast<int64_t>(step));
      number(end - i);
      i = end;
    }
  }

  std::string bytes;
};

class Reader {
public:
  explicit Reader(std::string_view bytes) : bytes(bytes) {}

  uint64_t number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint64_t byte = fixed(1);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80)
        return value;
    }
    good = false;
    return 0;
  }
  int64_t signedNumber() {
    uint64_t value = number();
    return static_cast<int64_t>(value >> 1 ^ (0 - (value & 1)));
  }
  uint64_t fixed(int width) {
    uint64_t value = 0;
    if (bytes.size() < static_cast<size_t>(width)) {
      good = false;
      return 0;
    }
    for (int i = 0; i < width; ++i)
      value |= uint64_t{static_cast<uint8_t>(bytes[i])} << 8 * i;
    bytes.remove_prefix(width);
    return value;
  }
  double real() { return std::bit_cast<double>(fixed(8)); }
  std::string text() {
    uint64_t size = number();
    if (size > bytes.size()) {
      good = false;
      return "";
    }
    std::string value(bytes.substr(0, size));
    bytes.remove_prefix(size);
    return value;
  }
  std::vector<int64_t> times(uint64_t most) {
    uint64_t size = number(), last = 0;
    good &= size <= most;
    std::vector<int64_t> values;
    while (good && values.size() < size) {
      const auto step = static_cast<uint64_t>(signedNumber());
      const uint64_t count = number();
      good &= count > 0 && count <= size - values.size();
      for (uint64_t i = 0; good && i < count; ++i)
        values.push_back(static_cast<int64_t>(last += step));
    }
    return values;
  }
  bool ended() const { return good && bytes.empty(); }
  bool fine() const { return good; }

private:
  std::string_view bytes;
  bool good = true;
};

} // namespace

std::string encode(const IndexEntry &entry) {
  Writer out;
  out.text(entry.name);
  out.signedNumber(entry.stamp.bytes);
  out.signedNumber(entry.stamp.modified);
  out.fixed(entry.content, 8);
  out.text(entry.problem);
  out.text(entry.info.codec);
  out.number(static_cast<uint64_t>(entry.info.height));
  out.number(static_cast<uint64_t>(entry.info.width));
  out.number(static_cast<uint64_t>(entry.info.frames));
  out.real(entry.info.fps);
  out.real(entry.info.seconds);
  out.number((entry.info.truncated ? 1 : 0) | (entry.frames.byTime ? 2 : 0) |
             (entry.frames.truncated ? 4 : 0));
  out.times(entry.frames.times);
  out.times(entry.frames.keyTimes);
  return std::move(out.bytes);
}

// Returns whether a reader can go by these frames: it looks for the last key picture before a frame. There
// are no keys where no picture needs another.
static bool consistent(const FrameIndex &frames) {
  const std::vector<int64_t> &times = frames.times, &keyTimes = frames.keyTimes;
  if (!std::is_sorted(times.begin(), times.end()))
    return false;
  return !frames.byTime || times.empty() || keyTimes.empty() ||
         (std::is_sorted(keyTimes.begin(), keyTimes.end()) && keyTimes.front() <= times.front());
}

std::optional<IndexEntry> decode(std::string_view bytes, std::optional<int64_t> fileBytes) {
  Reader in(bytes);
  IndexEntry entry;
  entry.name = in.text();
  entry.stamp.bytes = in.signedNumber();
  entry.stamp.modified = in.signedNumber();
  entry.content = in.fixed(8);
  entry.problem = in.text();
  entry.info.codec = in.text();
  entry.info.height = static_cast<int>(in.number());
  entry.info.width = static_cast<int>(in.number());
  entry.info.frames = static_cast<int64_t>(in.number());
  entry.info.fps = in.real();
  entry.info.seconds = in.real();
  const uint64_t flags = in.number();
  entry.info.truncated = flags & 1;
  entry.frames.byTime = flags & 2;
  entry.frames.truncated = flags & 4;
  if (!in.fine())
    return std::nullopt;
  if (!fileBytes)
    return entry;
  if (entry.stamp.bytes != *fileBytes)
    return std::nullopt;
  const uint64_t most = static_cast<uint64_t>(std::max<int64_t>(*fileBytes, 0));
  entry.frames.times = in.times(most);
  entry.frames.keyTimes = in.times(most);
  return in.ended() && consistent(entry.frames) ? std::optional(std::move(entry)) : std::nullopt;
}

} // namespace kinema

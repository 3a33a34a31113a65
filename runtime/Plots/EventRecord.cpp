#include "runtime/Plots/EventRecord.h"

#include <array>
#include <cstring>

namespace kinema {
namespace {

constexpr size_t lengthBytes = 8, checksumBytes = 4;

template <typename T> std::string littleEndian(T value) {
  std::string bytes(sizeof value, 0);
  std::memcpy(bytes.data(), &value, sizeof value); // all machines that Kinema compiles for are little-endian
  return bytes;
}

template <typename T> T fromLittleEndian(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// TFRecords hold checksums rotated by 15 bits, plus a constant.
uint32_t maskedChecksum(std::string_view bytes) {
  const uint32_t sum = crc32c(bytes);
  return ((sum >> 15) | (sum << 17)) + 0xa282ead8u;
}

std::string record(const std::string &event) {
  const std::string length = littleEndian(static_cast<uint64_t>(event.size()));
  return length + littleEndian(maskedChecksum(length)) + event + littleEndian(maskedChecksum(event));
}

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7)
    bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

// The wire types of protocol buffers.
enum WireType : uint64_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

std::string key(uint64_t field, WireType type) { return varint(field << 3 | type); }

std::string bytesField(uint64_t field, std::string_view bytes) {
  return key(field, Bytes) + varint(bytes.size()) + std::string(bytes);
}

// The fields of an Event: 1 wall_time, 2 step, 3 file_version, 5 summary. A Summary's field 1 is a Value, of
// which field 1 is the tag and field 2 the number.
std::string event(double wallTime, int64_t step) {
  return key(1, Fixed64) + littleEndian(wallTime) + key(2, Varint) + varint(static_cast<uint64_t>(step));
}

// Returns the step of an event that `event` began.
int64_t stepOf(std::string_view event) {
  constexpr size_t stepAt = 1 + sizeof(double) + 1;
  uint64_t step = 0;
  for (size_t i = stepAt, shift = 0; i < event.size() && shift < 64; ++i, shift += 7) {
    step |= static_cast<uint64_t>(event[i] & 0x7f) << shift;
    if (!(event[i] & 0x80))
      break;
  }
  return static_cast<int64_t>(step);
}

} // namespace

uint32_t crc32c(std::string_view bytes) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t rest = i;
      for (int bit = 0; bit < 8; ++bit)
        rest = rest >> 1 ^ (rest & 1 ? 0x82f63b78u : 0);
      table[i] = rest;
    }
    return table;
  }();
  uint32_t sum = ~uint32_t{0};
  for (char byte : bytes)
    sum = table[(sum ^ static_cast<uint8_t>(byte)) & 0xff] ^ sum >> 8;
  return ~sum;
}

std::string firstEventRecord(double wallTime) {
  return record(event(wallTime, 0) + bytesField(3, "brain.Event:2"));
}

std::string eventRecord(double wallTime, int64_t step, std::span<const EventScalar> scalars) {
  std::string summary;
  for (const EventScalar &scalar : scalars)
    summary += bytesField(1, bytesField(1, scalar.tag) + key(2, Fixed32) + littleEndian(scalar.value));
  return record(event(wallTime, step) + bytesField(5, summary));
}

int64_t eventBytesUpTo(std::string_view file, int64_t step, std::string_view tag, int64_t most) {
  size_t end = 0;
  while (file.size() - end >= lengthBytes + checksumBytes) {
    const std::string_view rest = file.substr(end), length = rest.substr(0, lengthBytes);
    const auto bytes = fromLittleEndian<uint64_t>(length);
    if (fromLittleEndian<uint32_t>(rest.substr(lengthBytes)) != maskedChecksum(length) ||
        bytes > rest.size() || rest.size() - bytes < lengthBytes + 2 * checksumBytes)
      break;
    const std::string_view event = rest.substr(lengthBytes + checksumBytes, bytes);
    if (fromLittleEndian<uint32_t>(rest.substr(lengthBytes + checksumBytes + bytes)) !=
            maskedChecksum(event) ||
        stepOf(event) > step)
      break;
    if (!tag.empty() && event.find(tag) != std::string_view::npos && --most < 0)
      break;
    end += lengthBytes + 2 * checksumBytes + bytes;
  }
  return static_cast<int64_t>(end);
}

} // namespace kinema

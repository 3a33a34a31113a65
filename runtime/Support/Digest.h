// Computes a short name for content, by which one sees that it is the same: FNV-1a in 64 bits. Accidents do
// not yield the same name twice, but malice could.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace kinema {

class Digest {
public:
  void add(std::string_view text) {
    for (char letter : text)
      value = (value ^ static_cast<uint8_t>(letter)) * 0x100000001b3u;
  }
  uint64_t number() const { return value; }
  std::string text() const { return fmt::format("{:016x}", value); }

private:
  uint64_t value = 0xcbf29ce484222325u;
};

} // namespace kinema

// A short name for content, to see that it is the same: FNV-1a in 64 bits. Chance does not fool it, malice
// would.
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
  std::string text() const { return fmt::format("{:016x}", value); }

private:
  uint64_t value = 0xcbf29ce484222325u;
};

} // namespace kinema

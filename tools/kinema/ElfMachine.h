// Tells for which processor a program or a library is.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kinema {

/// Values of the field e_machine (System V ABI, chapter 4).
inline constexpr uint16_t elfX86 = 62, elfArm = 183;

/// Returns e_machine of a file of 64 bits with the low bytes first; nothing where it is none.
inline std::optional<uint16_t> elfMachine(std::string_view file) {
  constexpr size_t place = 18;
  if (file.size() < place + 2 || !file.starts_with("\177ELF\2\1"))
    return std::nullopt;
  return static_cast<uint16_t>(static_cast<unsigned char>(file[place]) |
                               static_cast<unsigned char>(file[place + 1]) << 8);
}

} // namespace kinema

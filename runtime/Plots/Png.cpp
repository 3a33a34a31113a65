#include "runtime/Plots/Png.h"

#include "runtime/Support/Error.h"

#include <zlib.h>

namespace kinema {
namespace {

void addNumber(std::string &bytes, uint32_t number) {
  for (int shift : {24, 16, 8, 0})
    bytes += static_cast<char>(number >> shift & 0xff);
}

// A chunk is its length, its name and data, and a checksum of these two.
void addChunk(std::string &bytes, std::string_view name, std::string_view data) {
  addNumber(bytes, static_cast<uint32_t>(data.size()));
  const std::string body = std::string(name) + std::string(data);
  bytes += body;
  addNumber(bytes, static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef *>(body.data()),
                                               static_cast<uInt>(body.size()))));
}

std::string deflated(std::string_view data) {
  uLongf size = compressBound(data.size());
  std::string packed(size, '\0');
  if (compress2(reinterpret_cast<Bytef *>(packed.data()), &size, reinterpret_cast<const Bytef *>(data.data()),
                data.size(), Z_BEST_COMPRESSION) != Z_OK)
    fail("a picture of {} bytes cannot be compressed", data.size());
  packed.resize(size);
  return packed;
}

} // namespace

std::string png(std::span<const uint8_t> rgb, int height, int width) {
  std::string header;
  addNumber(header, static_cast<uint32_t>(width));
  addNumber(header, static_cast<uint32_t>(height));
  header += std::string("\x08\x02\x00\x00\x00", 5); // 8 bits of red, green and blue, not interlaced
  const size_t rowBytes = static_cast<size_t>(width) * 3;
  std::string rows;
  for (size_t row = 0; row < static_cast<size_t>(height); ++row) {
    rows += '\0'; // the row is written as it is, without a filter
    rows.append(reinterpret_cast<const char *>(rgb.data()) + row * rowBytes, rowBytes);
  }
  std::string file = "\x89PNG\r\n\x1a\n";
  addChunk(file, "IHDR", header);
  addChunk(file, "IDAT", deflated(rows));
  addChunk(file, "IEND", "");
  return file;
}

std::string dataAddress(std::string_view type, std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text = fmt::format("data:{};base64,", type);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const std::string_view three = bytes.substr(i, 3);
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (k < three.size() ? static_cast<uint8_t>(three[k]) : 0);
    for (size_t k = 0; k < 4; ++k)
      text += k <= three.size() ? digits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

} // namespace kinema

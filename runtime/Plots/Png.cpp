#include "runtime/Plots/Png.h"

#include "runtime/Plots/Packing.h"

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

} // namespace kinema

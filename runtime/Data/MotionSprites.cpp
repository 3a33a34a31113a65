#include "runtime/Data/MotionSprites.h"

#include "runtime/Support/Error.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace kinema {

namespace {

constexpr const char *kinds[] = {"trouser", "bag",     "boot",  "pullover", "sandal",
                                 "dress",   "sneaker", "shirt", "coat",     "top"};
constexpr int fashionLabels[] = {1, 8, 9, 2, 5, 3, 7, 6, 4, 0}; // of these in Fashion-MNIST

// A file in MNIST's idx format: big-endian 32-bit numbers, of which the first names the format, then bytes.
class IdxFile {
public:
  explicit IdxFile(const std::string &name) : name(name), stream(gzopen(name.c_str(), "rb"), gzclose) {
    if (!stream)
      fail("{}: {}: the sprites come from Debian's package dataset-fashion-mnist; name another folder with "
           "--sprites",
           name, std::strerror(errno));
  }

  void read(void *target, size_t bytes) {
    if (gzread(stream.get(), target, static_cast<unsigned>(bytes)) != static_cast<int>(bytes))
      fail("{}: the file is damaged or shorter than its header says", name);
  }

  uint32_t number() {
    uint8_t bytes[4];
    read(bytes, sizeof bytes);
    return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
  }

  const std::string name;

private:
  std::unique_ptr<gzFile_s, int (*)(gzFile)> stream;
};

} // namespace

MotionSprites::MotionSprites(const std::string &folder, const std::string &prefix, bool withKinds) {
  IdxFile images(folder + "/" + prefix + "-images-idx3-ubyte.gz");
  const uint32_t format = images.number(), count = images.number(), rows = images.number(),
                 columns = images.number();
  if (format != 0x803 || count == 0 || count > 1'000'000 || rows != columns || rows == 0 || rows > 256)
    fail("{}: not a file of square pictures in idx format", images.name);
  side = static_cast<int>(rows);
  pixels.resize(size_t{count} * rows * columns);
  images.read(pixels.data(), pixels.size());
  if (withKinds)
    readKinds(folder + "/" + prefix + "-labels-idx1-ubyte.gz");
}

void MotionSprites::readKinds(const std::string &file) {
  IdxFile labels(file);
  if (labels.number() != 0x801 || labels.number() != count())
    fail("{}: not a file of labels in idx format, one for each of {} pictures", file, count());
  std::vector<uint8_t> shown(static_cast<size_t>(count()));
  labels.read(shown.data(), shown.size());
  ofKind.resize(std::size(kinds));
  for (size_t i = 0; i < shown.size(); ++i) {
    const auto kind = std::find(std::begin(fashionLabels), std::end(fashionLabels), shown[i]);
    if (kind == std::end(fashionLabels))
      fail("{}: picture {} has the label {}; labels are 0 to 9", file, i, shown[i]);
    ofKind[static_cast<size_t>(kind - std::begin(fashionLabels))].push_back(static_cast<int64_t>(i));
  }
  for (size_t kind = 0; kind < ofKind.size(); ++kind)
    if (ofKind[kind].empty())
      fail("{}: no picture has the label {}", file, fashionLabels[kind]);
}

std::span<const char *const> spriteKinds() { return kinds; }

} // namespace kinema

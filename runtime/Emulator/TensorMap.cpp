#include "runtime/Emulator/TensorMap.h"

#include "runtime/Support/Error.h"

#include <algorithm>
#include <cstring>

using namespace kinema;
using namespace kinema::emulator;

// ---- Encoding (CUDA driver API, "Tensor Map Object Management")

static void checkTensor(const TensorParameters &p) {
  if (p.rank < 1 || p.rank > mostDimensions)
    fail("tensor map: a tensor has 1 to 5 dimensions, not {}", p.rank);
  if (p.elementBytes != 1 && p.elementBytes != 2 && p.elementBytes != 4 && p.elementBytes != 8)
    fail("tensor map: an element has 1, 2, 4 or 8 bytes, not {}", p.elementBytes);
  if (reinterpret_cast<uint64_t>(p.address) % 16)
    fail("tensor map: the tensor's address is no multiple of 16");
  for (int i = 0; i < p.rank; ++i) {
    if (p.dims[i] < 1 || p.dims[i] > uint64_t(1) << 32)
      fail("tensor map: dimension {} has {} positions; must be 1 to 2^32", i, p.dims[i]);
    if (i > 0 && (p.strides[i] % 16 || p.strides[i] >= uint64_t(1) << 40))
      fail("tensor map: the stride of dimension {} is {} bytes; must be a multiple of 16 below 2^40", i,
           p.strides[i]);
    if (p.steps[i] < 1 || p.steps[i] > 8)
      fail("tensor map: the step along dimension {} is {}; must be 1 to 8", i, p.steps[i]);
  }
}

static void checkInner(uint64_t bytes, Swizzle swizzle) {
  if (bytes % 16)
    fail("tensor map: a box is {} bytes wide; must be a multiple of 16", bytes);
  uint64_t limit = swizzle == Swizzle::None ? ~uint64_t(0) : uint64_t(16) << int(swizzle);
  if (bytes > limit)
    fail("tensor map: a box is {} bytes wide; the swizzle takes {} at most", bytes, limit);
}

static TensorMap encodeTensor(const TensorParameters &p) {
  checkTensor(p);
  TensorMap map;
  map.magic = TensorMap::valid;
  map.elementBytes = uint8_t(p.elementBytes);
  map.rank = uint8_t(p.rank);
  map.swizzle = uint8_t(p.swizzle);
  map.fillsNaN = p.fillsNaN;
  map.address = reinterpret_cast<uint64_t>(p.address);
  map.strides[0] = uint64_t(p.elementBytes);
  for (int i = 0; i < p.rank; ++i) {
    map.dims[i] = uint32_t(p.dims[i]);
    map.steps[i] = i == 0 ? 1 : uint8_t(p.steps[i]);
    if (i > 0)
      map.strides[i] = p.strides[i];
  }
  return map;
}

TensorMap kinema::emulator::encode(const TensorParameters &p) {
  TensorMap map = encodeTensor(p);
  for (int i = 0; i < p.rank; ++i) {
    if (p.box[i] < 1 || p.box[i] > 256)
      fail("tensor map: a box spans {} positions of dimension {}; must be 1 to 256", p.box[i], i);
    map.box[i] = uint16_t(p.box[i]);
  }
  checkInner(uint64_t(p.box[0]) * p.elementBytes, p.swizzle);
  return map;
}

TensorMap kinema::emulator::encode(const BoxMap &map, void *address) {
  BoxMapAxes axes(map);
  TensorParameters p;
  p.address = address;
  p.elementBytes = BoxMap::wordBytes;
  p.rank = int(axes.rank);
  p.dims = axes.sizes;
  p.strides = axes.strides;
  p.box = axes.box;
  p.steps = axes.steps;
  return encode(p);
}

TensorMap kinema::emulator::encode(const Im2colParameters &p) {
  TensorMap map = encodeTensor(p.tensor);
  if (p.tensor.rank < 3)
    fail("tensor map: im2col is for 3 to 5 dimensions, not {}", p.tensor.rank);
  if (p.channels < 1 || p.channels > 256 || p.pixels < 1 || p.pixels > 1024)
    fail("tensor map: im2col copies 1 to 256 channels and 1 to 1024 pixels, not {} and {}", p.channels,
         p.pixels);
  int spatial = p.tensor.rank - 2, least[] = {-32768, -128, -16}, most[] = {32767, 127, 15};
  for (int i = 0; i < spatial; ++i) {
    for (int corner : {p.lower[i], p.upper[i]})
      if (corner < least[spatial - 1] || corner > most[spatial - 1])
        fail("tensor map: a corner of the bounding box is {}; must be {} to {}", corner, least[spatial - 1],
             most[spatial - 1]);
    map.lower[i] = int16_t(p.lower[i]);
    map.upper[i] = int16_t(p.upper[i]);
  }
  map.isIm2col = 1;
  map.channels = uint16_t(p.channels);
  map.pixels = uint16_t(p.pixels);
  checkInner(uint64_t(p.channels) * p.tensor.elementBytes, p.tensor.swizzle);
  return map;
}

static uint32_t copiedAlong(const TensorMap &map, int i) {
  return (map.box[i] + map.steps[i] - 1u) / map.steps[i];
}

uint32_t TensorMap::boxBytes() const {
  if (isIm2col)
    return uint32_t(elementBytes) * channels * pixels;
  uint32_t bytes = elementBytes;
  for (int i = 0; i < rank; ++i)
    bytes *= copiedAlong(*this, i);
  return bytes;
}

uint64_t TensorMap::span() const {
  uint64_t last = 0;
  for (int i = 0; i < rank; ++i)
    last += (dims[i] ? dims[i] - 1 : 0xFFFFFFFFull) * strides[i];
  return last + elementBytes;
}

// ---- Copies

// Bits 4 and up of the address are combined, by exclusive or, with the bits three places above them (PTX ISA,
// "Swizzling modes").
uint32_t kinema::emulator::swizzled(uint32_t address, uint32_t offset, Swizzle swizzle) {
  uint32_t at = address + offset, bits = (1u << int(swizzle)) - 1;
  return at ^ (at >> 3 & bits << 4);
}

namespace {

/// A Row is elements of a tensor that lie beside each other along dimension 0.
struct Row {
  const TensorMap &map;
  std::byte *memory;
  uint32_t address;

  /// Calls function(memory, byte of the row, bytes) for each part of the row that lies together in shared
  /// memory too.
  template <typename Function> void forParts(uint32_t offset, uint32_t elements, Function function) const {
    uint32_t bytes = elements * map.elementBytes;
    uint32_t longest = map.swizzle ? 16 : bytes;
    for (uint32_t done = 0; done < bytes;) {
      uint32_t part = std::min(bytes - done, longest - (map.swizzle ? (offset + done) % 16 : 0));
      function(memory + swizzled(address, offset + done, Swizzle(map.swizzle)), done, part);
      done += part;
    }
  }

  void fill(uint32_t offset, uint32_t elements) const {
    forParts(offset, elements, [&](std::byte *at, uint32_t, uint32_t bytes) {
      std::memset(at, map.fillsNaN ? 0xFF : 0, bytes);
    });
  }
  void load(uint32_t offset, uint64_t from, uint32_t elements) const {
    forParts(offset, elements, [&](std::byte *at, uint32_t done, uint32_t bytes) {
      std::memcpy(at, reinterpret_cast<const std::byte *>(from) + done, bytes);
    });
  }
  void store(uint32_t offset, uint64_t to, uint32_t elements) const {
    forParts(offset, elements, [&](std::byte *at, uint32_t done, uint32_t bytes) {
      std::memcpy(reinterpret_cast<std::byte *>(to) + done, at, bytes);
    });
  }
};

/// Finds which of `count` elements from coordinate `first` on lie within 0 and `size`: [begin, end).
struct Inside {
  uint32_t begin, end;
  Inside(int64_t first, int64_t count, int64_t size)
      : begin(uint32_t(std::clamp<int64_t>(-first, 0, count))),
        end(uint32_t(std::clamp<int64_t>(size - first, begin, count))) {}
};

bool isInside(int64_t coordinate, uint32_t size) { return coordinate >= 0 && uint64_t(coordinate) < size; }

} // namespace

/// Calls function(offset in the box, whether the row is in the tensor, its address at coordinate 0) for each
/// row.
template <typename Function>
static void forRows(const TensorMap &map, std::span<const int32_t> coordinates, Function function) {
  uint32_t rowBytes = map.box[0] * map.elementBytes, rows = map.boxBytes() / rowBytes;
  std::array<uint32_t, mostDimensions> at = {};
  for (uint32_t row = 0; row < rows; ++row) {
    uint64_t address = map.address;
    bool inside = true;
    for (int i = 1; i < map.rank; ++i) {
      int64_t coordinate = int64_t(coordinates[i]) + int64_t(at[i]) * map.steps[i];
      inside &= isInside(coordinate, map.dims[i]);
      address += uint64_t(coordinate) * map.strides[i];
    }
    function(row * rowBytes, inside, address);
    for (int i = 1; i < map.rank && ++at[i] == copiedAlong(map, i); ++i)
      at[i] = 0;
  }
}

static void loadRow(const Row &row, uint32_t offset, bool inside, uint64_t address, int64_t first,
                    uint32_t count) {
  const TensorMap &map = row.map;
  Inside part(first, count, inside ? map.dims[0] : 0);
  if (!inside)
    return row.fill(offset, count);
  row.fill(offset, part.begin);
  row.load(offset + part.begin * map.elementBytes, address + uint64_t(first + part.begin) * map.elementBytes,
           part.end - part.begin);
  row.fill(offset + part.end * map.elementBytes, count - part.end);
}

void kinema::emulator::loadBox(const TensorMap &map, std::span<const int32_t> coordinates, std::byte *memory,
                               uint32_t address) {
  Row row{map, memory, address};
  forRows(map, coordinates, [&](uint32_t offset, bool inside, uint64_t from) {
    loadRow(row, offset, inside, from, coordinates[0], map.box[0]);
  });
}

void kinema::emulator::storeBox(const TensorMap &map, std::span<const int32_t> coordinates,
                                const std::byte *memory, uint32_t address) {
  Row row{map, const_cast<std::byte *>(memory), address};
  Inside part(coordinates[0], map.box[0], map.dims[0]);
  forRows(map, coordinates, [&](uint32_t offset, bool inside, uint64_t to) {
    if (inside)
      row.store(offset + part.begin * map.elementBytes,
                to + uint64_t(int64_t(coordinates[0]) + part.begin) * map.elementBytes,
                part.end - part.begin);
  });
}

/// Calls function(offset in the box, whether the pixel is in the tensor, its address at channel 0) for each
/// pixel. Pixels are walked through within the bounding box, innermost first, from the coordinates on. Each
/// is read at its position plus the offsets (PTX ISA, "Im2col mode").
template <typename Function>
static void forPixels(const TensorMap &map, std::span<const int32_t> coordinates,
                      std::span<const int32_t> offsets, Function function) {
  int spatial = map.rank - 2;
  std::array<int64_t, mostDimensions> at = {};
  std::copy(coordinates.begin(), coordinates.end(), at.begin());
  for (uint32_t pixel = 0; pixel < map.pixels; ++pixel) {
    uint64_t address = map.address;
    bool inside = true;
    for (int i = 1; i < map.rank; ++i) {
      int64_t coordinate = at[i] + (i <= spatial ? offsets[i - 1] : 0);
      inside &= isInside(coordinate, map.dims[i]);
      address += uint64_t(coordinate) * map.strides[i];
    }
    function(pixel * map.channels * map.elementBytes, inside, address);
    int i = 1;
    for (; i <= spatial; ++i) {
      at[i] += map.steps[i];
      if (at[i] < int64_t(map.dims[i]) + map.upper[i - 1])
        break;
      at[i] = map.lower[i - 1];
    }
    if (i > spatial)
      ++at[map.rank - 1];
  }
}

void kinema::emulator::loadIm2col(const TensorMap &map, std::span<const int32_t> coordinates,
                                  std::span<const int32_t> offsets, std::byte *memory, uint32_t address) {
  Row row{map, memory, address};
  forPixels(map, coordinates, offsets, [&](uint32_t offset, bool inside, uint64_t from) {
    loadRow(row, offset, inside, from, coordinates[0], map.channels);
  });
}

void kinema::emulator::forRuns(const TensorMap &map, std::span<const int32_t> coordinates,
                               std::span<const int32_t> offsets,
                               const std::function<void(std::byte *, uint32_t)> &function) {
  uint32_t count = map.isIm2col ? map.channels : map.box[0];
  Inside part(coordinates[0], count, map.dims[0]);
  auto run = [&](uint32_t, bool inside, uint64_t from) {
    uint64_t first = from + uint64_t(int64_t(coordinates[0]) + part.begin) * map.elementBytes;
    if (inside && part.end > part.begin)
      function(reinterpret_cast<std::byte *>(first), (part.end - part.begin) * map.elementBytes);
  };
  if (map.isIm2col)
    forPixels(map, coordinates, offsets, run);
  else
    forRows(map, coordinates, run);
}
